"""C{[delayed_gcode NAME]}: G-code that runs some time after it was asked for."""

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.gcode.templates import GcodeTemplate, GcodeTemplates
from klipperd.objects import Call, Gcode, Identity, PrinterObject, command, option, param

__all__ = ["DelayedGcode", "DelayedGcodeConfig", "delayed_gcode"]

_log = Logger()


@frozen(kw_only=True)
class DelayedGcodeConfig:
    """C{[delayed_gcode NAME]}: G-code that runs some time after it was asked for."""

    gcode: Gcode = option(doc="G-code to run; a Jinja2 template")
    initial_duration: float = option(
        0.0, minimum=0.0, unit="s", doc="time after the start at which it runs first; 0: not by itself"
    )


@define(eq=False, repr=False)
class DelayedGcode:
    """One timer with its G-code."""

    name: str
    _clock: IReactorTime
    _template: GcodeTemplate
    _initial_duration: float
    _timer: IDelayedCall | None = field(default=None, init=False)

    def ready(self) -> None:
        """Start the first countdown."""
        self._schedule(self._initial_duration)

    def shutdown(self, reason: str) -> None:
        """No G-code can run any more."""
        self._schedule(0.0)

    async def close(self) -> None:
        """Stop the countdown."""
        self._schedule(0.0)

    def _schedule(self, duration: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if duration > 0.0:
            self._timer = self._clock.callLater(duration, self._fire)

    def _fire(self) -> None:
        self._timer = None
        Deferred.fromCoroutine(self._run())

    async def _run(self) -> None:
        try:
            await self._template.run()
        except CommandError as error:
            _log.error("[delayed_gcode {name}] failed: {error}", name=self.name, error=error)

    @command("UPDATE_DELAYED_GCODE", mux="ID")
    async def update(self, call: Call, *, duration: float = param(minimum=0.0)) -> None:
        """Set the time after which the delayed G-code runs, 0 to cancel it."""
        self._schedule(duration)


def build_delayed_gcode(
    config: DelayedGcodeConfig, identity: Identity, clock: IReactorTime, templates: GcodeTemplates
) -> DelayedGcode:
    """Build one C{delayed_gcode} object."""
    template = templates.compile(config.gcode, identity.section)
    return DelayedGcode(identity.name, clock, template, config.initial_duration)


delayed_gcode = PrinterObject("delayed_gcode *", DelayedGcodeConfig, build_delayed_gcode)
