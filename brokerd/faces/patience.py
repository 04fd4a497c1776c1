"""How long an HTTP client may take: for its headers, for the bytes of a body, and for reading an answer.

Twisted's own time-out begins anew with each byte, so a client that sends one now and then could stay.
All connections are looked at together every few seconds; none has timers of its own for this.
"""

from collections.abc import Iterable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Patience", "Progress"]

log = Logger()
_PERIOD = 5.0  # seconds
_HEADERS = 4  # looks until the headers must be complete
_BODY = 6  # looks in a row at which a body may have grown by less than _LEAST
_READING = 12  # looks in a row at which a client may have read nothing
_LEAST = 5 * 1024
_MOST = 400  # connections; beyond, the ones that have been idle are closed


@define
class Progress:
    """What was seen of one connection when it was last looked at."""

    phase: str = "idle"
    amount: int = 0
    looks: int = 0


def _unsent(channel: Any) -> int:
    """Bytes that wait for the client to read."""
    transport = channel.transport
    while not hasattr(transport, "dataBuffer") and hasattr(transport, "transport"):
        transport = transport.transport  # below TLS
    waiting = len(getattr(transport, "dataBuffer", b"")) - getattr(transport, "offset", 0)
    return waiting + sum(map(len, getattr(transport, "_tempDataBuffer", ())))


@define(eq=False, repr=False)
class Patience:
    """Looks at connections while there are any."""

    _clock: IReactorTime
    _channels: Iterable[Any]
    _next: IDelayedCall | None = field(init=False, default=None)

    def begin(self) -> None:
        """There is a connection: look from now on."""
        if self._next is None:
            self._next = self._clock.callLater(_PERIOD, self._look)

    def end(self) -> None:
        """Look no more."""
        ahead, self._next = self._next, None
        if ahead is not None:
            ahead.cancel()

    def _look(self) -> None:
        self._next = None
        channels = [each for each in self._channels if each.transport is not None]
        for channel in channels:
            self._judge(channel)
        idle = [each for each in channels if each.progress.phase == "idle" and not each.busy]
        for channel in idle[: max(0, len(channels) - _MOST)]:
            channel.transport.loseConnection()
        if channels:
            self.begin()

    def _judge(self, channel: Any) -> None:
        phase, amount, patience, least = _phase(channel)
        seen: Progress = channel.progress
        if phase == "idle" or phase != seen.phase or abs(amount - seen.amount) >= least:
            channel.progress = Progress(phase, amount)
            return
        seen.looks += 1
        if seen.looks >= patience:
            log.info("dropping {peer}: too slow with its {phase}", peer=channel.peer_address, phase=phase)
            channel.transport.abortConnection()


def _phase(channel: Any) -> tuple[str, int, int, int]:
    """What a connection is at, how far it is, how often it may be seen there, and what counts as progress."""
    if channel.reading_slowly:
        return "answer", _unsent(channel), _READING, 1
    if channel.in_headers:
        return "headers", 0, _HEADERS, 1  # no number of bytes counts
    if channel.in_body:
        return "body", channel.received, _BODY, _LEAST
    return "idle", 0, 0, 0
