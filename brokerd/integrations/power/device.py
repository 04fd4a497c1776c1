"""A power device: what is the same for all kinds around what switches it.

::

           told or asked               told or asked
    init ------------------> on, off <-----------------> error
                                        no answer
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.errors import ApiError, BadRequest, Forbidden
from brokerd.integrations.power.config import PowerConfig

__all__ = ["Actions", "PowerDevice", "Switch", "SwitchFailed"]

log = Logger()


class SwitchFailed(Exception):
    """A switch did not do what it should; the text says why and holds no credentials."""


class Switch(Protocol):
    """What is different for each kind of device."""

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        """Begin; C{changed} is told the state when it changes unasked (None: it is not known any more).

        @raise SwitchFailed: if the device can't be had.
        """

    async def read(self) -> bool | None:
        """Whether it is on; None if it can't tell yet.

        @raise SwitchFailed: if it does not answer.
        """

    async def write(self, on: bool) -> bool:
        """Switch; the result is whether it is on now.

        @raise SwitchFailed: if it does not answer.
        """

    def stop(self) -> None:
        """End."""


class Actions(Protocol):
    """What a device can do besides switching."""

    def notify(self, device: "PowerDevice") -> None:
        """Tell everybody that the state changed."""

    def printing(self) -> bool:
        """Whether a job is running."""

    async def set_service(self, name: str, running: bool) -> None:
        """Start or stop a service of the machine."""

    async def restart_host(self) -> None:
        """Restart the motion host's firmware when that makes sense."""


@define(eq=False, repr=False)
class PowerDevice:
    """One configured device.

    @ivar state: init, on, off or error.
    """

    name: str
    kind: str
    config: PowerConfig
    _switch: Switch
    _actions: Actions
    _clock: IReactorTime
    _chores: Chores
    state: str = field(init=False, default="init")
    _lock: DeferredLock = field(init=False, factory=DeferredLock)
    _initial: bool | None = field(init=False, default=None)
    _switch_off: IDelayedCall | None = field(init=False, default=None)
    _shutdown: IDelayedCall | None = field(init=False, default=None)
    _poll: IDelayedCall | None = field(init=False, default=None)
    _stopped: bool = field(init=False, default=False)

    def describe(self) -> dict[str, object]:
        """The device as the API shows it."""
        return {
            "device": self.name,
            "status": self.state,
            "locked_while_printing": self.config.locked_while_printing,
            "type": self.kind,
        }

    # Life.

    async def start(self) -> None:
        """Find out the state, and make it the initial one."""
        initial = self.config.initial_state
        async with _locked(self._lock):
            await self._try(self._begin)
        self._initial = initial
        await self._begin_as_wished()
        self._schedule_poll()

    async def _begin_as_wished(self) -> None:
        """Make the state the initial one, as soon as it is known."""
        wished = self._initial
        if wished is None or self.state not in ("on", "off"):
            return
        self._initial = None
        if self.state != _word(wished):
            await self._guarded(self._switch_to(wished, act=False))
        self._set_timer()
        await self._bind_services()

    async def _begin(self) -> bool | None:
        await self._switch.start(self.changed)
        return await self._switch.read()

    def stop(self) -> None:
        """Cancel all that is to come; the device stays as it is."""
        self._stopped = True
        for each in (self._switch_off, self._shutdown, self._poll):
            if each is not None and each.active():
                each.cancel()
        self._switch.stop()

    # State.

    async def _try(self, ask: Callable[[], Awaitable[bool | None]]) -> None:
        """Ask the switch; what comes of it is the new state.

        @raise SwitchFailed: never; the state says C{error}.
        """
        try:
            self._set_state(await ask())
        except SwitchFailed as error:
            self._failed(error)
        except Exception:
            log.failure("the power device {name}", name=self.name)
            self._set("error")

    def _failed(self, error: SwitchFailed) -> None:
        if self.state != "error":
            log.warn("the power device {name}: {error}", name=self.name, error=error)
        self._set("error")

    def _set_state(self, on: bool | None) -> None:
        if on is not None:
            self._set(_word(on))

    def _set(self, state: str) -> None:
        if self._stopped or state == self.state:
            return
        self.state = state
        self._actions.notify(self)

    def changed(self, on: bool | None) -> None:
        """Somebody else switched the device, or it says what it is."""
        before = self.state
        self._set("init" if on is None else _word(on))
        if self._initial is not None:
            self._chores.spawn(self._begin_as_wished(), f"the initial state of {self.name}")
            return
        external = before in ("on", "off") and self.state in ("on", "off") and before != self.state
        if external and not self.config.restrict_action_processing:
            self._chores.spawn(self._guarded(self._act()), f"actions of the power device {self.name}")
        if external:
            self._set_timer()

    def _schedule_poll(self) -> None:
        interval = getattr(self.config, "poll_interval", None)
        if interval is not None and not self._stopped:
            self._poll = self._clock.callLater(interval, self._begin_poll)

    def _begin_poll(self) -> None:
        self._chores.spawn(self._poll_once(), f"asking the power device {self.name}")

    async def _poll_once(self) -> None:
        try:
            async with _locked(self._lock):
                on = await self._switch.read()
            if on is not None:
                self.changed(on)
        except SwitchFailed as error:
            self._failed(error)
        finally:
            self._schedule_poll()

    async def refresh(self) -> str:
        """Ask the device; the result is its state."""
        async with _locked(self._lock):
            await self._try(self._switch.read)
        return self.state

    # Switching.

    async def request(self, action: str, force: bool = False) -> str:
        """C{on}, C{off} or C{toggle}; the result is the state afterwards.

        @raise Forbidden: if the device is locked by a print, unless C{force}.
        @raise BadRequest: if there is no such action.
        @raise ApiError: if the device does not answer.
        """
        if action not in ("on", "off", "toggle"):
            raise BadRequest(f"the action must be on, off or toggle, not {action!r}")
        if self.config.locked_while_printing and not force and self._actions.printing():
            raise Forbidden(f"the power device {self.name!r} can't be switched during a print")
        if action == "toggle" and self.state not in ("on", "off"):
            await self.refresh()
        on = self.state != "on" if action == "toggle" else action == "on"
        await self._switch_to(on, act=True)
        return self.state

    async def _switch_to(self, on: bool, act: bool) -> None:
        before = self.state
        async with _locked(self._lock):
            try:
                self._set_state(await self._switch.write(on))
            except SwitchFailed as error:
                self._failed(error)
                raise ApiError(f"the power device {self.name!r}: {error}", 500) from None
        self._set_timer()
        if act and self.state != before:
            await self._act()

    def _set_timer(self) -> None:
        """Switch off in time, if that is configured."""
        if self._switch_off is not None and self._switch_off.active():
            self._switch_off.cancel()
        seconds = getattr(self.config, "timer", None)
        if seconds is not None and self.state == "on" and not self._stopped:
            self._switch_off = self._clock.callLater(seconds, self._later, "off")

    def _later(self, action: str) -> None:
        self._chores.spawn(self._guarded(self.request(action, force=True)), f"power device {self.name}")

    async def _guarded(self, work: Awaitable[object]) -> None:
        """Work that nobody waits for: its failure is logged."""
        try:
            await work
        except ApiError as error:
            log.warn("the power device {name}: {error}", name=self.name, error=error.message)

    # What follows.

    async def _act(self) -> None:
        await self._bind_services()
        if self.state == "on" and self.config.restart_klipper_when_powered:
            self._chores.spawn(self._restart(), "restarting the motion host after power")

    async def _bind_services(self) -> None:
        if self.state not in ("on", "off"):
            return
        for each in self.config.bound_services:
            await self._guarded(self._actions.set_service(each, self.state == "on"))

    async def _restart(self) -> None:
        await deferLater(self._clock, self.config.restart_delay)
        if self.state == "on":
            await self._guarded(self._actions.restart_host())

    def host_shut_down(self) -> None:
        """The motion host has shut down."""
        if self.config.off_when_shutdown and not self._stopped:
            self._forget_shutdown()
            delay = self.config.off_when_shutdown_delay
            self._shutdown = self._clock.callLater(delay, self._later, "off")

    def host_ready(self) -> None:
        """It is back: whatever should be switched off for it stays on."""
        self._forget_shutdown()

    def _forget_shutdown(self) -> None:
        if self._shutdown is not None and self._shutdown.active():
            self._shutdown.cancel()

    def job_queued(self) -> None:
        """There is something to print."""
        if self.config.on_when_job_queued and self.state != "on":
            self._later("on")


def _word(on: bool) -> str:
    return "on" if on else "off"


@define(eq=False, repr=False)
class _locked:
    """One thing at a time."""

    _lock: DeferredLock

    async def __aenter__(self) -> None:
        acquired: Deferred[DeferredLock] = self._lock.acquire()
        await acquired

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
