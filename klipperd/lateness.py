"""Measure how late the reactor is: the time between when a timer was due and when it ran.

No step depends on the reactor's timing; this tells whether something blocks it (the rule is 5 ms).
"""

from bisect import bisect_left

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from klipperd.objects.option import status_field

__all__ = ["LatenessStatus", "ReactorLateness"]

_log = Logger()

_BOUNDS = tuple(0.0001 * 1.25**i for i in range(52))
"""Upper bounds (s) of the histogram's buckets, 0.1 ms to 8.7 s, each 25 % above the last."""


@frozen
class LatenessStatus:
    """Lateness of the reactor since the start, in seconds."""

    p50: float = status_field(doc="half of all timers were less late than this (s)")
    p99: float = status_field(doc="99 % of all timers were less late than this (s)")
    p999: float = status_field(doc="99.9 % of all timers were less late than this (s)")
    worst: float = status_field(doc="the latest timer (s)")
    count: int = status_field(doc="number of timers measured")


@define(eq=False, repr=False, slots=False)
class ReactorLateness(Service):
    """A timer every C{interval} seconds, whose lateness goes into a histogram that is logged every
    C{report_every} seconds. C{clock} must be the real reactor, not a scaled clock."""

    clock: IReactorTime
    interval: float = 0.02
    report_every: float = 60.0
    _counts: list[int] = field(init=False, factory=lambda: [0] * (len(_BOUNDS) + 1))
    _total: int = field(init=False, default=0)
    _worst: float = field(init=False, default=0.0)
    _due: float = field(init=False, default=0.0)
    _next_report: float = field(init=False, default=0.0)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def startService(self) -> None:
        """Start measuring."""
        super().startService()
        self._next_report = self.clock.seconds() + self.report_every
        self._schedule()

    def stopService(self) -> None:
        """Stop measuring and log the last report."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.report()

    def status(self, eventtime: float) -> LatenessStatus:
        """The percentiles so far."""
        p50, p99, p999 = (self._percentile(q) for q in (0.5, 0.99, 0.999))
        return LatenessStatus(p50, p99, p999, self._worst, self._total)

    def report(self) -> None:
        """Log the percentiles so far."""
        if self._total:
            now = self.status(self.clock.seconds())
            _log.info(
                "reactor lateness (ms): p50 {p50:.1f}, p99 {p99:.1f}, p99.9 {p999:.1f}, worst {worst:.1f} "
                "of {count} timers",
                p50=now.p50 * 1e3,
                p99=now.p99 * 1e3,
                p999=now.p999 * 1e3,
                worst=now.worst * 1e3,
                count=now.count,
            )

    def _schedule(self) -> None:
        self._due = self.clock.seconds() + self.interval
        self._timer = self.clock.callLater(self.interval, self._tick)

    def _tick(self) -> None:
        now = self.clock.seconds()
        late = max(0.0, now - self._due)
        self._counts[bisect_left(_BOUNDS, late)] += 1
        self._total += 1
        self._worst = max(self._worst, late)
        self._schedule()
        if now >= self._next_report:
            self._next_report = now + self.report_every
            self.report()

    def _percentile(self, share: float) -> float:
        wanted = share * self._total
        seen = 0
        for bound, count in zip((*_BOUNDS, self._worst), self._counts, strict=True):
            seen += count
            if seen >= wanted and count:
                return min(bound, self._worst)
        return 0.0
