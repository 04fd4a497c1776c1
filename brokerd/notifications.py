"""What the broker tells its clients unasked: each notification declared once, sent to every face."""

from typing import Any, Protocol

from attrs import define, field, frozen

from brokerd.encoding import encode
from brokerd.registry.caller import SharedMessage

__all__ = ["Audience", "Broadcaster", "Notification", "declared_notifications", "notification"]

_declared: dict[str, "Notification"] = {}


@frozen
class Notification:
    """A kind of notification.

    @ivar doc: when it is sent.
    @ivar params: types of what is sent with it, in the notation of L{brokerd.registry.results}.
    @ivar patient: whether it may come a quarter of a second late.
    """

    name: str
    doc: str
    params: tuple[str, ...] = ()
    patient: bool = False

    def message(self, *params: Any) -> SharedMessage:
        """One notification, encoded once for all that will get it."""
        content: dict[str, Any] = {"jsonrpc": "2.0", "method": self.name}
        if params:
            content["params"] = params
        return SharedMessage(encode(content), self.patient)


def notification(name: str, doc: str, *, params: tuple[str, ...], patient: bool = False) -> Notification:
    """Declare a notification.

    @raise ValueError: if the name is taken.
    """
    if name in _declared:
        raise ValueError(f"the notification {name} is declared twice")
    declaration = _declared[name] = Notification(name, doc, params, patient)
    return declaration


def declared_notifications() -> tuple[Notification, ...]:
    """All notifications that the imported parts of the broker can send."""
    return tuple(_declared.values())


class Audience(Protocol):
    """Connections of one face."""

    def deliver(self, message: SharedMessage, except_for: object = None) -> None:
        """Send to every connection that may hear it, but not to C{except_for}."""


@define(eq=False, repr=False)
class Broadcaster:
    """Sends notifications to all audiences. It is one itself: one that others send through."""

    _audiences: list[Audience] = field(init=False, factory=list)

    def attach(self, audience: Audience) -> None:
        self._audiences.append(audience)

    def send(self, kind: Notification, *params: Any, except_for: object = None) -> None:
        """Encode once, deliver to everybody but the connection C{except_for}."""
        self.deliver(kind.message(*params), except_for)

    def deliver(self, message: SharedMessage, except_for: object = None) -> None:
        """See L{Audience.deliver}."""
        for audience in self._audiences:
            audience.deliver(message, except_for)
