"""Stand-ins for the hardware side, checked against the real classes by C{test_fakes}, and a printer on them.

The board keeps print time C{OFFSET} seconds ahead of the clock and watches what a micro-controller would:
settings that come too late or out of order, and outputs that expire.
"""

import importlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from klipperd.config.configuration import Configuration
from klipperd.config.document import ConfigDocument, parse_text
from klipperd.errors import ConfigError, Problem
from klipperd.gcode.dispatch import Dispatcher
from klipperd.mcu.board import Board
from klipperd.motion.enable import EnableLines, SharedLine
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Pin, PrinterObject
from klipperd.objects.build import Built, build_plan
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.plan import Plan, make_plan
from klipperd.objects.services import HostControl, HostSettings, HostState, Objects
from klipperd.printer.thermometer import NoOptions
from klipperd.remote.procedures import Procedures
from klipperd.thermal.conversion import DividedResistance
from klipperd.thermal.parts import THERMISTORS
from klipperd.workers import SameThread, Workers

__all__ = ["OFFSET", "FakeBoard", "FakeOutput", "FakePrinter", "FakeToolhead", "plan_of", "reading_at"]

OFFSET = 5.0


@define(eq=False)
class FakeDictionary:
    """Says which chip the MCU is."""

    constants: dict[str, str] = field(factory=lambda: {"MCU": "stm32f446xx"})


@define(eq=False)
class FakeMcu:
    """Print time runs C{OFFSET} s ahead of the clock."""

    clock: Clock
    dictionary: FakeDictionary = field(factory=FakeDictionary)
    explainers: list[Callable[[str], str | None]] = field(factory=list)

    def on_fault(self, explainer: Callable[[str], str | None]) -> None:
        self.explainers.append(explainer)

    def estimated_print_time(self, eventtime: float) -> float:
        return eventtime + OFFSET


@define(eq=False)
class FakeOutput:
    """A digital or PWM output: C{settings} are (print time, value) in the order they came."""

    mcu: FakeMcu
    pin: str
    options: Mapping[str, Any]
    settings: list[tuple[float, float]] = field(factory=list)

    def set(self, print_time: float, value: float) -> None:
        now = self.mcu.estimated_print_time(self.mcu.clock.seconds())
        assert print_time > now, f"{self.pin}: set at {print_time}, and it is {now} already"
        if self.settings:
            assert print_time > self.settings[-1][0], f"{self.pin}: settings are out of order"
        assert 0.0 <= value <= 1.0, f"{self.pin}: {value}"
        self.settings.append((print_time, float(value)))

    @property
    def value(self) -> float:
        """What was set last."""
        return self.settings[-1][1] if self.settings else float(self.options.get("start", 0.0))

    def at(self, print_time: float) -> float:
        """What the pin shows at C{print_time}."""
        shown = float(self.options.get("start", 0.0))
        for time, value in self.settings:
            if time <= print_time:
                shown = value
        return shown

    def expired(self) -> bool:
        """Whether the output was left on without a word for longer than its max_duration."""
        limit = self.options["max_duration"]
        if not limit:
            return False
        ends = [time for time, _ in self.settings[1:]]
        ends.append(self.mcu.estimated_print_time(self.mcu.clock.seconds()))
        shutdown = self.options.get("shutdown", 0.0)
        return any(
            value != shutdown and end - time > limit
            for (time, value), end in zip(self.settings, ends, strict=True)
        )


@define(eq=False)
class FakeAdc:
    """An analog input; C{read} is the micro-controller's report."""

    mcu: FakeMcu
    pin: str
    options: Mapping[str, Any]
    on_reading: Callable[[float, float], None]

    def read(self, ratio: float) -> None:
        self.on_reading(self.mcu.estimated_print_time(self.mcu.clock.seconds()), ratio)


@define(eq=False)
class FakeButtons:
    """Buttons; C{press(pressed)} is the micro-controller's report."""

    pins: tuple[str, ...]
    on_change: Callable[..., None]


class FakeBoard(Board):
    """Everything by pin name."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.mcu = FakeMcu(clock)
        self.mcus: dict[str, Any] = {"mcu": self.mcu}
        self.outputs: dict[str, FakeOutput] = {}
        self.adcs: dict[str, FakeAdc] = {}
        self.switches: dict[str, FakeButtons] = {}
        self.counters: dict[str, Callable[..., None]] = {}

    def pwm_out(self, pin: Pin, **options: Any) -> Any:
        return self._output(pin, options)

    def digital_out(self, pin: Pin, **options: Any) -> Any:
        return self._output(pin, options)

    def _output(self, pin: Pin, options: Mapping[str, Any]) -> FakeOutput:
        assert pin.text not in self.outputs, f"pin {pin} is used twice"
        return self.outputs.setdefault(pin.text, FakeOutput(self.mcu, pin.text, options))

    def adc_in(self, pin: Pin, *, on_reading: Callable[[float, float], None], **options: Any) -> Any:
        adc = FakeAdc(self.mcu, pin.text, options, on_reading)
        return self.adcs.setdefault(pin.text, adc)

    def buttons(self, pins: Any, on_change: Callable[..., None], **options: Any) -> Any:
        names = tuple(pin.text for pin in pins)
        found = FakeButtons(names, on_change)
        self.switches.update(dict.fromkeys(names, found))
        return found

    def faults(self, reason: str) -> list[str]:
        """What the owners of pins know about a shutdown."""
        return [text for explain in self.mcu.explainers if (text := explain(reason)) is not None]

    def pulse_counter(self, pin: Pin, *, on_count: Callable[..., None], **options: Any) -> Any:
        self.counters[pin.text] = on_count


class FakeToolhead(Toolhead):
    """Moves queued so far end C{ahead} seconds from now."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.ahead = 0.0
        self.extruder = None
        self.enable = EnableLines({name: SharedLine(None) for name in ("stepper_x", "stepper_y")})
        self.generation = SimpleNamespace(enable=self.enable)  # type: ignore[assignment]

    def on_print_time(self, callback: Callable[[float], None]) -> None:
        callback(self.clock.seconds() + OFFSET + self.ahead)

    def shutdown(self, reason: str) -> None:
        pass


@define(eq=False)
class FakeHost(HostControl):
    """Remembers why it was shut down, and passes that on."""

    reasons: list[str] = field(factory=list)
    on_shutdown: Callable[[str], None] = lambda reason: None

    def state(self) -> HostState:
        return HostState.SHUTDOWN if self.reasons else HostState.READY

    def state_message(self) -> str:
        return "\n".join(self.reasons)

    def shutdown(self, reason: str) -> None:
        self.reasons.append(reason)
        if len(self.reasons) == 1:
            self.on_shutdown(reason)

    def restart(self, *, firmware: bool) -> None:
        raise NotImplementedError


def _build_board(config: NoOptions, clock: IReactorTime) -> FakeBoard:
    assert isinstance(clock, Clock)
    return FakeBoard(clock)


def _build_toolhead(config: NoOptions, clock: IReactorTime) -> FakeToolhead:
    assert isinstance(clock, Clock)
    return FakeToolhead(clock)


_BOARD = PrinterObject("board", NoOptions, _build_board, internal=True)
_TOOLHEAD = PrinterObject("toolhead", NoOptions, _build_toolhead, internal=True)
_SERVICES = (IReactorTime, HostControl, HostSettings, Dispatcher, Configuration, Workers, Objects, Procedures)


_MODULES = (
    "adc_temperature",
    "controller_fan",
    "fan",
    "fan_generic",
    "filament_switch_sensor",
    "fitter",
    "gcode_templates",
    "heater_bed",
    "heater_fan",
    "heater_generic",
    "heaters",
    "hotend",
    "idle_timeout",
    "led",
    "output_pin",
    "pid_calibrate",
    "pwm_tool",
    "query_adc",
    "servo",
    "static_digital_output",
    "static_pwm_clock",
    "temperature_combined",
    "temperature_fan",
    "temperature_host",
    "temperature_mcu",
    "temperature_sensor",
    "thermistor",
    "verify_heater",
)


def catalogue() -> Catalogue:
    """All that is thermal, on fakes."""
    modules = (importlib.import_module(f"klipperd.printer.{name}") for name in _MODULES)
    found = {id(o): o for m in modules for o in vars(m).values() if isinstance(o, PrinterObject)}
    return Catalogue((*found.values(), _BOARD, _TOOLHEAD))


def document_of(text: str) -> ConfigDocument:
    """Parse configuration text, which is called C{printer.cfg}."""
    document, problems = ConfigDocument("printer.cfg"), list[Problem]()
    parse_text(text, "printer.cfg", document, problems, lambda pattern, place: None)
    if problems:
        raise ConfigError(problems)
    return document


def plan_of(text: str) -> Plan:
    """Check configuration text."""
    return make_plan(document_of(text), catalogue(), _SERVICES)


def reading_at(celsius: float, kind: str = "Generic 3950", pullup: float = 4700.0) -> float:
    """What an ADC reads of a thermistor."""
    return DividedResistance(THERMISTORS[kind], pullup).ratio(celsius)


@define(eq=False)
class FakePrinter:
    """A printer built from configuration text, on a clock that only L{run} moves."""

    text: str
    extra: tuple[PrinterObject, ...] = ()
    clock: Clock = field(factory=Clock)
    host: FakeHost = field(factory=FakeHost)
    lines: list[str] = field(factory=list)
    configuration: Configuration = field(factory=Configuration)
    built: Built = field(factory=Built)
    dispatcher: Dispatcher = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.clock.advance(1000.0)
        self.dispatcher = Dispatcher(self.clock)
        self.dispatcher.listen(self.lines.append)
        services = {
            IReactorTime: self.clock,
            HostControl: self.host,
            HostSettings: HostSettings("printer.cfg"),
            Dispatcher: self.dispatcher,
            Configuration: self.configuration,
            Workers: SameThread(),
            Objects: Objects(self.built.with_status),
            Procedures: Procedures(),
        }
        document = document_of(self.text + "\n[idle_timeout]\ntimeout: 1000000\n")
        everything = Catalogue((*catalogue().objects, *self.extra))
        plan = make_plan(document, everything, services)
        self.configuration.load(document, plan)
        self.host.on_shutdown = self.built.shutdown
        finish(build_plan(plan, services, self.built))
        for name, made in self.built.objects.items():
            self.dispatcher.add(made, getattr(made, "name", name))
        finish(self.built.connect())

    def ready(self) -> "FakePrinter":
        """Run the C{ready} hooks."""
        self.built.ready()
        return self

    @property
    def board(self) -> FakeBoard:
        return self.built.objects["board"]  # type: ignore[no-any-return]

    @property
    def toolhead(self) -> FakeToolhead:
        return self.built.objects["toolhead"]  # type: ignore[no-any-return]

    def run(self, seconds: float, each: Callable[[], None] = lambda: None, step: float = 0.3) -> None:
        """Let time pass; C{each} is called before each C{step}."""
        until = self.clock.seconds() + seconds - 1e-9
        while self.clock.seconds() < until:
            each()
            self.clock.advance(step)

    def gcode(self, script: str) -> "Deferred[None]":
        """Start a script."""
        return Deferred.fromCoroutine(self.dispatcher.run_script(script))

    def do(self, script: str) -> None:
        """Run a script that does not wait. @raise CommandError: as it says."""
        finish(self.dispatcher.run_script(script))

    def status(self, name: str) -> Any:
        return self.built.objects[name].status(self.clock.seconds())


def finish(coroutine: Any) -> Any:
    """The result of a coroutine that has nothing to wait for."""
    results: list[Any] = []
    Deferred.fromCoroutine(coroutine).addBoth(results.append)
    assert results, "it still waits"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]
