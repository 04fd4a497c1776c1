"""The clock page and the scaled clock, on a real time that the test moves by hand."""

import ctypes
import struct
from collections.abc import Callable
from pathlib import Path

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from klipperd.clock import REACTOR_SLOT, SLACK, ClockPage, ClockPageError, ScaledClock


class PageTestCase(SynchronousTestCase):
    """A page on a real time that starts at 1000 s."""

    speed = 60.0

    def setUp(self) -> None:
        self.real = Clock()
        self.real.advance(1000.0)
        self.path = Path(self.mktemp())
        self.page = ClockPage.create(self.path, self.speed, self.real.seconds)
        self.addCleanup(self.page.close)


class ClockPageTests(PageTestCase):
    """L{ClockPage}."""

    def test_runs_at_its_speed(self) -> None:
        """Virtual time starts at the real one and runs C{speed} times as fast."""
        self.assertEqual(self.page.now(), 1000.0)
        self.real.advance(2.0)
        self.assertAlmostEqual(self.page.now(), 1120.0)

    def test_waits_for_the_slowest(self) -> None:
        """No participant is left behind by more than the slack, and a released slot holds nobody up."""
        self.page.lease(0, 1000.0)
        self.page.lease(17, 1000.02)
        self.real.advance(1.0)
        self.assertAlmostEqual(self.page.now(), 1000.0 + SLACK)
        self.page.lease(0, 1030.0)
        self.assertAlmostEqual(self.page.now(), 1000.02 + SLACK)
        self.page.release(17)
        self.assertAlmostEqual(self.page.now(), 1030.0 + SLACK)
        self.assertEqual(self.page.leased(17), 0.0)
        self.page.release(0)
        self.assertAlmostEqual(self.page.now(), 1060.0)

    def test_shared_by_a_second_mapping(self) -> None:
        """Another participant sees the same time and leases."""
        other = ClockPage.open(self.path, self.real.seconds)
        self.addCleanup(other.close)
        other.lease(3, 1005.0)
        self.real.advance(10.0)
        self.assertAlmostEqual(self.page.now(), 1005.0 + SLACK)
        self.assertEqual(other.speed, self.speed)

    def test_layout(self) -> None:
        """The bytes are where C and Cython participants look for them."""
        self.page.lease(2, 1234.0)
        data = self.path.read_bytes()
        self.assertEqual(len(data), 4096)
        self.assertEqual(struct.unpack_from("=QQddd", data), (0x314B4C434D49534B, 0, 1000.0, 1000.0, 60.0))
        self.assertEqual(struct.unpack_from("=d", data, 64 + 2 * 8), (1234.0 + SLACK,))
        self.assertEqual(ctypes.c_uint64.from_address(self.page.address).value, 0x314B4C434D49534B)

    def test_replaces_an_old_file(self) -> None:
        """A new page doesn't write into one that others still map."""
        other = ClockPage.create(self.path, 2.0, self.real.seconds)
        self.addCleanup(other.close)
        self.assertEqual((self.page.speed, other.speed), (60.0, 2.0))

    def test_refuses(self) -> None:
        """What is no page, no slot or no speed is refused by name."""
        self.path.write_bytes(b"short")
        self.assertRaisesRegex(ClockPageError, "too short", ClockPage.open, self.path)
        self.path.write_bytes(b"x" * 4096)
        self.assertRaisesRegex(ClockPageError, "wrong magic", ClockPage.open, self.path)
        self.assertRaisesRegex(ClockPageError, r"slot 32 is not in 0\.\.31", self.page.lease, 32, 1.0)
        self.assertRaises(ValueError, ClockPage.create, self.path, 0.0)


class ScaledClockTests(PageTestCase):
    """L{ScaledClock}."""

    def setUp(self) -> None:
        super().setUp()
        self.clock = ScaledClock(self.page, self.real)
        self.ran: list[tuple[str, float]] = []
        self.clock.startService()
        self.addCleanup(self._stop)

    def _stop(self) -> None:
        if self.clock.running:
            self.clock.stopService()

    def note(self, name: str) -> Callable[[], None]:
        """A call that notes when it ran, in virtual seconds since the start."""
        return lambda: self.ran.append((name, self.clock.seconds() - 1000.0))

    def let_pass(self, virtual: float) -> None:
        """Let virtual time pass in steps of the real clock of 0.1 ms."""
        end = self.clock.seconds() + virtual
        for _ in range(int(virtual / self.speed / 0.0001 * 3) + 10):
            if self.clock.seconds() >= end - 1e-9:
                return
            self.real.advance(0.0001)
        self.fail("virtual time stands still")

    def test_interface(self) -> None:
        """It is an IReactorTime."""
        verifyObject(IReactorTime, self.clock)

    def test_call_later(self) -> None:
        """Calls run in order, soon after their virtual time and never before it."""
        self.clock.callLater(0.5, self.note("b"))
        self.clock.callLater(0.2, self.note("a"))
        self.let_pass(0.19)
        self.assertEqual(self.ran, [])
        self.let_pass(0.5)
        self.assertEqual([name for name, _ in self.ran], ["a", "b"])
        for (_, at), due in zip(self.ran, (0.2, 0.5), strict=True):
            self.assertGreaterEqual(at, due)
            self.assertLess(at, due + 0.0005 * self.speed + 0.01)

    def test_hurries_for_an_earlier_call(self) -> None:
        """A call for now, asked for between two turns, doesn't wait for the lease's timer."""
        self.clock.callLater(0.0, self.note("now"))
        self.real.advance(0.00001)
        self.assertEqual(len(self.ran), 1)

    def test_repeated_now_leaves_the_reactor_a_turn(self) -> None:
        """A call that asks for itself again at once runs once a turn, and doesn't hang the reactor."""

        def again() -> None:
            self.ran.append(("again", 0.0))
            self.clock.callLater(0.0, again)

        self.clock.callLater(0.0, again)
        for turn in (1, 2, 3):
            self.real.advance(0.0000015)
            self.assertEqual(len(self.ran), turn)

    def test_cancel(self) -> None:
        """A cancelled call doesn't run and isn't listed; hundreds of them don't pile up."""
        kept = self.clock.callLater(0.1, self.note("kept"))
        for _ in range(500):
            self.clock.callLater(0.05, self.note("cancelled")).cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [kept])
        self.assertLess(len(self.clock._calls._heap), 200)
        self.let_pass(0.2)
        self.assertEqual([name for name, _ in self.ran], ["kept"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reset_and_delay(self) -> None:
        """A call can be put off and brought forward, and runs once."""
        put_off = self.clock.callLater(0.1, self.note("put off"))
        forward = self.clock.callLater(5.0, self.note("forward"))
        put_off.reset(0.3)
        put_off.delay(0.1)
        forward.reset(0.05)
        self.let_pass(0.39)
        self.assertEqual([name for name, _ in self.ran], ["forward"])
        self.let_pass(10.0)
        self.assertEqual([name for name, _ in self.ran], ["forward", "put off"])

    def test_a_call_may_cancel_its_neighbour(self) -> None:
        """Of two calls that are due in one turn the first may cancel the second."""
        self.clock.callLater(0.001, lambda: second.cancel())
        second = self.clock.callLater(0.002, self.note("second"))
        self.let_pass(1.0)
        self.assertEqual(self.ran, [])

    def test_a_failing_call_is_logged(self) -> None:
        """An exception ends neither the turn nor the clock."""
        self.clock.callLater(0.0, lambda: 1 / 0)
        self.clock.callLater(0.0, self.note("next"))
        self.real.advance(0.0001)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual([name for name, _ in self.ran], ["next"])

    def test_negative_delay(self) -> None:
        """A negative delay is refused."""
        self.assertRaises(ValueError, self.clock.callLater, -1.0, self.note("never"))

    def test_late_reactor_stops_time(self) -> None:
        """While the reactor is stuck, virtual time goes no further than the lease."""
        self.let_pass(0.3)
        before = self.clock.seconds()
        self.real.rightNow += 10.0  # no call of the real clock runs
        self.assertLessEqual(self.clock.seconds(), before + SLACK + 1e-9)
        self.real.advance(0.0)
        self.assertLessEqual(self.clock.seconds(), before + 2 * SLACK + 1e-9)

    def test_other_participant_stops_time(self) -> None:
        """A participant that doesn't renew its lease holds up the calls, without a busy loop."""
        self.page.lease(16, self.page.now())
        self.clock.callLater(1.0, self.note("held up"))
        turns = 0
        for _ in range(1000):
            before = self.clock._timer
            self.real.advance(0.0001)
            turns += self.clock._timer is not before
        self.assertEqual(self.ran, [])
        self.assertLessEqual(turns, 501)  # 0.1 s real at 0.2 ms or more
        self.page.release(16)
        self.let_pass(1.5)
        self.assertEqual([name for name, _ in self.ran], ["held up"])

    def test_stop(self) -> None:
        """After the stop nothing runs, no timer is left and the lease is free."""
        self.clock.callLater(0.1, self.note("never"))
        self.clock.stopService()
        self.assertEqual(self.page.leased(REACTOR_SLOT), 0.0)
        self.assertEqual(self.real.getDelayedCalls(), [])
        self.real.advance(10.0)
        self.assertEqual(self.ran, [])

    def test_calls_before_the_start_wait_for_it(self) -> None:
        """Services may ask for calls before the clock runs."""
        clock = ScaledClock(self.page, self.real, slot=5)
        clock.callLater(0.0, self.note("early"))
        self.real.advance(1.0)
        self.assertEqual(self.ran, [])
        clock.startService()
        self.addCleanup(clock.stopService)
        self.assertEqual([name for name, _ in self.ran], ["early"])
