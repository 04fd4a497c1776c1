"""Runs of steps against plain integers: each within its window, and as long as runs can be."""

import random
from collections.abc import Callable, Iterator
from math import ceil, cos, floor, sqrt

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.fit import longest_run

EARLY = 500.0
NOISE = 2e-3
"""Ticks that a step may be outside of its window: rounding of times."""
BYTE_ADDS = range(-32, 96)
BYTE_COUNT, FEW_MORE = 95, 118


@frozen
class Windows:
    """Each step's first and last tick, from the step before the run on."""

    first: list[int]
    last: list[int]

    @classmethod
    def of(cls, before: float, due: list[float], base: int, early: float) -> "Windows":
        firsts, lasts = [], []
        for then, now in zip([before, *due[:-1]], due, strict=True):
            room = max(min(early, (now - then) / 2), 1.0)
            firsts.append(ceil(now - room - base - NOISE / 2))
            lasts.append(floor(now - base + NOISE / 2))
        return cls(firsts, lasts)

    def holds(self, interval: int, add: int, count: int) -> int:
        """How many of so many steps are within their windows, before the first that is not."""
        at = 0
        for i in range(count):
            at += interval + add * i
            if not self.first[i] <= at <= self.last[i]:
                return i
        return count

    def intervals(self, add: int, count: int) -> range:
        """All that bring so many steps into their windows."""
        least, most = 1, 2**32
        for i in range(count):
            grown = add * i * (i + 1) // 2
            least = max(least, -((grown - self.first[i]) // (i + 1)))
            most = min(most, (self.last[i] - grown) // (i + 1))
        return range(least, most + 1)

    def longest(self, most: int) -> int:
        """The longest run that any command makes: add by add, one step more at a time."""
        adds = range(-0x8000, 0x8000)
        for count in range(2, most + 1):
            adds = self._adds(adds, count)
            adds = self._trimmed(adds, count)
            if not adds:
                return count - 1
        return most

    def _adds(self, adds: range, count: int) -> range:
        """Leave those that the newest step's window and each other one leave together (in doubles)."""
        low, high = self._line(count - 1)
        least, most = float(adds.start), float(adds.stop - 1)
        for i in range(count - 1):
            other_low, other_high = self._line(i)
            least = max(least, (low - other_high) / (count - 1 - i))
            most = min(most, (high - other_low) / (count - 1 - i))
        return range(ceil(least - 1e-6), floor(most + 1e-6) + 1)

    def _line(self, i: int) -> tuple[float, float]:
        return 2 * self.first[i] / (i + 1), 2 * self.last[i] / (i + 1)

    def _trimmed(self, adds: range, count: int) -> range:
        """Leave out the ones at both ends with which no whole interval goes."""
        first, last = adds.start, adds.stop - 1
        while first <= last and not self.intervals(first, count):
            first += 1
        while first <= last and not self.intervals(last, count):
            last -= 1
        return range(first, last + 1)


def speeding_up(count: int, accel: float = 3e5, pitch: float = 1.0) -> list[float]:
    return [20e6 * sqrt(2 * i * pitch / accel) for i in range(1, count + 1)]


def steady(count: int, interval: float = 1666.7) -> list[float]:
    return [i * interval for i in range(1, count + 1)]


def wavy(count: int, interval: float = 2000.0, depth: float = 0.6, turn: float = 0.05) -> list[float]:
    times, now = [], 0.0
    for i in range(count):
        now += interval * (1 + depth * cos(turn * i))
        times.append(now)
    return times


def jumpy(count: int) -> list[float]:
    chance, times, now = random.Random(4), [], 0.0
    for i in range(count):
        if i % 17 == 0:
            interval = chance.choice([150.0, 900.0, 4000.0, 60000.0])
        now += interval * chance.uniform(0.9, 1.1)
        times.append(now)
    return times


def commands(due: list[float], early: float = EARLY) -> Iterator[tuple[int, int, int, int, int]]:
    """All commands for some steps: the first step of each, the base, length, interval, add."""
    head, base = 0, 0
    while head < len(due):
        before = due[head - 1] if head else 0.0
        count, interval, add = longest_run(before, due[head:], base, early)
        yield head, base, count, interval, add
        head += count
        base += interval * count + add * (count * (count - 1) // 2)


class Runs(SynchronousTestCase):
    timeout = 120

    def check_windows(self, due: list[float], early: float = EARLY) -> int:
        made = 0
        for head, base, count, interval, add in commands(due, early):
            self.assertGreater(count, 0)
            self.assertTrue(-0x8000 <= add < 0x8000)
            windows = Windows.of(due[head - 1] if head else 0.0, due[head : head + count], base, early)
            self.assertEqual(windows.holds(interval, add, count), count, (head, interval, add))
            made += 1
        return made

    def check_longest(self, due: list[float]) -> None:
        """As long as can be, but for those cut short to save a byte."""
        longest_of_all = lengths = 0
        for head, base, count, _, add in commands(due):
            ahead = due[head : head + 160]
            windows = Windows.of(due[head - 1] if head else 0.0, ahead, base, EARLY)
            longest = windows.longest(len(ahead))
            self.assertLessEqual(min(count, len(ahead)), longest)
            if count < longest and add in BYTE_ADDS and 6 * count >= 5 * longest:
                continue
            if count == BYTE_COUNT and longest <= FEW_MORE:
                continue
            lengths += min(count, longest)
            longest_of_all += longest
            # Beyond 64 steps, not every one is looked at while the search narrows.
            self.assertGreaterEqual(count, longest if longest <= 64 else 0.9 * longest, (head, add))
        self.assertGreaterEqual(lengths, 0.98 * longest_of_all)

    def test_speeding_up(self) -> None:
        self.check_windows(speeding_up(3000))
        self.check_longest(speeding_up(600))

    def test_slowing_down(self) -> None:
        way = speeding_up(600)
        due = [way[-1] - t + 1000 for t in reversed(way[:-1])]
        self.check_windows(due)
        self.check_longest(due)

    def test_steady(self) -> None:
        """Whole ticks drift away from times between them, the sooner the narrower the windows."""
        for interval, most in ((40.25, 80), (333.3, 16), (1666.7, 9), (123456.78, 9), (2000.0, 1)):
            self.assertLessEqual(self.check_windows(steady(4096, interval)), most)

    def test_wavy(self) -> None:
        for turn in (0.01, 0.05, 0.2, 1.0):
            self.check_windows(wavy(2000, turn=turn))
            self.check_longest(wavy(400, turn=turn))

    def test_ends(self) -> None:
        """Fewer commands than from always the latest of the longest lines (156 and 365)."""
        self.assertLessEqual(len(list(commands(wavy(4000, turn=0.05)))), 150)
        self.assertLessEqual(len(list(commands(wavy(4000, turn=0.2)))), 340)

    def test_jumpy(self) -> None:
        self.check_windows(jumpy(2000))
        self.check_longest(jumpy(500))

    def test_no_room(self) -> None:
        """With no error allowed there is still a whole tick for every step."""
        self.check_windows(wavy(300), early=0.0)
        self.check_windows(jumpy(300), early=0.0)

    def test_far_apart(self) -> None:
        """Intervals of seconds on a fast clock, and one after a short one."""
        due = [4e9, 4e9 + 100, 7.5e9, 7.5e9 + 1.2e9, 7.5e9 + 2.4e9]
        self.check_windows([t / 2 for t in due])
        self.assertEqual(longest_run(0.0, [3e9], 0, EARLY), (1, 3_000_000_000, 0))
        self.assertEqual(longest_run(0.0, [3e9], 0, EARLY, partial=False)[0], 0)

    def test_steepest_adds(self) -> None:
        """Never an add beyond 16 bits, whatever would fit best."""
        for due in ([81272.6, 195809.4, 1e6], [81272.6, 195809.4]):
            self.check_windows(due)
            self.check_longest(due)
            self.assertEqual(longest_run(0.0, due, 0, EARLY)[0], 2)
        for factor in (0.3, 0.5, 1.7, 3.0):
            due, now, interval = [], 0.0, 60000.0
            for _ in range(12):
                now += interval
                due.append(now)
                interval = max(interval * factor, 10.0) if now < 1e9 else 1e5
            self.check_windows(due)

    def test_waits_for_more(self) -> None:
        self.assertEqual(longest_run(0.0, steady(20), 0, EARLY, partial=False)[0], 0)
        due = [*steady(20), 1e6, 1.0002e6]
        self.assertEqual(longest_run(0.0, due, 0, EARLY, partial=False)[0], 20)

    def test_no_step_fits(self) -> None:
        """Due before the tick of the step before: nothing is made up."""
        self.assertEqual(longest_run(1000.0, [1000.5], 1000, EARLY)[0], -1)

    @settings(deadline=None, max_examples=80, derandomize=True)
    @given(
        st.lists(st.floats(2.5, 1e6), min_size=1, max_size=60),
        st.floats(0.0, 3000.0),
    )
    def test_any_intervals(self, intervals: list[float], early: float) -> None:
        due, now = [], 0.0
        for interval in intervals:
            now += interval
            due.append(now)
        self.check_windows(due, early)


def both_ways(make: Callable[[int], list[float]]) -> Callable[[Runs], None]:
    def test(self: Runs) -> None:
        due = make(300)
        self.assertLessEqual(len(list(commands(due))), len(due))
        self.assertEqual(sum(count for _, _, count, _, _ in commands(due)), len(due))

    return test


for maker in (speeding_up, steady, wavy, jumpy):
    setattr(Runs, f"test_all_of_{maker.__name__}", both_ways(maker))
