"""A printer.cfg as far as the time of a print depends on it.

Nobody has to connect a micro-controller, and a section that only another host knows keeps nobody from
learning how long a print takes: both are taken out, and what was taken out is told. What motion and heaters
depend on must be right.
"""

import re
from collections.abc import Iterator

from attrs import define, evolve, field, frozen

from klipperd.config.document import ConfigDocument, ConfigOption, ConfigSection
from klipperd.errors import ConfigError, Problem
from klipperd.host import HOST_SERVICES
from klipperd.mcu.pin_names import MAIN_CHIP, PIN
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.plan import make_plan

__all__ = ["Adapted", "without_hardware"]

_ESSENTIAL = re.compile(
    r"printer|mcu|(stepper|carriage|extra_carriage|dual_carriage|extruder|manual_stepper)\w*"
    r"|heater_bed|heater_generic|bed_mesh|bed_tilt|skew_correction|input_shaper|force_move|gcode_macro"
)
"""Kinds of sections whose mistakes would make the result wrong."""
_ANY_SENSOR = "EPCOS 100K B57560G104F"
"""A heater's temperature is modelled, whatever its sensor is."""
_CONTROLS = ("pid", "watermark")
_SENSOR_SECTIONS = ("thermistor", "adc_temperature")
_PROBED = "probe"
"""The chip of an endstop that a probe is."""


@frozen
class Adapted:
    """What is left of a configuration. C{sections}: names of those left out; C{told}: a line each."""

    document: ConfigDocument
    sections: tuple[str, ...]
    told: list[str]


def without_hardware(document: ConfigDocument, catalogue: Catalogue) -> Adapted:
    """A copy without what needs hardware or is not known.

    @raise ConfigError: with all mistakes in what motion depends on.
    """
    sections = {
        name: ConfigSection(section.name, section.place, dict(section.options))
        for name, section in document.sections.items()
    }
    copy = _Copy(ConfigDocument(document.path, sections, document.files), catalogue)
    copy.replace_mcus()
    copy.replace_pins()
    copy.replace_sensors()
    copy.replace_controls()
    copy.leave_out()
    return Adapted(
        copy.document, tuple(name for name in document.sections if name not in sections), copy.told
    )


@define
class _Copy:
    """A document that is changed until a host can be built from it."""

    document: ConfigDocument
    catalogue: Catalogue
    told: list[str] = field(factory=list)

    def _set(self, section: ConfigSection, option: str, value: str) -> None:
        known = section.options.get(option)
        place = known.place if known is not None else section.place
        section.options[option] = ConfigOption(option, value, place)

    def _tell(self, problem: Problem) -> None:
        text = f"{evolve(problem, text='ignored')} ({problem.text})"
        if text not in self.told:
            self.told.append(text)

    def replace_mcus(self) -> None:
        """However an MCU is connected, it isn't."""
        for section in self.document.sections.values():
            if section.kind == "mcu":
                section.options.clear()
                self._set(section, "serial", "none")

    def replace_pins(self) -> None:
        """Pins of sections that act as chips, such as drivers, expanders and probes."""
        sections = self.document.sections.values()
        chips = {MAIN_CHIP, *(section.title for section in sections if section.kind == "mcu")}
        for section in sections:
            for option in list(section.options.values()):
                found = PIN.match(option.value) if option.name.endswith("pin") else None
                if found is None or found["chip"] is None or found["chip"] in chips:
                    continue
                name = re.sub(r"\W", "_", f"{section.name} {option.name}")
                self._set(section, option.name, f"{found['modifiers']}{name}")
                if found["chip"] == _PROBED and "position_endstop" not in section.options:
                    self._set(section, "position_endstop", "0")

    def replace_sensors(self) -> None:
        """Sensors of types that are not known."""
        sections = self.document.sections.values()
        known = {section.title for section in sections if section.kind in _SENSOR_SECTIONS}
        known |= {declared.section for declared in self.catalogue.objects if declared.internal}
        for section in sections:
            given = section.options.get("sensor_type")
            if given is None or given.value in known or self.catalogue.find(section.name) is None:
                continue
            text = f"unknown type of sensor: {given.value}"
            self._tell(Problem(text, given.place, section.name, given.name))
            self._set(section, "sensor_type", _ANY_SENSOR)
            if "sensor_pin" not in section.options:
                name = re.sub(r"\W", "_", section.name)
                self._set(section, "sensor_pin", f"{name}_sensor")

    def replace_controls(self) -> None:
        """Ways to control a heater that are not known: the model's control is ideal."""
        for section in self.document.sections.values():
            given = section.options.get("control")
            if given is None or "heater_pin" not in section.options or given.value in _CONTROLS:
                continue
            self._tell(Problem(f"unknown control: {given.value}", given.place, section.name, given.name))
            self._set(section, "control", "watermark")

    def leave_out(self) -> None:
        """Leave out what is wrong until nothing is. @raise ConfigError: it can't be left out."""
        while problems := self._problems():
            fatal = [problem for problem in problems if not self._left_out(problem)]
            if fatal:
                raise ConfigError(fatal)

    def _problems(self) -> tuple[Problem, ...]:
        try:
            make_plan(self.document, self.catalogue, HOST_SERVICES)
        except ConfigError as error:
            return error.problems
        return ()

    def _left_out(self, problem: Problem) -> bool:
        section = self.document.sections.get(problem.section or "")
        if section is None:
            return any(self._said_of(problem))
        if problem.unknown and problem.option is not None:
            del section.options[problem.option]
        elif problem.unknown or _ESSENTIAL.fullmatch(section.kind) is None:
            del self.document.sections[section.name]
            why = f"{problem.option}: {problem.text}" if problem.option is not None else problem.text
            problem = Problem(why, problem.place, section.name)
        else:
            return False
        self._tell(problem)
        return True

    def _said_of(self, problem: Problem) -> Iterator[bool]:
        """Whether it is a further problem of a section that is left out by now."""
        return (f"[{problem.section}]" in text for text in self.told)
