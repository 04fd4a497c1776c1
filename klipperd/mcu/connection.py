"""The conversation with one MCU: its dictionary, messages by name, questions and answers.

The link's thread does the wire; this is the reactor's side of it.  No state of the printer is kept here.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from klipperd.mcu.errors import McuError, McuLost, McuSilent
from klipperd.wire.codec import Encoder, Message
from klipperd.wire.dictionary import IDENTIFY, Dictionary
from klipperd.wire.errors import DictionaryError, LinkClosed, ProtocolError
from klipperd.wire.link import Link, Record

__all__ = ["Answer", "Connection", "MessageHandler"]

_log = Logger()

MessageHandler = Callable[[Message, float], None]
"""Called with a message and the time at which it came, s of the host's clock."""

_CHUNK = 40  # bytes of the dictionary in one answer
_AT_ONCE = 100  # records handled before others get their turn
_Key = tuple[str, int | None]


@frozen
class Answer:
    """A response, and when question and response passed the wire (s of the host's clock)."""

    message: Message
    received: float

    def __getitem__(self, parameter: str) -> Any:
        return self.message.values[parameter]


@implementer(IReadDescriptor)
@define(eq=False, repr=False)
class _RecordReader:
    """Wakes the reactor when the link has records."""

    _fd: int
    _on_records: Callable[[], None]

    def fileno(self) -> int:
        return self._fd

    def doRead(self) -> None:
        self._on_records()

    def connectionLost(self, reason: Failure) -> None:
        """The descriptor belongs to the link."""

    def logPrefix(self) -> str:
        return "mcu"


@define(eq=False, repr=False)
class Connection:
    """One MCU, spoken to by names.

    @ivar pace: s of the host's clock in a second of real time; time-outs are real.
    @ivar dictionary: what the MCU offers; until L{identify}, only how to ask for that.
    """

    name: str
    link: Link
    _clock: IReactorTime
    _reactor: IReactorFDSet
    pace: float = 1.0
    dictionary: Dictionary = field(init=False, factory=Dictionary.before_identify)
    lost: str | None = field(init=False, default=None)
    """Why there is no connection any more."""
    _reader: _RecordReader | None = field(init=False, default=None)
    _records: deque[Record] = field(init=False, factory=deque)
    _handlers: dict[_Key, list[MessageHandler]] = field(init=False, factory=dict)
    _waiting: dict[_Key, list[Deferred[Answer]]] = field(init=False, factory=dict)
    _deliveries: dict[int, Deferred[float]] = field(init=False, factory=dict)
    _lost_listeners: list[Callable[[str], None]] = field(init=False, factory=list)
    _notify: int = field(init=False, default=0)
    _identified: bool = field(init=False, default=False)

    def open(self) -> None:
        """Begin to take what the link receives. It has been started or reopened."""
        self.lost = None
        self.dictionary = Dictionary.before_identify()
        self._identified = False
        self._records.clear()
        self._reader = _RecordReader(self.link.event_fd, self._drain)
        self._reactor.addReader(self._reader)

    def close(self) -> None:
        """Stop the link; whoever waits is told, those who listen for a loss are not."""
        if self._reader is not None:
            self._reactor.removeReader(self._reader)
            self._reader = None
        self.link.stop()
        if self.lost is None:
            self.lost = "the connection was closed"
            self._fail_all()

    # ---- sending ----

    def send(self, payload: bytes, lane: int = 0, req_clock: int = 0, slot_until: int = 0) -> None:
        """Send a command; see L{Link.send}.

        @raise McuLost: there is no connection.
        """
        try:
            self.link.send(payload, lane, req_clock, slot_until)
        except LinkClosed:
            raise self._loss() from None

    async def deliver(self, payload: bytes, lane: int = 0, req_clock: int = 0) -> float:
        """Send a command and wait until the MCU acknowledged it; returns the time at which it left (s)."""
        self._notify = self._notify % 0xFFFFFFFF + 1
        delivered: Deferred[float] = Deferred()
        try:
            self.link.send(payload, lane, req_clock, notify=self._notify)
        except LinkClosed:
            raise self._loss() from None
        self._deliveries[self._notify] = delivered
        return await delivered

    async def ask(
        self, payload: bytes, response: str, oid: int | None = None, *, timeout: float = 1.0, tries: int = 5
    ) -> Answer:
        """Send a command and wait for the response of that name (and oid).

        Responses may get lost on the wire, so the command is sent again: ask only what may be asked twice.

        @raise McuSilent: no response to any of C{tries}, each waited for C{timeout} s.
        @raise McuLost: the connection broke.
        """
        for _ in range(tries):
            self.send(payload)
            answer = self.next_message(response, oid)
            try:
                return await answer.addTimeout(timeout * self.pace, self._clock)
            except TimeoutError:
                continue
        raise McuSilent(f"MCU {self.name!r} does not answer: no {response!r} within {tries * timeout:g} s")

    def next_message(self, name: str, oid: int | None = None) -> Deferred[Answer]:
        """The next message of that name (and oid) that nobody else waits for."""
        key = (name, oid)

        def forget(cancelled: Deferred[Answer]) -> None:
            self._waiting[key].remove(cancelled)

        if self.lost is not None:
            raise self._loss()
        waiting: Deferred[Answer] = Deferred(forget)
        self._waiting.setdefault(key, []).append(waiting)
        return waiting

    # ---- receiving ----

    def on_message(self, name: str, handler: MessageHandler, oid: int | None = None) -> None:
        """Call C{handler} for each message of that name (and oid)."""
        self._handlers.setdefault((name, oid), []).append(handler)

    def on_lost(self, listener: Callable[[str], None]) -> None:
        """Call C{listener} with the reason when the connection breaks."""
        self._lost_listeners.append(listener)

    def _drain(self) -> None:
        was_busy = bool(self._records)
        self._records.extend(self.link.drain())
        if not was_busy:
            self._handle_some()

    def _handle_some(self) -> None:
        for _ in range(min(len(self._records), _AT_ONCE)):
            self._handle(self._records.popleft())
        if self._records:
            self._clock.callLater(0, self._handle_some)

    def _handle(self, record: Record) -> None:
        if record[0] == "message":
            self._receive(record[1], record[2])
        elif record[0] == "sent":
            delivery = self._deliveries.pop(record[1], None)
            if delivery is not None:
                delivery.callback(record[2])
        elif record[0] == "closed":
            self._give_up(record[1])
        else:
            _log.warn("MCU {name!r}: {text}", name=self.name, text=record[1])

    def _receive(self, payload: bytes, received: float) -> None:
        try:
            messages = self.dictionary.decode(payload)
        except ProtocolError as error:
            # An MCU that is still configured talks on before its dictionary is known.
            if self._identified:
                _log.warn("MCU {name!r}: {error}", name=self.name, error=error)
            return
        for message in messages:
            self._dispatch(message, received)

    def _dispatch(self, message: Message, received: float) -> None:
        oid = message.values.get("oid")
        keys: tuple[_Key, ...] = (
            ((message.name, oid), (message.name, None)) if oid is not None else ((message.name, None),)
        )
        for key in keys:
            if self._waiting.get(key):
                self._waiting[key].pop(0).callback(Answer(message, received))
                break
        for key in keys:
            for handler in self._handlers.get(key, ()):
                try:
                    handler(message, received)
                except Exception:
                    _log.failure("MCU {name!r}: in a handler of {message}", name=self.name, message=message)

    def _give_up(self, reason: str) -> None:
        if self.lost is not None:
            return
        self.lost = reason
        self._fail_all()
        for listener in list(self._lost_listeners):
            listener(reason)

    def _loss(self) -> McuLost:
        return McuLost(f"MCU {self.name!r}: {self.lost or 'not connected'}")

    def _fail_all(self) -> None:
        waiting = [one for group in self._waiting.values() for one in group]
        deliveries = list(self._deliveries.values())
        self._waiting.clear()
        self._deliveries.clear()
        for one in waiting:
            one.errback(self._loss())
        for delivery in deliveries:
            delivery.errback(self._loss())

    # ---- identify ----

    async def identify(self, patience: float) -> Dictionary:
        """Read the MCU's dictionary.

        @param patience: s to wait for the first answer; each further one has a second.
        @raise McuError: no answer, or nothing intelligible.
        """
        encoder = Dictionary.before_identify().command(IDENTIFY)
        data = b""
        while chunk := await self._chunk(encoder, len(data), 1.0 if data else patience):
            data += chunk
        try:
            self.dictionary = Dictionary.from_identify(data)
        except DictionaryError as error:
            raise McuError(f"MCU {self.name!r}: {error}") from error
        self._identified = True
        return self.dictionary

    async def _chunk(self, encoder: Encoder, offset: int, patience: float) -> bytes:
        payload = encoder.encode(offset=offset, count=_CHUNK)
        tries = max(1, round(patience / 0.25))
        for _ in range(tries):
            answer = await self.ask(payload, "identify_response", timeout=0.25, tries=tries)
            if answer["offset"] == offset:
                data: bytes = answer["data"]
                return data
        raise McuSilent(f"MCU {self.name!r} does not answer the request for its dictionary at {offset}")
