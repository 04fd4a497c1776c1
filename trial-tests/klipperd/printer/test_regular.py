"""Regular calls go on, whatever one of them does."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.printer.regular import Regular


class RegularTests(SynchronousTestCase):
    timeout = 60

    def test_goes_on_after_a_fault(self) -> None:
        clock, calls = Clock(), list[float]()

        def work() -> None:
            calls.append(clock.seconds())
            if len(calls) in (2, 3):
                raise RuntimeError("a bad moment")

        regular = Regular(clock, 1.0, work)
        regular.start()
        clock.pump([1.0] * 5)
        self.assertEqual(calls, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        regular.stop()
        regular.stop()
        self.assertEqual(clock.getDelayedCalls(), [])
