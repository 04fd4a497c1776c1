"""First-order smoothing of readings that come at uneven times."""

from attrs import define, field

__all__ = ["Smoothed"]


@define(eq=False, repr=False)
class Smoothed:
    """A reading smoothed over C{smooth_time} seconds; the first reading is taken as it is."""

    smooth_time: float
    value: float = field(init=False, default=0.0)
    time: float | None = field(init=False, default=None)

    def update(self, time: float, reading: float) -> float:
        """Take in C{reading} of C{time} (s), and give the smoothed value."""
        if self.time is None:
            self.value = reading
        else:
            share = min(max(time - self.time, 0.0) / self.smooth_time, 1.0)
            self.value += (reading - self.value) * share
        self.time = time
        return self.value
