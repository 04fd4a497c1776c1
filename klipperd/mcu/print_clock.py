"""From print time to the clock of each MCU.

Print time is the main MCU's clock in nominal seconds: it runs at that MCU's pace, whatever the host's
clock does. The clocks of other MCUs are bent so that they agree with it: each gets a line of its own,
renewed every second without a jump.
"""

from attrs import define, frozen

from klipperd.mcu.clock_estimate import ClockEstimate

__all__ = ["PrintClock", "PrintClockFollower"]

_HORIZON = 4.0
"""s; a follower's error is to be gone after this long."""
_LARGEST_BEND = 0.005
"""s; a larger error is not bent away but corrected at once: the MCU has just been connected."""


@frozen
class PrintClock:
    """clock = (print_time + offset) * freq (ticks; s; ticks/s)."""

    freq: float
    offset: float = 0.0

    def clock_at(self, print_time: float) -> int:
        """64-bit MCU clock at a print time."""
        return max(0, round((print_time + self.offset) * self.freq))

    def print_time_at(self, clock: float) -> float:
        """Print time of a 64-bit MCU clock."""
        return clock / self.freq - self.offset


@define(repr=False)
class PrintClockFollower:
    """Keeps the print clock of a further MCU in step with the main one."""

    clock: PrintClock
    _started: bool = False

    def follow(self, main: PrintClock, main_estimate: ClockEstimate, own: ClockEstimate, now: float) -> None:
        """Renew the line at host time C{now} from both MCUs' estimates."""
        print_time = main.print_time_at(main_estimate.clock_at(now))
        later = main.print_time_at(main_estimate.clock_at(now + _HORIZON))
        here = (print_time + self.clock.offset) * self.clock.freq
        right = own.clock_at(now)
        if not self._started or abs(here - right) > _LARGEST_BEND * own.freq:
            here = right
        self._started = True
        freq = (own.clock_at(now + _HORIZON) - here) / (later - print_time)
        self.clock = PrintClock(freq, here / freq - print_time)
