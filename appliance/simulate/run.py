"""Run a file through a motion host without hardware, and sum up what it does."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, evolve, field

from appliance.resources import default_file
from appliance.simulate.any_mcu import CLOCK_FREQ, AnyDictionary
from appliance.simulate.heat import FirstOrderHeat, full_power_rate
from appliance.simulate.lenient import Adapted, without_hardware
from appliance.simulate.markers import Marker, read_markers
from appliance.simulate.result import Feature, Heating, Layer, Limits, Motor, SimulationResult
from klipperd.batch.offline import FileMcus
from klipperd.batch.run import OfflineHost
from klipperd.config.document import ConfigDocument
from klipperd.motion.survey import Survey
from klipperd.motion.toolhead import Toolhead
from klipperd.objects.services import HeatModel
from klipperd.wire.filelink import RATES_PER_DOUBLING, FileLink

__all__ = ["DEFAULT_CONFIG", "Progress", "simulate"]

DEFAULT_CONFIG = "simulated-printer.cfg"
_HALF_WAY = 0.5
"""Endstops trigger so far into the way that homing allows for; in a second approach that is just where."""
_HOMING = "(homing and start)"

Progress = Callable[[float, float], None]
"""Called now and then with the share of the file that was executed (0 to 1) and the print's time (s)."""


class _AnyMcus(dict[str, AnyDictionary]):
    """A dictionary for every MCU that is asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = AnyDictionary.make()
        return self[name]


@define(eq=False, repr=False)
class _SimulatedMcus(FileMcus):
    """MCUs that only count, heaters that take their time."""

    heaters: list[FirstOrderHeat] = field(init=False, factory=list)
    heating_time: float = field(init=False, default=0.0)
    adapted: Adapted = field(init=False)
    on_portion: Callable[[], None] = field(init=False, default=lambda: None)

    def adapt(self, document: ConfigDocument, catalogue: Any) -> ConfigDocument:
        """See L{klipperd.objects.services.Offline}; what motion does not depend on may be left out."""
        self.adapted = without_hardware(document, catalogue)
        return self.adapted.document

    def heat(self, section: str, config: Any, clock: Any) -> HeatModel:
        """See L{klipperd.objects.services.Offline}."""
        rate = full_power_rate(section, config)
        made = FirstOrderHeat(section, rate, config.max_temp, config.max_power, clock)
        self.heaters.append(made)
        return made

    def waited(self, seconds: float) -> None:
        """See L{klipperd.objects.services.Offline}."""
        self.heating_time += seconds

    def write(self, until: float | None = None) -> None:
        """Forget what was sent, and look at what was planned."""
        super().write(until)
        self.on_portion()


class _Unknown:
    """The status of a section that was left out: macros find it, and nothing in it."""

    def status(self, eventtime: float) -> dict[str, Any]:
        return {}


@define(eq=False, repr=False)
class _Recorder:
    """Takes in what the tool head plans, before it is forgotten."""

    toolhead: Toolhead
    survey: Survey
    keep: bool
    _next: int = field(init=False, default=0)
    _data: list[bytes] = field(init=False, factory=list)

    def take(self) -> None:
        self.survey.take()
        while self.keep:
            data, following = self.toolhead.queue.records(self._next)
            if following == self._next:
                break
            self._data.append(data)
            self._next = following

    @property
    def data(self) -> bytes:
        return b"".join(self._data)


def simulate(
    path: str, config: str | None = None, *, progress: Progress | None = None, keep_moves: bool = False
) -> SimulationResult:
    """Print a file on a printer that is only thought of, much faster than it would print.

    @param config: its printer.cfg; that of the simulated printer without.
    @param keep_moves: keep every move, for plots.
    @raise klipperd.batch.errors.BatchError: configuration or file are refused; names the line.
    @raise OSError: a file cannot be read.
    """
    began = time.perf_counter()
    config = os.path.abspath(config) if config is not None else str(default_file(DEFAULT_CONFIG))
    markers = read_markers(path)
    mcus = _SimulatedMcus(_AnyMcus(), lambda _name: FileLink(-1), approach_share=_HALF_WAY)
    warnings: list[str] = []
    with OfflineHost(config, mcus) as host, host.open_file(path) as file:
        host.dispatcher.listen(lambda line: _note(line, warnings))
        host.host.extra_status = {name: _Unknown() for name in mcus.adapted.sections}
        toolhead = host.require_toolhead()
        queues = [extruder.queue for extruder in host.extruders]
        survey = Survey(toolhead.queue, queues, [marker.offset for marker in markers])
        recorder = _Recorder(toolhead, survey, keep_moves)
        start = toolhead.last_move_time()

        def portion() -> None:
            recorder.take()
            if progress is not None:
                progress(host.position / file.size if file.size else 1.0, toolhead.print_time - start)

        mcus.on_portion = portion
        host.run_file(file)
        mcus.write()
        made = _sum_up(host, mcus, survey, markers, start)
    return evolve(
        made,
        file=path,
        warnings=[*mcus.adapted.told, *warnings],
        elapsed=time.perf_counter() - began,
        moves_data=recorder.data,
    )


def _note(line: str, warnings: list[str]) -> None:
    text = line.removeprefix("// ").removeprefix("!! ")
    if line.startswith(("// Unknown command", "!! ")) and text not in warnings:
        warnings.append(text)


def _sum_up(
    host: OfflineHost, mcus: _SimulatedMcus, survey: Survey, markers: list[Marker], start: float
) -> SimulationResult:
    toolhead = host.require_toolhead()
    sections, summary = survey.sections(), survey.summary()
    moving = sum(section["time"] for section in sections)
    total = toolhead.print_time - start
    return SimulationResult(
        file="",
        config=host.config_file,
        kinematics=host.kinematics_name,
        print_time=total,
        moving_time=moving,
        heating_time=mcus.heating_time,
        other_time=max(total - moving - mcus.heating_time, 0.0),
        moves=summary["moves"],
        distance=sum(section["distance"] for section in sections),
        filament=sum(section["filament"] for section in sections),
        top_speed=summary["top_speed"],
        top_accel=summary["top_accel"],
        axis_speed=summary["axis_speed"],
        axis_accel=summary["axis_accel"],
        extent=[
            (low, high) for low, high in zip(summary["low"], summary["high"], strict=True) if low <= high
        ],
        layers=_layers(sections, markers, start),
        features=_features(sections, markers),
        motors=[_motor(motor.name, motor.hardware) for motor in toolhead.generation.motors],
        limits=Limits(summary["speeding"], summary["cruising"], summary["junctions"]),
        heaters=[Heating(h.section, h.highest, h.rate) for h in mcus.heaters if h.highest > 0.0],
        warnings=[],
    )


def _layers(sections: list[dict[str, float]], markers: list[Marker], start: float) -> list[Layer]:
    found: dict[int, Layer] = {}
    for marker, section in zip(markers, sections[1:], strict=True):
        if marker.layer == 0 or section["begin"] < 0.0:
            continue
        at = found.get(marker.layer)
        if at is None:
            at = Layer(marker.layer, marker.height, section["begin"] - start, 0.0, 0.0, 0.0)
        found[marker.layer] = evolve(
            at,
            time=at.time + section["time"],
            distance=at.distance + section["distance"],
            filament=at.filament + section["filament"],
        )
    return list(found.values())


def _features(sections: list[dict[str, float]], markers: list[Marker]) -> list[Feature]:
    found: dict[str, Feature] = {}
    for name, section in zip(_names(markers), sections, strict=True):
        if section["begin"] < 0.0:
            continue
        at = found.get(name) or Feature(name, 0.0, 0.0, 0.0, 0.0, 0.0)
        found[name] = evolve(
            at,
            time=at.time + section["time"],
            distance=at.distance + section["distance"],
            filament=at.filament + section["filament"],
            top_speed=max(at.top_speed, section["top_speed"]),
            top_flow=max(at.top_flow, section["top_flow"]),
        )
    return sorted(found.values(), key=lambda feature: -feature.time)


def _names(markers: list[Marker]) -> Iterable[str]:
    yield _HOMING
    for marker in markers:
        yield marker.feature or _HOMING


def _motor(name: str, hardware: Any) -> Motor:
    known = hardware.mcu.link.stepper(hardware.oid)
    rates = [(2.0 ** (i / RATES_PER_DOUBLING), count) for i, count in enumerate(known["rates"]) if count]
    shortest = known["shortest"]
    return Motor(name, known["steps"], CLOCK_FREQ / shortest if shortest else 0.0, _top_rate(rates), rates)


def _top_rate(rates: list[tuple[float, int]]) -> float:
    left = sum(count for _, count in rates) / 1000.0
    for rate, count in reversed(rates):
        left -= count
        if left < 0.0:
            return rate * 2.0 ** (1.0 / RATES_PER_DOUBLING)
    return 0.0
