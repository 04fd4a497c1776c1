"""Tell a heater that has failed from one that is only slow.

Documented rule (verify_heater): once a second, a heater near or above its target is fine; below, the
degrees missing are summed up, and a sum above C{max_error} is a failure. While it heats up, a gain of
C{heating_gain} degrees within C{check_gain_time} seconds clears the sum.
"""

from collections import deque
from itertools import pairwise

from attrs import define, field, frozen

__all__ = ["Limits", "Verdict", "Verification"]


@frozen
class Limits:
    """The options of C{[verify_heater]}."""

    max_error: float = 120.0
    check_gain_time: float = 20.0
    hysteresis: float = 5.0
    heating_gain: float = 2.0


@frozen
class Verdict:
    """Why a heater counts as failed. C{gained} degrees in the last C{check_gain_time} seconds when it
    failed while heating up, None when it fell away from a target that it had held. C{fall}: the most
    degrees that it lost from one inspection to the next; no heated part cools by tens of degrees a second,
    but a sensor's loose wire shows that."""

    temperature: float
    target: float
    error: float
    gained: float | None
    fall: float = 0.0


@define(eq=False, repr=False)
class Verification:
    """Fold one inspection after the other; L{inspect} gives a verdict when the heater has failed.

    What makes it lenient where false alarms come from:
      - the gain is measured from the lowest temperature of the last C{check_gain_time} seconds, not from
        where heating began, so that the dip before the heat arrives at the sensor costs nothing;
      - each inspection counts for one second at most, so that a stalled host adds no error;
      - a raised target, and the end of a pause, begin a new heating-up.
    """

    limits: Limits
    _target: float = field(init=False, default=0.0)
    _holding: bool = field(init=False, default=True)
    _error: float = field(init=False, default=0.0)
    _last: float | None = field(init=False, default=None)
    _seen: "deque[tuple[float, float]]" = field(init=False, factory=deque)

    def pause(self) -> None:
        """Forget what was seen: the heater is off for a reason (a tuning test's cooling, homing)."""
        self._restart()
        self._target = 0.0

    def _restart(self) -> None:
        self._holding, self._error, self._last = False, 0.0, None
        self._seen.clear()

    def inspect(self, time: float, temperature: float, target: float) -> Verdict | None:
        """Take in the smoothed temperature at C{time} (s); at best once a second."""
        if target > self._target:
            self._restart()
        self._target = target
        elapsed = 0.0 if self._last is None else min(max(time - self._last, 0.0), 1.0)
        self._last = time
        self._remember(time, temperature)
        missing = target - self.limits.hysteresis - temperature
        if target <= 0.0 or missing <= 0.0:
            self._holding, self._error = True, 0.0
            return None
        return self._below(time, temperature, missing * elapsed)

    def _remember(self, time: float, temperature: float) -> None:
        self._seen.append((time, temperature))
        while len(self._seen) > 1 and self._seen[1][0] <= time - self.limits.check_gain_time:
            self._seen.popleft()

    def _below(self, time: float, temperature: float, error: float) -> Verdict | None:
        gained = None
        if not self._holding:
            gained = temperature - min(seen for _, seen in self._seen)
            if gained >= self.limits.heating_gain:
                self._error = 0.0
                return None
            if time - self._seen[0][0] < self.limits.check_gain_time:
                return None
        self._error += error
        if self._error <= self.limits.max_error:
            return None
        return Verdict(temperature, self._target, self._error, gained, self._fall())

    def _fall(self) -> float:
        """The largest fall in a second among what was seen lately."""
        return max((a[1] - b[1] for a, b in pairwise(self._seen) if b[0] - a[0] <= 1.5), default=0.0)
