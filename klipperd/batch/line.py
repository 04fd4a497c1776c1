"""The line to an MCU that isn't there: commands go to a file, answers are made up."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from klipperd.batch.answers import McuAnswers
from klipperd.mcu.clock_estimate import ClockEstimate
from klipperd.mcu.connection import Answer, Connection
from klipperd.mcu.errors import McuError
from klipperd.mcu.line import LineSettings
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.errors import DictionaryError
from klipperd.wire.filelink import FileLink

__all__ = ["FileLine"]

_LOOK = 0.02
"""s between two looks whether the host has ended a homing move."""


@define(eq=False, repr=False)
class _FileConnection(Connection):
    """The conversation with an MCU whose dictionary is known and whose answers are made up."""

    _answers: McuAnswers = field(init=False)
    _file: FileLink = field(init=False)
    _looking: bool = field(init=False, default=False)

    def use(self, file: FileLink, dictionary: Dictionary, answers: McuAnswers) -> None:
        """Talk to such an MCU."""
        self._file, self.dictionary, self._answers = file, dictionary, answers

    def open(self) -> None:
        """Nothing has to be opened."""

    def close(self) -> None:
        """Say nothing more."""
        self.lost = self.lost or "the connection was closed"

    def send(self, payload: bytes, lane: int = 0, req_clock: int = 0, slot_until: int = 0) -> None:
        """See L{Connection.send}."""
        self.link.send(payload, lane, req_clock, slot_until)
        self._answers.hear(payload)
        if self._answers.armed and not self._looking:
            self._looking = True
            self._clock.callLater(_LOOK, self._look)

    def _look(self) -> None:
        for payload in self._answers.stopped():
            self._file.receive(payload)
            self._receive(payload, self._clock.seconds())
        self._looking = self._answers.armed
        if self._looking:
            self._clock.callLater(_LOOK, self._look)

    async def deliver(self, payload: bytes, lane: int = 0, req_clock: int = 0) -> float:
        """See L{Connection.deliver}; it arrives at once."""
        self.send(payload, lane, req_clock)
        return self._clock.seconds()

    async def ask(
        self, payload: bytes, response: str, oid: int | None = None, *, timeout: float = 1.0, tries: int = 5
    ) -> Answer:
        """See L{Connection.ask}; the answer comes at once."""
        self.send(payload)
        return Answer(self._answers.answer(response, oid), self._clock.seconds())


@define(eq=False, repr=False)
class _ExactTime:
    """Takes the place of L{klipperd.mcu.timekeeper.Timekeeper}: the MCU's clock is exact, and 0 at 0 s."""

    estimate: ClockEstimate
    _on_estimate: Callable[[ClockEstimate], None]

    async def start(self) -> None:
        """The estimate never changes."""
        self._on_estimate(self.estimate)

    def stop(self) -> None:
        """There is nothing to stop."""


@define(eq=False, repr=False)
class FileLine:
    """Takes the place of L{klipperd.mcu.line.Line}. C{link} is written by whoever opened the file."""

    name: str
    link: FileLink
    _dictionary: Dictionary
    _clock: IReactorTime
    settings: LineSettings = field(init=False, factory=lambda: LineSettings(""))
    checksum_salt: bytes = field(init=False, default=b"")
    is_reset_by_command: bool = field(init=False, default=True)
    connection: Connection | None = field(init=False, default=None)

    @property
    def open_connection(self) -> Connection:
        """The connection; only after L{open}."""
        assert self.connection is not None
        return self.connection

    @property
    def freq(self) -> float:
        """Ticks a second."""
        return float(self._dictionary.integer("CLOCK_FREQ"))

    async def open(self) -> Connection:
        """The MCU is there. @raise McuError: its dictionary lacks CLOCK_FREQ."""
        try:
            freq = self.freq
        except DictionaryError as error:
            raise McuError(f"MCU {self.name!r}: {error}") from error
        connection = _FileConnection(self.name, self.link, self._clock, _no_reactor())
        clock = self._clock
        answers = McuAnswers(self._dictionary, self.link, lambda: round(clock.seconds() * freq))
        connection.use(self.link, self._dictionary, answers)
        self._follow_steppers(freq)
        self.connection = connection
        return connection

    def _follow_steppers(self, freq: float) -> None:
        commands = ("queue_step oid=%c interval=%u count=%hu add=%hi", "set_next_step_dir oid=%c dir=%c",
                    "reset_step_clock oid=%c clock=%u")  # fmt: skip
        with suppress(DictionaryError):  # an MCU without steppers
            self.link.follow_steppers(freq, *(self._dictionary.command(c).message_id for c in commands))

    def keep_time(
        self, on_estimate: Callable[[ClockEstimate], None], on_silence: Callable[[str], None]
    ) -> Any:
        """See L{klipperd.mcu.line.Line.keep_time}."""
        return _ExactTime(ClockEstimate(self.freq, 0.0, 0.0), on_estimate)

    async def reset(self) -> None:
        """There is nothing to reset."""

    async def start_reset(self) -> None:
        """There is nothing to reset."""

    def close(self) -> None:
        """Close the connection; the link keeps what is to be written."""
        if self.connection is not None:
            self.connection.close()


def _no_reactor() -> Any:
    """No file descriptor is watched."""
    return None
