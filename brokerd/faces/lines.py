"""The same message to many websockets, at little more than the kernel's own price for each.

What goes to hundreds of clients costs what is done once for each of them: here that is one system call, and
no look at the state of the connection. A L{Line} knows beforehand whether its socket may be written to
straight. Whatever puts that in doubt ends it (something waits to be written, the connection closes); then
each message goes the careful way, which finds out whether the line is free again.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from brokerd.faces.frames import frame_of
from brokerd.faces.straight import is_straight
from brokerd.registry.caller import SharedMessage

__all__ = ["LONGEST_WAIT", "Client", "Line", "Waiting", "send_all"]

LONGEST_WAIT = 0.25  # seconds; status comes as often


@define(eq=False, repr=False)
class Line:
    """The way to one client.

    @ivar window_bits: how it wants messages compressed (9 to 15); 0 if not at all.
    @ivar free: whether C{send} may be used.
    @ivar send: the socket's own; it returns how much it took, and raises C{OSError} if that is nothing.
    """

    _transport: Any
    window_bits: int = 0
    free: bool = field(init=False, default=False)
    send: Callable[[bytes], int] = field(init=False)
    _closing: bool = field(init=False, default=False)

    def write(self, data: bytes) -> None:
        """Write to this client alone; what its socket does not take at once goes Twisted's way."""
        if self.free or self._look():
            try:
                sent = self.send(data)
            except OSError:  # no room at all, or an error that Twisted will meet and report
                sent = 0
            if sent == len(data):
                return
            data, self.free = data[sent:], False
        self._transport.write(data)

    def _look(self) -> bool:
        if is_straight(self._transport) and not self._closing:
            self.send, self.free = self._transport.socket.send, True
        return self.free

    def close(self) -> None:
        """Nothing more is to be said but what closes the connection."""
        self._closing, self.free = True, False


class Client(Protocol):
    """One who can be sent a frame."""

    @property
    def line(self) -> Line:
        """The way to it."""

    def send_frame(self, frame: bytes) -> None:
        """Send with care: nothing unless the connection is open, nor more than it has patience for."""


def send_all(clients: Iterable[Client], *messages: SharedMessage) -> None:
    """Send the same messages to all of C{clients}, in one piece."""
    frames: dict[int, bytes] = {}
    for client in clients:
        line = client.line
        frame = frames.get(line.window_bits)
        if frame is None:
            parts = [frame_of(each, line.window_bits) for each in messages]
            frame = frames[line.window_bits] = b"".join(parts)
        sent = 0
        if line.free:
            try:
                sent = line.send(frame)
            except OSError:
                sent = 0
            if sent == len(frame):
                continue
            line.free = False
        client.send_frame(frame[sent:])


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
            send_all(clients, message)
            return
        owed = self._owed
        with_it = [each for each in clients if each in owed]
        send_all(with_it, self._message, message)
        send_all([each for each in clients if each not in owed], message)
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
            send_all(owed, message)

    def forget(self, client: Client) -> None:
        """A client is gone."""
        self._owed.discard(client)
        if not self._owed:
            self.flush()
