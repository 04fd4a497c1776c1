"""C{[filament_switch_sensor NAME]}: pause when the filament runs out, act when some is inserted."""

from collections.abc import Coroutine
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.templates import GcodeTemplate, GcodeTemplates
from klipperd.mcu.board import Board
from klipperd.objects import Call, Gcode, Identity, Pin, PrinterObject, command, option, status_field
from klipperd.printer.idle_timeout import IdleTimeout

__all__ = [
    "FilamentSensorStatus",
    "FilamentSwitchSensor",
    "FilamentSwitchSensorConfig",
    "build_filament_switch_sensor",
]

_log = Logger()

_SETTLING = 2.0
"""Seconds after the start in which the switch's first report is no event."""


@frozen(kw_only=True)
class FilamentSwitchSensorConfig:
    """C{[filament_switch_sensor NAME]}."""

    switch_pin: Pin = option(doc="input of the switch")
    pause_on_runout: bool = option(True, doc="run PAUSE when the filament runs out")
    runout_gcode: Gcode | None = option(None, doc="G-code to run when the filament has run out, after PAUSE")
    insert_gcode: Gcode | None = option(None, doc="G-code to run when filament is inserted")
    event_delay: float = option(3.0, minimum=0.0, unit="s", doc="least time between two events")
    pause_delay: float = option(0.5, above=0.0, unit="s", doc="time between PAUSE and runout_gcode")
    debounce_delay: float = option(0.0, minimum=0.0, unit="s", doc="time that the switch must keep a state")


@frozen
class FilamentSensorStatus:
    """Status of a filament sensor."""

    enabled: bool = status_field(doc="whether the sensor is enabled")
    filament_detected: bool = status_field(doc="whether there is filament")


@define(eq=False, repr=False)
class FilamentSwitchSensor:
    """One switch: closed means that there is filament."""

    name: str
    _config: FilamentSwitchSensorConfig
    _clock: IReactorTime
    _dispatcher: Dispatcher
    _idle_timeout: IdleTimeout
    _runout: GcodeTemplate | None
    _insert: GcodeTemplate | None
    enabled: bool = field(init=False, default=True)
    detected: bool = field(init=False, default=False)
    _deaf_until: float | None = field(init=False, default=None)
    """Host time from which events count again; None: never (not ready, or an event is being served)."""
    _bouncing: IDelayedCall | None = field(init=False, default=None)
    _serving: "Deferred[None] | None" = field(init=False, default=None)

    def changed(self, print_time: float, pressed: tuple[bool, ...]) -> None:
        """The switch's state has been reported."""
        self._stop_bouncing()
        if self._config.debounce_delay > 0.0 and self._deaf_until is not None:
            delay = self._config.debounce_delay
            self._bouncing = self._clock.callLater(delay, self._settled, pressed[0])
        else:
            self._settled(pressed[0])

    def _stop_bouncing(self) -> None:
        bouncing, self._bouncing = self._bouncing, None
        if bouncing is not None and bouncing.active():
            bouncing.cancel()

    def _settled(self, detected: bool) -> None:
        if detected == self.detected:
            return
        self.detected = detected
        now = self._clock.seconds()
        if not self.enabled or self._deaf_until is None or now < self._deaf_until:
            return
        printing = self._idle_timeout.status(now).state == "Printing"
        if detected and not printing and self._insert is not None:
            self._serve(self._inserted(self._insert))
        elif not detected and printing and (self._config.pause_on_runout or self._runout is not None):
            self._serve(self._ran_out())

    def _serve(self, work: Coroutine[Any, Any, None]) -> None:
        self._deaf_until = None
        self._serving = Deferred.fromCoroutine(self._served(work))
        self._serving.addErrback(lambda failure: None)

    async def _served(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except CommandError as error:
            _log.error("[filament_switch_sensor {name}]: {error}", name=self.name, error=error)
        finally:
            self._serving = None
        self._deaf_until = self._clock.seconds() + self._config.event_delay

    async def _inserted(self, template: GcodeTemplate) -> None:
        _log.info("[filament_switch_sensor {name}]: filament inserted", name=self.name)
        await template.run()

    async def _ran_out(self) -> None:
        _log.info("[filament_switch_sensor {name}]: filament ran out", name=self.name)
        if self._config.pause_on_runout:
            await self._dispatcher.run_script("PAUSE")
            await deferLater(self._clock, self._config.pause_delay)
        if self._runout is not None:
            await self._runout.run()

    @command("QUERY_FILAMENT_SENSOR", mux="SENSOR")
    async def query(self, call: Call) -> None:
        """Query the state of a filament sensor"""
        state = "filament detected" if self.detected else "filament not detected"
        call.info(f"Filament Sensor {self.name}: {state}")

    @command("SET_FILAMENT_SENSOR", mux="SENSOR")
    async def set_enabled(self, call: Call, *, enable: bool = True) -> None:
        """Switch a filament sensor on or off"""
        self.enabled = enable

    def ready(self) -> None:
        """The printer is ready: changes count from now on."""
        self._deaf_until = self._clock.seconds() + _SETTLING

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        self._deaf_until = None
        self._stop_bouncing()
        if self._serving is not None:
            self._serving.cancel()

    async def close(self) -> None:
        """The printer goes away."""
        self.shutdown("")

    def status(self, eventtime: float) -> FilamentSensorStatus:
        """See L{FilamentSensorStatus}."""
        return FilamentSensorStatus(self.enabled, self.detected)


def build_filament_switch_sensor(
    config: FilamentSwitchSensorConfig,
    identity: Identity,
    board: Board,
    clock: IReactorTime,
    dispatcher: Dispatcher,
    idle_timeout: IdleTimeout,
    templates: GcodeTemplates,
) -> FilamentSwitchSensor:
    """Build the sensor."""

    def compiled(name: str) -> GcodeTemplate | None:
        gcode: Gcode | None = getattr(config, name)
        return templates.compile(gcode, identity.section, name) if gcode is not None else None

    sensor = FilamentSwitchSensor(
        identity.name,
        config,
        clock,
        dispatcher,
        idle_timeout,
        compiled("runout_gcode"),
        compiled("insert_gcode"),
    )
    board.buttons((config.switch_pin,), sensor.changed)
    return sensor


filament_switch_sensor = PrinterObject(
    "filament_switch_sensor *", FilamentSwitchSensorConfig, build_filament_switch_sensor
)
