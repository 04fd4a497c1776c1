"""The fine clock, run by hand: the test waits for its file descriptor as a reactor would."""

import select
import time
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime, IReadDescriptor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from klipperd.fine_clock import FineClock


class Readers:
    """What a reactor does with readers."""

    def __init__(self) -> None:
        self.readers: list[object] = []
        self.addReader = self.readers.append
        self.removeReader = self.readers.remove


class FineClockTests(SynchronousTestCase):
    """L{FineClock}."""

    timeout = 60

    def setUp(self) -> None:
        self.reactor = Readers()
        self.clock = FineClock(self.reactor)  # type: ignore[arg-type]
        self.addCleanup(self.clock.close)
        self.ran: list[tuple[str, float]] = []

    def note(self, name: str) -> Callable[[], None]:
        return lambda: self.ran.append((name, self.clock.seconds()))

    def expire(self) -> bool:
        """Wait for the next expiry, 20 s at most, and let it run."""
        ready, _, _ = select.select([self.clock], [], [], 20.0)
        if ready:
            self.clock.doRead()
        return bool(ready)

    def is_quiet(self) -> bool:
        return not select.select([self.clock], [], [], 0)[0]

    def test_interfaces(self) -> None:
        """It is what a reactor and its users look for."""
        verifyObject(IReactorTime, self.clock)
        verifyObject(IReadDescriptor, self.clock)
        self.assertEqual(self.reactor.readers, [self.clock])

    def test_monotonic(self) -> None:
        """Its time is CLOCK_MONOTONIC."""
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        self.assertTrue(before <= self.clock.seconds() <= time.clock_gettime(time.CLOCK_MONOTONIC))

    def test_in_order_and_never_early(self) -> None:
        """Calls run at or after their time, one expiry each, and then the descriptor is quiet."""
        start = self.clock.seconds()
        for name, delay in (("c", 0.003), ("a", 0.0), ("b", 0.0015)):
            self.clock.callLater(delay, self.note(name))
        turns = 0
        while len(self.ran) < 3:
            self.assertTrue(self.expire())
            turns += 1
        self.assertLessEqual(turns, 3)
        self.assertEqual([name for name, _ in self.ran], ["a", "b", "c"])
        for (_, at), delay in zip(self.ran, (0.0, 0.0015, 0.003), strict=True):
            self.assertGreaterEqual(at, start + delay)
        self.assertTrue(self.is_quiet())

    def test_no_spinning(self) -> None:
        """A timer some milliseconds ahead makes no expiry before its time."""
        self.clock.callLater(10.0, self.note("late"))
        self.clock.callLater(0.005, self.note("soon"))
        self.assertTrue(self.expire())
        self.assertEqual([name for name, _ in self.ran], ["soon"])
        self.assertTrue(self.is_quiet())

    def test_brought_forward(self) -> None:
        """C{reset} to an earlier time is heeded."""
        call = self.clock.callLater(1000.0, self.note("forward"))
        call.reset(0.001)
        self.assertTrue(self.expire())
        self.assertEqual([name for name, _ in self.ran], ["forward"])

    def test_put_off_and_cancelled(self) -> None:
        """Neither a call that was put off nor one that was cancelled runs at its old time."""
        self.clock.callLater(0.001, self.note("put off")).reset(1000.0)
        self.clock.callLater(0.001, self.note("cancelled")).cancel()
        self.assertTrue(self.expire())
        self.assertEqual(self.ran, [])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.assertTrue(self.is_quiet())

    def test_calls_that_ask_for_more(self) -> None:
        """A call asked for by another runs in a turn of its own."""
        self.clock.callLater(0.0, lambda: self.clock.callLater(0.0, self.note("second")))
        self.assertTrue(self.expire())
        self.assertEqual(self.ran, [])
        self.assertTrue(self.expire())
        self.assertEqual([name for name, _ in self.ran], ["second"])

    def test_negative(self) -> None:
        """A negative delay is refused."""
        self.assertRaises(ValueError, self.clock.callLater, -0.1, self.note("never"))

    def test_close(self) -> None:
        """It leaves the reactor, and can be closed from one of its calls and twice."""
        self.clock.callLater(0.0, self.clock.close)
        self.clock.callLater(0.0, self.note("after"))
        self.assertTrue(self.expire())
        self.clock.close()
        self.assertEqual(self.reactor.readers, [])
        self.assertEqual(self.clock.fileno(), -1)
