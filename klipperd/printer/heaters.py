"""All heaters and temperature sensors of the printer: their commands, M105's line, and waiting for them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.gcode.temperatures import TemperatureReport
from klipperd.objects import Call, PrinterObject, command, param, status_field
from klipperd.objects.services import HostSettings, Offline
from klipperd.objects.values import nearest
from klipperd.printer.thermometer import Gauge, NoOptions, Thermometer

if TYPE_CHECKING:
    from klipperd.printer.heater import Heater

__all__ = ["Heaters", "HeatersStatus", "TemperatureSource", "build_heaters"]

_REPORT_EVERY = 1.0

_Source = TypeVar("_Source", bound="TemperatureSource")


class TemperatureSource:
    """A section that has a temperature."""

    section: str
    """Its full name."""
    name: str
    """The last word of it."""
    gcode_id: str | None = None
    """What M105 calls it; None where M105 doesn't show it."""
    target: float | None = None
    """The target (degrees Celsius), 0 when off; None where there is none."""
    thermometer: Thermometer
    gauge: Gauge

    @property
    def temperature(self) -> float:
        """The smoothed temperature, degrees Celsius; 0 when no reading came for 5 seconds."""
        return self.gauge.temperature


@frozen
class HeatersStatus:
    """Status of C{heaters}."""

    available_heaters: list[str] = status_field(doc="full section names of all heaters")
    available_sensors: list[str] = status_field(doc="full section names of all temperature sensors")
    available_monitors: list[str] = status_field(
        doc="full section names of temperature monitors, which are not always available"
    )


@define(eq=False, repr=False, slots=False)
class Heaters(TemperatureReport):
    """Knows every heater and sensor; they add themselves when they are built."""

    _clock: IReactorTime
    _offline: Offline | None = None
    heaters: "list[Heater]" = field(init=False, factory=list)
    sensors: list[TemperatureSource] = field(init=False, factory=list)
    monitors: list[str] = field(init=False, factory=list)
    _waiting: "list[Deferred[None]]" = field(init=False, factory=list)
    _interrupted: bool = field(init=False, default=False)

    def add(self, heater: "Heater") -> None:
        """A heater has been built."""
        self.heaters.append(heater)
        self.sensors.append(heater)

    def add_sensor(self, sensor: TemperatureSource) -> None:
        """A sensor without a heater has been built."""
        self.sensors.append(sensor)

    def add_monitor(self, section: str) -> None:
        """A part that knows its temperature at times (a stepper driver) has been built."""
        self.monitors.append(section)

    def temperature_of(self, name: str) -> float | None:
        """See L{klipperd.printer.thermometer.Temperatures}."""
        found = _by_name(name, self.sensors)
        if found is None:
            raise KeyError(name)
        return found.temperature if found.gauge.fresh else None

    def heater(self, name: str) -> "Heater":
        """The heater of a name. @raise CommandError: with the nearest name."""
        found = _by_name(name, self.heaters)
        if found is None:
            names = [h.name for h in self.heaters]
            raise CommandError(f"there is no heater named {name!r}{nearest(name, names) or _listed(names)}")
        return found

    def temperature_report(self) -> str:
        """See L{klipperd.gcode.temperatures.TemperatureReport}."""
        shown = sorted((s for s in self.sensors if s.gcode_id), key=lambda s: s.gcode_id or "")
        lines = (f"{s.gcode_id}:{s.temperature:.1f} /{s.target or 0.0:.1f}" for s in shown)
        return " ".join(lines) or "T:0"

    # commands

    @command("TURN_OFF_HEATERS")
    async def turn_off(self, call: Call) -> None:
        """Turn off all heaters"""
        for heater in self.heaters:
            heater.set_target(0.0)

    @command("SET_HEATER_TEMPERATURE")
    async def set_heater_temperature(
        self, call: Call, *, heater: str, target: float = param(0.0, doc="degrees Celsius")
    ) -> None:
        """Set a heater's target temperature"""
        self.heater(heater).set_target(target)

    @command("TEMPERATURE_WAIT")
    async def temperature_wait(
        self,
        call: Call,
        *,
        sensor: str,
        minimum: float | None = None,
        maximum: float | None = None,
    ) -> None:
        """Wait until a temperature is at or above MINIMUM and at or below MAXIMUM"""
        source = _by_name(sensor, self.sensors)
        if source is None:
            names = [s.section for s in self.sensors]
            hint = nearest(sensor, names) or _listed(names)
            raise CommandError(f"there is no sensor named {sensor!r}{hint}")
        if minimum is None and maximum is None:
            raise CommandError("TEMPERATURE_WAIT needs MINIMUM or MAXIMUM")
        low, high = -1e9 if minimum is None else minimum, 1e9 if maximum is None else maximum
        if low > high:
            raise CommandError(f"TEMPERATURE_WAIT: MINIMUM {low:g} is above MAXIMUM {high:g}")
        await self.wait_until(call, lambda: low <= source.temperature <= high)

    @command("M108", immediate=True)
    async def interrupt(self, call: Call) -> None:
        """Stop waiting for a temperature and go on"""
        self.interrupt_waits()

    # waiting

    async def set_and_wait(self, call: Call, heater: "Heater", target: float, wait: bool) -> None:
        """What M104 and M109 do: set a target, and wait until the temperature has settled there."""
        heater.set_target(target)
        if wait and target > 0.0:
            await self.wait_until(call, lambda: heater.settled)

    async def wait_until(self, call: Call, arrived: Callable[[], bool]) -> None:
        """Report all temperatures every second until C{arrived()}, or L{interrupt_waits}.

        @raise CommandError: when the printer shuts down meanwhile.
        """
        self._interrupted = False
        began = self._clock.seconds()
        while not arrived() and not self._interrupted:
            if self._offline is not None and all(heater.settled for heater in self.heaters):
                break  # nothing will change any more
            call.respond(self.temperature_report())
            await self._pause(_REPORT_EVERY)
        if self._offline is not None:
            self._offline.waited(self._clock.seconds() - began)

    async def _pause(self, seconds: float) -> None:
        timer = self._clock.callLater(seconds, lambda: waiting.callback(None))
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        try:
            await waiting
        finally:
            self._waiting.remove(waiting)
            if timer.active():
                timer.cancel()

    def interrupt_waits(self) -> None:
        """End all waits as if they had arrived (a print is cancelled)."""
        self._interrupted = True
        for waiting in list(self._waiting):
            waiting.callback(None)

    # life

    def shutdown(self, reason: str) -> None:
        """Whoever waits for a temperature waits no more."""
        for waiting in list(self._waiting):
            waiting.errback(CommandError(f"the printer has shut down: {reason}"))

    async def close(self) -> None:
        """The printer goes away."""
        self.shutdown("it restarts")

    def status(self, eventtime: float) -> HeatersStatus:
        """See L{HeatersStatus}."""
        return HeatersStatus(
            [h.section for h in self.heaters], [s.section for s in self.sensors], list(self.monitors)
        )


def _by_name(name: str, among: Sequence[_Source]) -> _Source | None:
    return next((s for s in among if name.lower() in (s.section.lower(), s.name.lower())), None)


def _listed(names: list[str]) -> str:
    return f" (there is: {', '.join(names)})" if names else " (the configuration has none)"


def build_heaters(config: NoOptions, clock: IReactorTime, settings: HostSettings) -> Heaters:
    """Build the C{heaters} object."""
    return Heaters(clock, settings.offline)


heaters = PrinterObject("heaters", NoOptions, build_heaters, internal=True)
