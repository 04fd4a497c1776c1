"""Estimating an MCU's clock from round trips with jitter, outliers and drift; several MCUs' print clocks."""

import random
from math import floor

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.mcu.clock_estimate import ClockEstimate, ClockRegression, RoundTrip, extend_clock
from klipperd.mcu.print_clock import PrintClock, PrintClockFollower


@define
class SimulatedMcu:
    """A clock and the line to it.

    @ivar error: of its frequency, relative.
    @ivar jitter: mean of the additional delay of each way, s.
    """

    nominal: float = 20e6
    error: float = 0.0
    start: float = 1000.0
    delay: float = 100e-6
    jitter: float = 0.0
    chance: random.Random = field(factory=lambda: random.Random(7))

    def clock_at(self, time: float) -> float:
        return (time - self.start) * self.nominal * (1 + self.error)

    def ask(self, time: float, extra: float = 0.0) -> RoundTrip:
        there = self.delay + (self.chance.expovariate(1 / self.jitter) if self.jitter else 0.0) + extra
        back = self.delay + (self.chance.expovariate(1 / self.jitter) if self.jitter else 0.0)
        return RoundTrip(time, time + there + back, floor(self.clock_at(time + there)))

    def offset(self, estimate: ClockEstimate, time: float) -> float:
        """s by which an estimate is off."""
        return (estimate.clock_at(time) - self.clock_at(time)) / self.nominal


def watch(mcu: SimulatedMcu, seconds: int, begin: float = 2000.0) -> tuple[ClockRegression, float]:
    regression = ClockRegression(mcu.nominal)
    for i in range(8):
        regression.add(mcu.ask(begin + 0.05 * i))
    for second in range(1, seconds + 1):
        regression.add(mcu.ask(begin + 0.98 * second))
    return regression, begin + seconds


class Regression(SynchronousTestCase):
    def test_quiet_line(self) -> None:
        for error in (0.0, 40e-6, -40e-6, 0.01):
            mcu = SimulatedMcu(error=error)
            regression, now = watch(mcu, 30)
            assert regression.estimate is not None
            self.assertLess(abs(mcu.offset(regression.estimate, now + 1)), 10e-6, error)
            self.assertLess(abs(regression.estimate.freq / mcu.nominal - 1 - error), 2e-6)

    def test_first_estimate(self) -> None:
        """After the first burst, good enough to start a print a few hundred ms later."""
        mcu = SimulatedMcu(error=50e-6, jitter=50e-6)
        regression, now = watch(mcu, 0)
        assert regression.estimate is not None
        self.assertLess(abs(mcu.offset(regression.estimate, now + 1)), 300e-6)

    @settings(max_examples=50, deadline=None)
    @given(st.floats(-200e-6, 200e-6), st.floats(0, 0.002), st.integers(0))
    def test_jitter(self, error: float, jitter: float, seed: int) -> None:
        mcu = SimulatedMcu(error=error, jitter=jitter, chance=random.Random(seed))
        regression, now = watch(mcu, 60)
        assert regression.estimate is not None
        self.assertLess(abs(mcu.offset(regression.estimate, now + 1)), 20e-6 + jitter)

    def test_outliers_do_not_count(self) -> None:
        """A stall of the host of 50 ms in every fifth question changes next to nothing."""
        mcu = SimulatedMcu(error=20e-6, jitter=20e-6)
        regression = ClockRegression(mcu.nominal)
        refused = 0
        for second in range(60):
            extra = 0.05 if second % 5 == 4 else 0.0
            refused += not regression.add(mcu.ask(2000.0 + second, extra))
        assert regression.estimate is not None
        self.assertEqual(refused, 12)
        self.assertLess(abs(mcu.offset(regression.estimate, 2060.0)), 30e-6)

    def test_one_way_delays_weigh_little(self) -> None:
        """Each second question waits up to 2 ms on its way: it was not read in the middle of its trip."""
        mcu = SimulatedMcu(error=20e-6)
        regression = ClockRegression(mcu.nominal)
        for second in range(60):
            extra = mcu.chance.uniform(0.0, 0.002) if second % 2 else 0.0
            regression.add(mcu.ask(2000.0 + second, extra))
        assert regression.estimate is not None
        self.assertLess(abs(mcu.offset(regression.estimate, 2060.0)), 25e-6)

    def test_a_line_that_became_slower(self) -> None:
        """What looks bad at first is the new normal after a while."""
        mcu = SimulatedMcu()
        regression, now = watch(mcu, 30)
        mcu.delay = 0.020
        taken = [regression.add(mcu.ask(now + second)) for second in range(1, 20)]
        self.assertEqual(taken, [False] * 5 + [True] * 14)
        assert regression.estimate is not None
        self.assertLess(abs(mcu.offset(regression.estimate, now + 20)), 1e-3)

    def test_frequency_that_wanders(self) -> None:
        """1 ppm in 10 s, as a board that warms up."""
        mcu = SimulatedMcu()
        regression = ClockRegression(mcu.nominal)
        clock, worst = 0.0, 0.0
        for second in range(300):
            freq = mcu.nominal * (1 + 1e-7 * second)
            time = 2000.0 + second
            if second > 60:
                assert regression.estimate is not None
                worst = max(worst, abs(regression.estimate.clock_at(time) - clock) / mcu.nominal)
            regression.add(RoundTrip(time - 1e-4, time + 1e-4, round(clock)))
            clock += freq
        self.assertLess(worst, 60e-6)


class Extending(SynchronousTestCase):
    @given(st.integers(1 << 31, 1 << 50), st.integers(-(1 << 31) + 1, (1 << 31) - 1))
    def test_nearest(self, clock: int, difference: int) -> None:
        self.assertEqual(extend_clock(clock & 0xFFFFFFFF, clock + difference), clock)


class PrintClocks(SynchronousTestCase):
    def test_main(self) -> None:
        clock = PrintClock(20e6)
        self.assertEqual(clock.clock_at(1.5), 30_000_000)
        self.assertEqual(clock.print_time_at(30_000_000), 1.5)

    @settings(max_examples=50, deadline=None)
    @given(st.floats(-200e-6, 200e-6), st.floats(-200e-6, 200e-6), st.integers(0))
    def test_follower_agrees_with_main(self, main_error: float, own_error: float, seed: int) -> None:
        """Both MCUs are told the same print time; how far apart in real time do they act?"""
        chance = random.Random(seed)
        main = SimulatedMcu(20e6, main_error, 1000.0, jitter=100e-6, chance=chance)
        own = SimulatedMcu(48e6, own_error, 1234.5, jitter=100e-6, chance=chance)
        regressions = ClockRegression(main.nominal), ClockRegression(own.nominal)
        main_clock = PrintClock(main.nominal)
        follower = PrintClockFollower(PrintClock(own.nominal))
        for second in range(90):
            now = 2000.0 + second
            regressions[0].add(main.ask(now))
            regressions[1].add(own.ask(now + 0.01))
            if second < 10:
                continue
            assert regressions[0].estimate is not None and regressions[1].estimate is not None
            before = follower.clock
            follower.follow(main_clock, regressions[0].estimate, regressions[1].estimate, now)
            print_time = main_clock.print_time_at(main.clock_at(now))
            if second > 10:
                jump = (follower.clock.clock_at(print_time) - before.clock_at(print_time)) / own.nominal
                self.assertLess(abs(jump), 2e-6, "it bends and does not jump")
            if second > 40:
                acts = own.start + follower.clock.clock_at(print_time + 0.5) / own.nominal / (1 + own_error)
                wanted = main.start + (print_time + 0.5) / (1 + main_error)
                self.assertLess(abs(acts - wanted), 150e-6)

    def test_large_error_is_corrected_at_once(self) -> None:
        follower = PrintClockFollower(PrintClock(1e6))
        main = ClockEstimate(1e6, 0.0, 0.0)
        follower.follow(PrintClock(1e6), main, ClockEstimate(1e6, 0.0, 5e6), 10.0)
        self.assertEqual(follower.clock.clock_at(10.0), 15_000_000)
        follower.follow(PrintClock(1e6), main, ClockEstimate(1e6, 0.0, 6e6), 20.0)
        self.assertEqual(follower.clock.clock_at(20.0), 26_000_000)
