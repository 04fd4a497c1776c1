"""Messages to many websockets that are in no hurry, such as the machine's load each second."""

from collections.abc import Iterable
from typing import Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from brokerd.faces.lines import Line, send_all
from brokerd.registry.caller import SharedMessage

__all__ = ["LONGEST_WAIT", "Client", "Waiting"]

LONGEST_WAIT = 0.25  # seconds; status comes as often


class Client(Protocol):
    """One who can be sent a frame."""

    @property
    def line(self) -> Line:
        """The way to it."""

    def send_frame(self, frame: bytes) -> None:
        """Send with care: nothing unless the connection is open, nor more than it has patience for."""


@define(eq=False, repr=False)
class Waiting:
    """A message that is in no hurry: each client gets it along with its next update, or soon without one.

    A small message costs the kernel nearly as much as a large one, unless it travels in the same segment.
    """

    _clock: IReactorTime
    _message: SharedMessage | None = field(init=False, default=None)
    _owed: set[Client] = field(init=False, factory=set)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def hold(self, message: SharedMessage, clients: Iterable[Client]) -> None:
        """Keep C{message} for C{clients}; what is still kept goes out before."""
        self.flush()
        self._message, self._owed = message, set(clients)
        if self._owed:
            self._timer = self._clock.callLater(LONGEST_WAIT, self.flush)

    def send_all(self, clients: Iterable[Client], message: SharedMessage) -> None:
        """Send C{message}, after what the clients are owed."""
        if self._message is None:
            send_all(list(clients), message)
            return
        owed = self._owed
        several = list(clients)
        with_it = [each for each in several if each in owed]
        send_all(with_it, self._message, message)
        if len(with_it) < len(several):
            send_all([each for each in several if each not in owed], message)
        owed.difference_update(with_it)
        if not owed:
            self.flush()

    def flush(self) -> None:
        """Send what is owed to everybody now."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        message, self._message = self._message, None
        owed, self._owed = self._owed, set()
        if message is not None:
            send_all(list(owed), message)

    def forget(self, client: Client) -> None:
        """A client is gone."""
        self._owed.discard(client)
        if not self._owed:
            self.flush()
