"""C{machine.services.*}, C{machine.shutdown} and C{machine.reboot}: the system's services, and its power."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.errors import ApiError, Forbidden
from brokerd.machine.config import ALLOWED_FILE, MachineConfig, is_allowed, read_allowed
from brokerd.machine.services import Action, NoServices, Power, ServiceProvider, UnitState
from brokerd.notifications import Broadcaster, notification
from brokerd.programs import ProgramFailed
from brokerd.registry.caller import Role
from brokerd.registry.declare import method
from brokerd.threads import WorkerThreads

__all__ = ["ServiceMethods"]

log = Logger()

SERVICE_STATE_CHANGED = notification(
    "notify_service_state_changed",
    "a service started, stopped or failed",
    params=("{*: {active_state: str, sub_state: str}}",),
)
_ANSWER_FIRST = 0.1  # seconds between the answer to a request for our end, and the end
ServiceName = Annotated[str, "name of a service, without suffix"]


@define(eq=False, repr=False, slots=False)
class ServiceMethods(Service):
    """Manages services, as far as the user lets clients do that.

    @ivar _providers: tried in this order; the first that works here is used.
    @ivar ready: whether it is known who manages services here.
    @ivar _own_unit: the unit that this process runs in, or nothing.
    @ivar _restart: restarts the broker, a moment after it was called.
    """

    component: ClassVar[str] = "machine"
    _providers: list[ServiceProvider]
    _config: MachineConfig
    _data: Path
    _threads: WorkerThreads
    _broadcaster: Broadcaster
    _chores: Chores
    _clock: IReactorTime
    _own_unit: str
    _restart: Callable[[], None]
    provider: ServiceProvider = field(init=False, factory=NoServices)
    _allowed: frozenset[str] = field(init=False, default=frozenset())
    ready: bool = field(init=False, default=False)
    _states: dict[str, UnitState] = field(init=False, factory=dict)

    def startService(self) -> None:
        super().startService()
        self._chores.spawn(self._begin(), "finding the system's services")

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self.provider.end())

    async def _begin(self) -> None:
        self._allowed = await self._threads.run(read_allowed, self._data)
        for provider in self._providers:
            try:
                await provider.begin(self._changed)
                self.provider = provider
                await self.refresh()
            except (ApiError, ProgramFailed) as error:
                log.info("{name} is of no use here: {error}", name=provider.name, error=str(error))
                await provider.end()
                self.provider = NoServices(f"services can't be managed: {error}")
                continue
            break
        self.ready = True

    async def refresh(self) -> None:
        """Ask for the state of all services."""
        states = await self.provider.states()
        self._states = {name: state for name, state in states.items() if is_allowed(name, self._allowed)}

    def _changed(self, name: str, state: UnitState) -> None:
        if not is_allowed(name, self._allowed):
            return
        self._states[name] = state
        self._broadcaster.send(SERVICE_STATE_CHANGED, {name: state})

    def describe(self) -> dict[str, Any]:
        """What C{machine.system_info} says of services."""
        unit = self._own_unit
        return {
            "provider": self.provider.name,
            "available_services": sorted(self._states),
            "service_state": {name: dict(state) for name, state in sorted(self._states.items())},
            "instance_ids": {"moonraker": unit, "klipper": unit},
        }

    async def act(self, action: Action, service: str) -> None:
        """Start, stop or restart a service. The broker's own is only restarted, and by itself.

        @raise ApiError: if it is not allowed, or refused.
        """
        name = service.removesuffix(".service")
        if name in ("moonraker", "brokerd", self._own_unit) and name not in self._states:
            name = self._own_unit or name
        if action == "restart" and name in (self._own_unit, "moonraker", "brokerd"):
            self._chores.spawn(self._restart_own(name), "restarting")
            return
        if name == self._own_unit and action == "stop":
            raise Forbidden(f"{name} is this broker itself: nobody could start it again")
        if not is_allowed(name, self._allowed):
            raise Forbidden(f"the service {name!r} is not listed in {ALLOWED_FILE} in the data directory")
        if self.provider.name != "none" and name not in self._states:
            await self.refresh()
        if self.provider.name != "none" and name not in self._states:
            raise ApiError(f"there is no service {name!r}", 404)
        await self.provider.act(action, name)
        if self.provider.name != "systemd_dbus":
            before = self._states.get(name)
            await self.refresh()
            after = self._states.get(name)
            if after is not None and after != before:
                self._broadcaster.send(SERVICE_STATE_CHANGED, {name: after})

    async def _restart_own(self, name: str) -> None:
        """Restart this process where systemd may do that, or else what is in it of the broker."""
        await deferLater(self._clock, _ANSWER_FIRST)
        try:
            if name not in self._states:
                raise ApiError(f"{name} is no service here")
            await self.provider.act("restart", name)
        except ApiError as error:
            log.info("restarting in the process: {error}", error=error.message)
            self._restart()

    @method(
        "machine.services.restart", "POST /machine/services/restart", result='"ok"', permission=Role.ADMIN
    )
    async def restart_service(self, service: ServiceName) -> str:
        """Restart a service."""
        await self.act("restart", service)
        return "ok"

    @method("machine.services.stop", "POST /machine/services/stop", result='"ok"', permission=Role.ADMIN)
    async def stop_service(self, service: ServiceName) -> str:
        """Stop a service."""
        await self.act("stop", service)
        return "ok"

    @method("machine.services.start", "POST /machine/services/start", result='"ok"', permission=Role.ADMIN)
    async def start_service(self, service: ServiceName) -> str:
        """Start a service."""
        await self.act("start", service)
        return "ok"

    async def power(self, action: Power) -> None:
        """Shut down or reboot, by whoever can.

        @raise ApiError: if nobody can.
        """
        error = ApiError("nobody here can shut the computer down", 503)
        for provider in [self.provider, *self._providers]:
            if provider.name == "none":
                continue
            try:
                await provider.power(action)
                return
            except (ApiError, ProgramFailed) as refused:
                error = refused if isinstance(refused, ApiError) else ApiError(str(refused))
        raise error

    def log_refusal(self, service: str, reason: str) -> None:
        """Note that a service which should have been restarted was not."""
        log.warn("{service} is not restarted: {reason}", service=service, reason=reason)

    @method("machine.shutdown", "POST /machine/shutdown", result='"ok"', permission=Role.ADMIN)
    async def shutdown(self) -> str:
        """Shut the computer down."""
        await self.power(self._config.shutdown_action)
        return "ok"

    @method("machine.reboot", "POST /machine/reboot", result='"ok"', permission=Role.ADMIN)
    async def reboot(self) -> str:
        """Reboot the computer."""
        await self.power("reboot")
        return "ok"
