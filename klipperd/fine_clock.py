"""A reactor's timers with the kernel's resolution, on CLOCK_MONOTONIC.

The event loops that Twisted runs on keep time in milliseconds, or in the wall clock's seconds that jump.
Here one timerfd stands for all timers: they come within some microseconds of their time, sleep till then
(uvloop spins through the last millisecond of a timer that asyncioreactor sets), and C{seconds()} is the
clock that the MCU links use.
"""

import ctypes
import os
import time
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from klipperd.calls import DelayedCalls

__all__ = ["FineClock"]

_libc = ctypes.CDLL(None, use_errno=True)
_CLOCK_MONOTONIC = 1
_TIMER_ABSTIME = 1
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class _TimerSpec(ctypes.Structure):
    """struct itimerspec: interval, then time of the first expiry."""

    _fields_ = [
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("s", ctypes.c_long),
        ("ns", ctypes.c_long),
    ]


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"timerfd: {os.strerror(number)}")
    return result


@implementer(IReactorTime, IReadDescriptor)
@define(eq=False, repr=False, slots=False)
class FineClock:
    """C{IReactorTime} beside a reactor. It needs no start; L{close} ends it, and drops the calls that wait.

    @raise OSError: the kernel has no timerfd.
    """

    reactor: IReactorFDSet
    _calls: DelayedCalls = field(init=False)
    _fd: int = field(init=False)
    _armed: float = field(init=False, default=float("inf"))

    def __attrs_post_init__(self) -> None:
        self._calls = DelayedCalls(self.seconds, self._hurry)
        self._fd = _checked(_libc.timerfd_create(_CLOCK_MONOTONIC, _FLAGS))
        self.reactor.addReader(self)

    def close(self) -> None:
        """Leave the reactor."""
        if self._fd >= 0:
            self.reactor.removeReader(self)
            os.close(self._fd)
            self._fd = -1

    # IReactorTime

    def seconds(self) -> float:
        """CLOCK_MONOTONIC, in seconds."""
        return time.monotonic()

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> DelayedCall:
        """Call C{callable} in C{delay} seconds.

        @raise ValueError: C{delay} is below 0.
        """
        return self._calls.add(delay, callable, args, kwargs)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """All calls that wait."""
        return self._calls.waiting()

    # IReadDescriptor

    def fileno(self) -> int:
        """The timerfd, or -1 after L{close}."""
        return self._fd

    def doRead(self) -> None:
        """It has expired: run what is due."""
        try:
            os.read(self._fd, 8)
        except BlockingIOError:
            return  # it was set anew since
        self._armed = float("inf")
        self._calls.run_due(self.seconds())
        following = self._calls.next_time()
        if following is not None and self._fd >= 0:
            self._hurry(following)

    def connectionLost(self, reason: Failure) -> None:
        """The reactor drops its readers as it stops."""

    def logPrefix(self) -> str:
        """For the reactor's log."""
        return "FineClock"

    def _hurry(self, at: float) -> None:
        """Make sure of an expiry at C{at}, which may be past."""
        if at >= self._armed or self._fd < 0:
            return
        self._armed = at
        ns = max(1, int(at * 1e9))
        spec = _TimerSpec(0, 0, ns // 1_000_000_000, ns % 1_000_000_000)
        _checked(_libc.timerfd_settime(self._fd, _TIMER_ABSTIME, ctypes.byref(spec), None))
