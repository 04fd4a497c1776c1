"""Time that goes on by itself: whenever nothing is left to do, it is the time of the next delayed call."""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from klipperd.calls import DelayedCalls

__all__ = ["VirtualClock"]


@implementer(IReactorTime)
@define(eq=False, repr=False)
class VirtualClock:
    """C{IReactorTime} that runs as fast as the calls that wait for it; it begins at 0 s."""

    _now: float = field(init=False, default=0.0)
    _calls: DelayedCalls = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._calls = DelayedCalls(self.seconds, lambda _due: None)

    def seconds(self) -> float:
        """The present time, s."""
        return self._now

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> DelayedCall:
        """Call C{callable} in C{delay} seconds. @raise ValueError: C{delay} is below 0."""
        return self._calls.add(delay, callable, args, kwargs)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """All calls that wait."""
        return self._calls.waiting()

    def turn(self) -> bool:
        """Go to the next call's time and run what is due; False when nothing waits."""
        due = self._calls.next_time()
        if due is None:
            return False
        self._now = max(self._now, due)
        self._calls.run_due(self._now)
        return True
