"""C{[idle_timeout]}: run G-code when nothing was done for a while, by default to switch everything off.

Ready --moved--> Printing --rested--> Ready --timed_out--> Idle --moved--> Printing
"""

from typing import Protocol

from attrs import define, field, frozen
from automat import TypeMachineBuilder
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.moves import GcodeMove
from klipperd.gcode.templates import GcodeTemplate, GcodeTemplates
from klipperd.objects import Call, Gcode, PrinterObject, command, option, param, status_field

__all__ = ["IdleTimeout", "IdleTimeoutConfig", "IdleTimeoutStatus", "idle_timeout"]

_log = Logger()

_LOOK_EVERY = 0.5
_DEFAULT_GCODE = "{% if 'heaters' in printer %}\nTURN_OFF_HEATERS\n{% endif %}\nM84"


@frozen(kw_only=True)
class IdleTimeoutConfig:
    """C{[idle_timeout]}: what to do when nothing was done for a while."""

    gcode: Gcode = option(Gcode(_DEFAULT_GCODE), doc="G-code to run then")
    timeout: float = option(600.0, above=0.0, unit="s", doc="time without activity after which it runs")


@frozen
class IdleTimeoutStatus:
    """Status of C{idle_timeout}."""

    state: str = status_field(doc="Idle, Printing or Ready")
    printing_time: float = status_field(doc="time since the state became Printing (s)")
    idle_timeout: float = status_field(doc="time without activity after which the G-code runs (s)")


class _Activity(Protocol):
    """What is noticed of the printer."""

    def moved(self) -> None:
        """Something moves, or a command takes its time."""

    def rested(self) -> None:
        """Nothing moves, no command runs."""

    def timed_out(self) -> None:
        """It has been so for the whole timeout."""


@define
class _Shown:
    """The state's name, for the status."""

    state: str = "Ready"


def _make_machine() -> "TypeMachineBuilder[_Activity, _Shown]":
    builder = TypeMachineBuilder(_Activity, _Shown)
    ready, printing, idle = builder.state("Ready"), builder.state("Printing"), builder.state("Idle")

    @ready.upon(_Activity.moved).to(printing)
    @idle.upon(_Activity.moved).to(printing)
    def print_now(activity: _Activity, shown: _Shown) -> None:
        shown.state = "Printing"

    @printing.upon(_Activity.rested).to(ready)
    def rest_now(activity: _Activity, shown: _Shown) -> None:
        shown.state = "Ready"

    @ready.upon(_Activity.timed_out).to(idle)
    def idle_now(activity: _Activity, shown: _Shown) -> None:
        shown.state = "Idle"

    printing.upon(_Activity.moved).loop().returns(None)
    printing.upon(_Activity.timed_out).loop().returns(None)
    ready.upon(_Activity.rested).loop().returns(None)
    idle.upon(_Activity.rested).loop().returns(None)
    idle.upon(_Activity.timed_out).loop().returns(None)
    return builder


_machine = _make_machine().build()


@define(eq=False, repr=False)
class IdleTimeout:
    """Looks at the printer twice a second."""

    _clock: IReactorTime
    _dispatcher: Dispatcher
    _moves: GcodeMove | None
    _gcode: GcodeTemplate
    _timeout: float
    _default: float = field(init=False)
    _shown: _Shown = field(factory=_Shown, init=False)
    _activity: _Activity = field(init=False)
    _was_busy: bool = field(default=False, init=False)
    _last_active: float = field(default=0.0, init=False)
    _printing_since: float | None = field(default=None, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._default = self._timeout
        self._activity = _machine(self._shown)

    def ready(self) -> None:
        """Begin to look."""
        self._last_active = self._clock.seconds()
        self._timer = self._clock.callLater(_LOOK_EVERY, self._look)

    def shutdown(self, reason: str) -> None:
        """Everything is off already."""
        self._stop()

    async def close(self) -> None:
        """Stop looking."""
        self._stop()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._clock.callLater(_LOOK_EVERY, self._look)
        now = self._clock.seconds()
        if self._is_working():
            self._activity.moved()
            self._last_active = now
        elif self._was_busy:
            self._last_active = now
        else:
            self._activity.rested()
        if self._shown.state != "Printing":
            self._printing_since = None
        elif self._printing_since is None:
            self._printing_since = now
        if self._shown.state == "Ready" and now - self._last_active >= self._timeout:
            self._activity.timed_out()
            Deferred.fromCoroutine(self._run())

    def _is_working(self) -> bool:
        """Something moves, or a command takes its time, such as waiting for a temperature."""
        was_busy, self._was_busy = self._was_busy, self._dispatcher.busy
        moving = self._moves is not None and self._moves.planner.idle_time(self._clock.seconds()) <= 0.0
        return moving or (was_busy and self._was_busy)

    async def _run(self) -> None:
        try:
            await self._gcode.run()
        except CommandError as error:
            _log.error("[idle_timeout] gcode failed: {error}", error=error)

    @command("SET_IDLE_TIMEOUT")
    async def set_timeout(
        self, call: Call, *, timeout: float | None = param(None, above=0.0, doc="seconds")
    ) -> None:
        """Set the idle timeout in seconds, or what the configuration says."""
        self._timeout = self._default if timeout is None else timeout
        self._last_active = self._clock.seconds()
        call.info(f"idle_timeout: Timeout set to {self._timeout:.2f} s")

    def status(self, eventtime: float) -> IdleTimeoutStatus:
        """The state and its times."""
        since = self._printing_since
        printing = 0.0 if since is None else eventtime - since
        return IdleTimeoutStatus(self._shown.state, printing, self._timeout)


def build_idle_timeout(
    config: IdleTimeoutConfig,
    clock: IReactorTime,
    dispatcher: Dispatcher,
    moves: GcodeMove | None,
    templates: GcodeTemplates,
) -> IdleTimeout:
    """Build the C{idle_timeout} object."""
    template = templates.compile(config.gcode, "idle_timeout")
    return IdleTimeout(clock, dispatcher, moves, template, config.timeout)


idle_timeout = PrinterObject("idle_timeout", IdleTimeoutConfig, build_idle_timeout, always=True)
