"""Who calls a method, and over what."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, Protocol

from attrs import define, field

__all__ = ["Caller", "Connection", "Role", "SharedMessage"]


class Role(IntEnum):
    """What a caller may do; each role may do all that the ones before it may."""

    ANYONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


@define(eq=False, repr=False)
class SharedMessage:
    """One encoded message that goes to many connections.

    @ivar payload: the JSON text.
    @ivar patient: whether it may wait a moment for another that goes the same way.
    @ivar prepared: what a face made of it once for all its connections, by face.
    """

    payload: bytes
    patient: bool = False
    prepared: dict[object, Any] = field(factory=dict)


class Connection(Protocol):
    """A client that stays: it can be sent notifications."""

    @property
    def number(self) -> int:
        """A number that no other living connection bears."""

    def identify(self, client: Mapping[str, Any]) -> None:
        """Note what the client says about itself."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What L{identify} noted; empty before it."""

    def send(self, message: SharedMessage) -> None:
        """Send one message, or nothing if the connection is gone."""

    def when_closed(self, call: Callable[[], None]) -> None:
        """Call C{call} once the connection is gone."""


@define(eq=False, repr=False)
class Caller:
    """One caller as the methods see it.

    @ivar role: what it may do.
    @ivar address: its IP address as text; empty inside the process.
    @ivar trusted: whether its address alone gave it its role.
    @ivar user: its name for records, or None.
    @ivar connection: its lasting connection, or None if there is none (HTTP).
    @ivar address_role: what its address alone lets it do; what is left when its user logs out.
    @ivar hint: why that is less than it may expect; added to refusals.
    """

    role: Role
    address: str = ""
    trusted: bool = False
    user: str | None = None
    connection: Connection | None = None
    address_role: Role = Role.ANYONE
    hint: str = ""

    def become(self, user: str, role: Role) -> None:
        """Logged in."""
        self.user, self.role = user, role

    def forget_user(self) -> None:
        """Logged out: the address alone counts again."""
        self.user, self.role = None, self.address_role
