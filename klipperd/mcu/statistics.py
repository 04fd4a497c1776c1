"""Load of an MCU and its link: the status field C{last_stats}."""

from math import sqrt

from attrs import define, field

from klipperd.wire.codec import Message
from klipperd.wire.dictionary import Dictionary

__all__ = ["McuStatistics"]

_INTERVAL = 5.0
"""s between two C{stats} messages of the firmware."""


@define
class McuStatistics:
    """Figures that an MCU reports about its own load."""

    _freq: float
    _square_base: float
    awake: float = field(init=False, default=0.0)
    """Share of time that it was busy."""
    task_average: float = field(init=False, default=0.0)
    """s that a round of its tasks takes."""
    task_deviation: float = field(init=False, default=0.0)
    """Standard deviation of that, s."""

    @classmethod
    def of(cls, dictionary: Dictionary) -> "McuStatistics":
        """For the MCU of that dictionary."""
        return cls(dictionary.integer("CLOCK_FREQ"), dictionary.integer("STATS_SUMSQ_BASE", 256))

    def take(self, message: Message, _received: float) -> None:
        """Take a C{stats} message: rounds, ticks, and their squares in units of STATS_SUMSQ_BASE."""
        count, total, squares = message["count"], message["sum"], message["sumsq"] * self._square_base
        self.awake = total / self._freq / _INTERVAL
        if count:
            self.task_average = total / self._freq / count
            self.task_deviation = sqrt(max(count * squares - total * total, 0.0)) / (count * self._freq)

    def fields(self) -> dict[str, float]:
        """By the names that users know."""
        return {
            "mcu_awake": round(self.awake, 3),
            "mcu_task_avg": round(self.task_average, 6),
            "mcu_task_stddev": round(self.task_deviation, 6),
        }
