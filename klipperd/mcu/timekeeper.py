"""Keeps the estimate of an MCU's clock fresh, and notices when the MCU falls silent."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from klipperd.mcu.clock_estimate import ClockEstimate, ClockRegression, RoundTrip, extend_clock
from klipperd.mcu.connection import Connection
from klipperd.mcu.errors import McuError, McuSilent

__all__ = ["SILENCE", "Timekeeper"]

_log = Logger()

_PERIOD = 0.9839
"""s between two questions; not a round number, so that they do not fall into step with other regular work."""
_FIRST = 8
_FIRST_PERIOD = 0.05
"""The first few follow closer, so that there is a usable estimate at once."""
_WAIT = 1.0
SILENCE = 5.0
"""s of real time without an answer after which the MCU counts as lost."""


@define(eq=False, repr=False)
class Timekeeper:
    """Asks C{get_clock} about every second, for as long as it runs."""

    _connection: Connection
    _clock: IReactorTime
    _on_estimate: Callable[[ClockEstimate], None]
    _on_silence: Callable[[str], None]
    _regression: ClockRegression = field(init=False)
    _answered: float = field(init=False, default=0.0)
    _running: "Deferred[None] | None" = field(init=False, default=None)

    @property
    def estimate(self) -> ClockEstimate:
        """The present estimate; only after L{start}."""
        assert self._regression.estimate is not None
        return self._regression.estimate

    async def start(self) -> None:
        """Make a first estimate, then go on by itself.

        @raise McuError: no answer.
        """
        dictionary = self._connection.dictionary
        self._regression = ClockRegression(dictionary.integer("CLOCK_FREQ"))
        uptime = dictionary.command("get_uptime").encode()
        answer = await self._connection.ask(uptime, "uptime")
        near = answer["high"] << 32 | answer["clock"]
        for _ in range(_FIRST):
            await self._question(near)
            await deferLater(self._clock, _FIRST_PERIOD)
        if self._regression.estimate is None:
            raise McuSilent(f"MCU {self._connection.name!r} does not answer get_clock")
        self._answered = self._clock.seconds()
        self._running = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._stopped)

    def stop(self) -> None:
        """Ask no more."""
        running, self._running = self._running, None
        if running is not None:
            running.cancel()

    async def _run(self) -> None:
        while True:
            await deferLater(self._clock, _PERIOD)
            estimate = self.estimate
            if await self._question(round(estimate.clock_at(self._clock.seconds()))):
                self._answered = self._clock.seconds()
            silent = (self._clock.seconds() - self._answered) / self._connection.pace
            if silent > SILENCE:
                self._on_silence(f"no answer for {silent:.1f} s")
                return

    async def _question(self, near: int) -> bool:
        """One round trip; whether there was an answer. C{near}: about what the clock must be."""
        answering = self._connection.next_message("clock")
        answering.addTimeout(_WAIT * self._connection.pace, self._clock)
        delivering = Deferred.fromCoroutine(self._connection.deliver(self._get_clock()))
        delivering.addErrback(lambda failure: None)
        try:
            answer = await answering
        except TimeoutError:
            delivering.cancel()
            return False
        sent = await delivering
        if sent is None:
            return False
        clock = extend_clock(answer["clock"], near)
        self._regression.add(RoundTrip(sent, answer.received, clock))
        self._on_estimate(self.estimate)
        return True

    def _get_clock(self) -> bytes:
        return self._connection.dictionary.command("get_clock").encode()

    def _stopped(self, failure: Failure) -> None:
        # Who lost the connection is told by the connection itself.
        if not failure.check(CancelledError, McuError):
            _log.failure("MCU {name!r}: the clock is not kept", failure, name=self._connection.name)
