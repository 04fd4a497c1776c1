"""The life of a printer: read the configuration, build, connect, serve; restart or stop when asked.

One run of the loop in L{Host._live} is one life of the printer. Whatever goes wrong ends in a named
state with a message, never in an exit: see docs/architecture.md for the picture of the states.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from klipperd.config.configuration import Configuration
from klipperd.config.document import read_config
from klipperd.errors import ConfigError, KlipperdError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.build import Built, build_plan
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.plan import make_plan
from klipperd.objects.services import HostControl, HostSettings, HostState, Objects
from klipperd.remote.procedures import Procedures
from klipperd.workers import Workers

__all__ = ["HOST_SERVICES", "Host"]

HOST_SERVICES = (
    IReactorTime,
    IReactorFDSet,
    HostControl,
    HostSettings,
    Objects,
    Dispatcher,
    Procedures,
    Configuration,
    Workers,
)
"""The types that build functions may ask for and that the host itself supplies."""

_log = Logger()

_ADVICE = {
    HostState.ERROR: "Once the underlying issue is corrected, use the RESTART command to reload the "
    "configuration and start again.",
    HostState.SHUTDOWN: "Once the underlying issue is corrected, use the FIRMWARE_RESTART command to reset "
    "the firmware, reload the configuration and start again.",
}

StateListener = Callable[[HostState, str], None]


@define(eq=False, repr=False, slots=False)
class Host(Service, HostControl):
    """One printer, alive for as long as the service runs.

    C{clock} is the printer's time; C{reactor} watches file descriptors. C{extra_status} are status sources
    of the process itself, such as the event loop's lateness.
    """

    clock: IReactorTime
    settings: HostSettings
    catalogue: Catalogue
    dispatcher: Dispatcher
    procedures: Procedures
    configuration: Configuration
    workers: Workers
    reactor: IReactorFDSet
    extra_status: Mapping[str, Any] = field(factory=dict)
    built: Built = field(init=False, factory=Built)
    objects: Objects = field(init=False)
    _state: HostState = field(init=False, default=HostState.STARTUP)
    _message: str = field(init=False, default="Printer is starting")
    _listeners: list[StateListener] = field(init=False, factory=list)
    _living: "Deferred[None] | None" = field(init=False, default=None)
    _asked: "Deferred[bool] | None" = field(init=False, default=None)
    _restart: bool | None = field(init=False, default=None)
    _shutdown_reason: str | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.objects = Objects(self._with_own_status)

    def _with_own_status(self) -> dict[str, Any]:
        return {**self.extra_status, **self.built.with_status()}

    # HostControl

    def state(self) -> HostState:
        """See L{HostControl.state}."""
        return self._state

    def state_message(self) -> str:
        """The message, followed by what to do about it where there is something to do."""
        advice = _ADVICE.get(self._state)
        return f"{self._message}\n{advice}\nPrinter is {self._state.value}" if advice else self._message

    def shutdown(self, reason: str) -> None:
        """See L{HostControl.shutdown}."""
        if self._state is HostState.SHUTDOWN:
            _log.info("shut down already; further reason: {reason}", reason=reason)
            return
        _log.error("shutdown: {reason}", reason=reason)
        self._shutdown_reason = reason
        if self._state is HostState.ERROR:
            return  # nothing is running that could be stopped, and the error says more
        self.built.shutdown(reason)
        self._become(HostState.SHUTDOWN, reason)
        self.dispatcher.interrupt(reason)

    def restart(self, *, firmware: bool) -> None:
        """See L{HostControl.restart}. Asked for during the start, it follows once the start has ended."""
        self._restart = firmware or bool(self._restart)
        asked, self._asked = self._asked, None
        if asked is not None:
            # The one who asks may be a command of the printer that is torn down: let it end first.
            self.clock.callLater(0, asked.callback, None)

    # listeners

    def on_state(self, listener: StateListener) -> None:
        """Call C{listener(state, message)} at every change of state."""
        self._listeners.append(listener)

    def _become(self, state: HostState, message: str) -> None:
        self._state, self._message = state, message
        _log.info("host is {state}: {message}", state=state.value, message=message)
        for listener in list(self._listeners):
            listener(state, self.state_message())

    # life

    def startService(self) -> None:
        """Begin the first life."""
        super().startService()
        self._living = Deferred.fromCoroutine(self._live())
        self._living.addErrback(self._died)

    def stopService(self) -> "Deferred[None]":
        """End the present life; fires when everything is closed."""
        super().stopService()
        if self._living is not None:
            self._living.cancel()
        return Deferred.fromCoroutine(self._end())

    def _died(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            _log.failure("the host's loop ended", failure)

    async def _live(self) -> None:
        while True:
            self._shutdown_reason = None
            self._become(HostState.STARTUP, "Printer is starting")
            self.built = Built()
            await self._start()
            if self._restart is None:
                self._asked = Deferred()
                await self._asked
            firmware, self._restart = bool(self._restart), None
            self._become(HostState.STARTUP, "Printer is restarting")
            await self._end(firmware=firmware)
            self.procedures.drop_clients()

    async def _start(self) -> None:
        try:
            await self._build()
        except ConfigError as error:
            self._become(HostState.ERROR, str(error))
        except KlipperdError as error:
            self._become(HostState.ERROR, str(error))
        except CancelledError:
            raise
        except Exception as error:
            _log.failure("start failed")
            self._become(HostState.ERROR, f"Internal error during start: {error!r}")

    async def _build(self) -> None:
        self.configuration.load()  # a start that fails shows what was read of its own file
        document = read_config(self.settings.config_file)
        if self.settings.offline is not None:
            document = self.settings.offline.adapt(document, self.catalogue)
        self.configuration.load(document)
        services = self._services()
        plan = make_plan(document, self.catalogue, services)
        self.configuration.load(document, plan)
        await build_plan(plan, services, self.built)
        for name, made in self.built.objects.items():
            self.dispatcher.add(made, getattr(made, "name", name))
            self.procedures.add(made)
        await self.built.connect()
        if self._shutdown_reason is None:
            self._become(HostState.READY, "Printer is ready")
            self.built.ready()

    def _services(self) -> dict[Any, Any]:
        own = (
            self.clock, self.reactor, self, self.settings, self.objects,
            self.dispatcher, self.procedures, self.configuration, self.workers,
        )  # fmt: skip
        return dict(zip(HOST_SERVICES, own, strict=True))

    async def _end(self, *, firmware: bool = False) -> None:
        """Close all objects, last built first."""
        self.dispatcher.interrupt("the printer restarts")
        built, self.built = self.built, Built()
        for made in built.objects.values():
            self.dispatcher.remove(made)
            self.procedures.remove(made)
        if firmware:
            await built.restart_firmware()
        await built.close()
