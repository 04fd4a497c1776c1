"""Settings of an output keep their order and distance, whatever is asked of it."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.printer.timed_output import LEAD, SPACING, TimedOutput


class TimedOutputTests(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[tuple[float, float]] = []
        self.output = TimedOutput(self.clock, lambda now: now, self.send)

    def send(self, time: float, value: float) -> None:
        self.sent.append((time, value))

    def test_at_its_time(self) -> None:
        self.output.set(10.0, 0.5)
        self.assertEqual(self.sent, [(10.0, 0.5)])

    def test_never_in_the_past(self) -> None:
        self.clock.advance(5.0)
        self.output.set(1.0, 0.5)
        self.assertEqual(self.sent, [(5.0 + LEAD, 0.5)])

    def test_of_many_at_once_the_latest_counts(self) -> None:
        for step in range(11):
            self.output.set(10.0 + step * 0.001, step / 10.0)
        self.assertEqual(self.sent, [(10.0, 0.0)])
        self.clock.pump([0.05] * 210)
        self.assertEqual(len(self.sent), 2)
        time, value = self.sent[1]
        self.assertApproximates(time, 10.0 + SPACING, 1e-9)
        self.assertEqual(value, 1.0)

    def test_a_held_change_goes_before_a_later_one(self) -> None:
        for time, value in ((10.0, 0.1), (10.05, 0.2), (11.0, 0.3)):
            self.output.set(time, value)
        self.assertEqual([v for _, v in self.sent], [0.1, 0.2, 0.3])
        self.clock.advance(20.0)
        self.assertEqual(len(self.sent), 3)

    def test_cancelling_leaves_no_timer(self) -> None:
        self.output.set(10.0, 0.1)
        self.output.set(10.0, 0.2)
        self.output.cancel_timer()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(20.0)
        self.assertEqual(len(self.sent), 1)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.tuples(st.floats(0.0, 1.0), st.floats(-0.5, 2.0), st.integers(0, 255)), min_size=1, max_size=40
        )
    )
    def test_any_requests(self, requests: list[tuple[float, float, int]]) -> None:
        """Spaced, never late, and the last request wins in the end."""
        self.setUp()
        for wait, ahead, value in requests:
            self.clock.advance(wait)
            before = len(self.sent)
            self.output.set(self.clock.seconds() + ahead, value / 255.0)
            for time, _ in self.sent[before:]:
                self.assertGreaterEqual(time, self.clock.seconds() + LEAD - 1e-6)
        while self.clock.getDelayedCalls():
            self.clock.advance(0.01)
        self.assertEqual(self.sent[-1][1], requests[-1][2] / 255.0)
        for (a, _), (b, _) in zip(self.sent, self.sent[1:], strict=False):
            self.assertGreaterEqual(b - a, SPACING - 1e-6)
