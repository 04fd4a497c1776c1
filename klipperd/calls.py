"""Delayed calls in order of their times: the part that the project's clocks have in common."""

from collections.abc import Callable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from attrs import define, field
from twisted.internet.base import DelayedCall
from twisted.logger import Logger

__all__ = ["DelayedCalls"]

_log = Logger()


@define(eq=False, repr=False)
class DelayedCalls:
    """Calls that wait for their time on the clock C{seconds}.

    C{hurry} is called with a time (s) whenever a call has become due at that time, so that the owner runs
    C{run_due} early enough.
    """

    seconds: Callable[[], float]
    hurry: Callable[[float], None]
    _heap: list[tuple[float, int, DelayedCall]] = field(init=False, factory=list)
    _count: int = field(init=False, default=0)
    _cancelled: int = field(init=False, default=0)

    def add(
        self, delay: float, call: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]
    ) -> DelayedCall:
        """Run C{call} in C{delay} seconds.

        @raise ValueError: C{delay} is below 0.
        """
        if delay < 0:
            raise ValueError(f"a delay of {delay} s is below 0")
        added = DelayedCall(
            self.seconds() + delay, call, arguments, dict(keywords), self._forget, self._moved, self.seconds
        )
        self._push(added)
        self.hurry(added.time)
        return added

    def waiting(self) -> list[DelayedCall]:
        """All calls that wait."""
        calls = {id(call): call for _, _, call in self._heap if call.active()}
        return list(calls.values())

    def next_time(self) -> float | None:
        """When to call C{run_due} again (s): not later than the first call, None when none waits."""
        while self._heap and self._heap[0][2].cancelled:
            heappop(self._heap)
            self._cancelled = max(0, self._cancelled - 1)
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> None:
        """Run all calls that are due at C{now}. One that they ask for meanwhile waits for the next turn,
        as with a reactor, so that a call that repeats itself at once can't hold up everything else. An
        exception is logged."""
        for call in self._take_due(now):
            if not call.active():
                continue
            if call.delayed_time > 0:  # a call before it in this turn has put it off
                self._put_off(call)
                continue
            call.called = 1
            try:
                call.func(*call.args, **call.kw)
            except Exception:
                _log.failure("in the delayed call {call}", call=call)

    def _push(self, call: DelayedCall) -> None:
        self._count += 1
        heappush(self._heap, (call.time, self._count, call))

    def _put_off(self, call: DelayedCall) -> None:
        call.activate_delay()
        self._push(call)

    def _forget(self, call: DelayedCall) -> None:
        """C{call} is being cancelled: it goes when its time comes, or with many others."""
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[2].active()]
            heapify(self._heap)
            self._cancelled = 0

    def _moved(self, call: DelayedCall) -> None:
        """C{call} was brought forward; its old place in the queue is void now. (One that is put off is
        moved when its old time comes.)"""
        self._push(call)
        self.hurry(call.time)

    def _take_due(self, now: float) -> list[DelayedCall]:
        due = []
        while self._heap and self._heap[0][0] <= now:
            at, _, call = heappop(self._heap)
            if call.cancelled:
                self._cancelled = max(0, self._cancelled - 1)
            elif call.called or at != call.time:
                continue  # it was brought forward: this is its old place
            elif call.delayed_time > 0:
                self._put_off(call)
            else:
                due.append(call)
        return due
