"""systemd and logind over D-Bus. Needs an asyncio reactor; dbus-fast is imported only when it is used."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.machine.services import Action, Power, UnitState

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

__all__ = ["SystemdBus", "has_asyncio"]

log = Logger()
T = TypeVar("T")

_SYSTEMD = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
_UNIT = "org.freedesktop.systemd1.Unit"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_SOCKET = Path("/run/dbus/system_bus_socket")
_PATIENCE = 25.0  # seconds, as D-Bus itself has it
_POWER = {"poweroff": "PowerOff", "halt": "Halt", "reboot": "Reboot"}
_ACTIONS: dict[str, str] = {"start": "StartUnit", "stop": "StopUnit", "restart": "RestartUnit"}


def has_asyncio() -> bool:
    """Whether the reactor runs an asyncio loop; to be asked inside of it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _deferred(work: Coroutine[Any, Any, T]) -> Deferred[T]:
    return Deferred.fromFuture(asyncio.ensure_future(work))


@define(eq=False, repr=False)
class SystemdBus:
    """systemd as it tells of itself on the system's bus.

    @ivar _address: of the bus; None for the system's own.
    """

    _address: str | None = None
    name: str = "systemd_dbus"
    _bus: "MessageBus | None" = field(init=False, default=None)
    _changed: Callable[[str, UnitState], None] = field(init=False, default=lambda name, state: None)
    _units: dict[str, str] = field(init=False, factory=dict)
    _states: dict[str, dict[str, str]] = field(init=False, factory=dict)

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        """See L{ServiceProvider.begin}."""
        if not has_asyncio():
            raise ApiError("D-Bus needs a reactor on asyncio", 503)
        if self._address is None and not _SOCKET.exists():
            raise ApiError("there is no system bus", 503)
        try:
            from dbus_fast import BusType
            from dbus_fast.aio import MessageBus

            bus = MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM)
            self._bus = await _deferred(bus.connect())
        except ImportError:
            raise ApiError("dbus-fast is not installed", 503) from None
        except Exception as error:
            raise ApiError(f"the system's bus can't be reached: {error}", 503) from None
        self._changed = changed
        self._bus.add_message_handler(self._heard)
        rule = f"type='signal',interface='{_PROPERTIES}',member='PropertiesChanged',arg0='{_UNIT}'"
        await self._call(
            ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus"), "AddMatch", "s", rule
        )
        await self._call(_SYSTEMD, "Subscribe")

    async def states(self) -> dict[str, UnitState]:
        """See L{ServiceProvider.states}."""
        (units,) = await self._call(_SYSTEMD, "ListUnits")
        found: dict[str, dict[str, str]] = {}
        for unit, _, load, active, sub, _, path, *_ in units:
            if unit.endswith(".service") and load != "not-found":
                name = unit.removesuffix(".service")
                self._units[path] = name
                found[name] = {"active_state": active, "sub_state": sub}
        self._states = found
        return {name: dict(state) for name, state in found.items()}

    async def act(self, action: Action, service: str) -> None:
        """See L{ServiceProvider.act}."""
        await self._call(_SYSTEMD, _ACTIONS[action], "ss", f"{service}.service", "replace")

    async def power(self, action: Power) -> None:
        """See L{ServiceProvider.power}."""
        await self._call(_LOGIND, _POWER[action], "b", False)

    async def end(self) -> None:
        """See L{ServiceProvider.end}."""
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()

    async def _call(
        self, where: tuple[str, str, str], member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        from dbus_fast import Message, MessageType

        if self._bus is None:
            raise ApiError("the system's bus is not connected", 503)
        destination, path, interface = where
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        answer: Message | None = await _deferred(_in_time(self._bus.call(message)))
        if answer is None:
            raise ApiError(f"{destination} did not answer", 503)
        if answer.message_type is MessageType.ERROR:
            words = answer.body[0] if answer.body else answer.error_name
            raise ApiError(f"{destination}: {words}")
        return list(answer.body)

    def _heard(self, message: "Message") -> None:
        if message.member != "PropertiesChanged" or not message.body or message.body[0] != _UNIT:
            return
        name = self._units.get(message.path or "")
        if name is None:
            return
        values = {key: variant.value for key, variant in message.body[1].items()}
        before = self._states.get(name, {"active_state": "unknown", "sub_state": "unknown"})
        state = {
            "active_state": str(values.get("ActiveState", before["active_state"])),
            "sub_state": str(values.get("SubState", before["sub_state"])),
        }
        if state != before:
            self._states[name] = state
            self._changed(name, state)


async def _in_time(call: Awaitable[T]) -> T:
    try:
        return await asyncio.wait_for(call, _PATIENCE)
    except TimeoutError:
        raise ApiError(f"no answer on the system's bus in {_PATIENCE:g} s", 503) from None
