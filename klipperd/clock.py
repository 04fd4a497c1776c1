"""The scaled clock of an offline speed-up: one page of memory that all participants share.

With C{--speed N} the simulated printer, the MCU links' threads and the reactor run N times faster than
real time. Each participant owns a slot of the page and writes there how far the clock may go: a little
beyond what it has handled. Who gets no CPU for a while thus stops the clock instead of being late.

Not for real printers: without a page everybody uses CLOCK_MONOTONIC.
"""

import ctypes
import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from klipperd.calls import DelayedCalls

__all__ = [
    "LINK_SLOTS",
    "REACTOR_SLOT",
    "SIMULATOR_SLOTS",
    "SLACK",
    "ClockPage",
    "ClockPageError",
    "ScaledClock",
]

SLACK = 0.015
"""Virtual seconds that a participant lets the clock run ahead of what it has handled. A command passes three
participants (reactor, link, simulator), and the estimate of the MCU's clock may be off by as much: four times
this must be less than the 0.1 s that the motion host plans ahead at least."""
REACTOR_SLOT = 0
LINK_SLOTS = range(1, 16)
SIMULATOR_SLOTS = range(16, 32)

_SIZE = 4096
_MAGIC = 0x314B4C434D49534B
_HEADER = struct.Struct("=QQddd")
_SHORTEST_WAIT = 0.0002
"""Real seconds; when time stands still, this keeps the scaled clock from looking all the time."""
_NEXT_TURN = 1e-6
"""Not 0, so that other calls of the real clock get their turn, even on C{task.Clock}."""
_LEASES = slice(8, 40)
"""Of the page as an array of doubles."""


class ClockPageError(Exception):
    """The file is no clock page, or the slot isn't one of its."""


class ClockPage:
    """A mapped clock page.

    Layout (native byte order): u64 magic, u64 reserved, then doubles: real anchor (CLOCK_MONOTONIC, s),
    virtual anchor (s), speed; at offset 64 there are 32 leases (virtual s; 0 = slot unused). The header
    never changes. Each lease has one writer; an aligned double is read and written whole on the 64-bit
    processors that simulations run on.
    """

    def __init__(self, memory: mmap.mmap, real_time: Callable[[], float] = time.monotonic) -> None:
        magic, _, self._real_anchor, self._virtual_anchor, self._speed = _HEADER.unpack_from(memory)
        if magic != _MAGIC or not self._speed > 0:
            raise ClockPageError("not a clock page: wrong magic number or speed")
        self._memory = memory
        self._doubles = memoryview(memory).cast("d")
        self._leases = self._doubles[_LEASES]
        self._real_time = real_time

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], speed: float, real_time: Callable[[], float] = time.monotonic
    ) -> "ClockPage":
        """Make the file C{path} with a clock that starts now, at the time of C{real_time}, and runs C{speed}
        times as fast. An old file is replaced, so that those who still map it aren't disturbed.

        @raise OSError: the file can't be made.
        @raise ValueError: C{speed} isn't above 0.
        """
        if not speed > 0:
            raise ValueError(f"speed {speed} is not above 0")
        now = real_time()
        page = _HEADER.pack(_MAGIC, 0, now, now, speed)
        Path(path).unlink(missing_ok=True)
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "r+b") as file:
            file.write(page.ljust(_SIZE, b"\0"))
        return cls.open(path, real_time)

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], real_time: Callable[[], float] = time.monotonic
    ) -> "ClockPage":
        """Map the page that another process has made.

        @raise OSError: the file can't be opened.
        @raise ClockPageError: it is no clock page.
        """
        with open(path, "r+b") as file:
            if os.fstat(file.fileno()).st_size < _SIZE:
                raise ClockPageError(f"{os.fspath(path)} is not a clock page: too short")
            return cls(mmap.mmap(file.fileno(), _SIZE), real_time)

    @property
    def speed(self) -> float:
        """Virtual seconds per real second."""
        return self._speed

    @property
    def address(self) -> int:
        """Where it is mapped, for compiled code; valid until L{close}."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def now(self) -> float:
        """The common time, in virtual seconds. It never goes back."""
        now = self._virtual_anchor + (self._real_time() - self._real_anchor) * self._speed
        for lease in self._leases.tolist():
            if lease and lease < now:
                now = lease
        return now

    def lease(self, slot: int, handled: float) -> None:
        """The owner of C{slot} has handled what was due until C{handled}: time may go L{SLACK} on."""
        self._leases[_checked(slot)] = handled + SLACK

    def leased(self, slot: int) -> float:
        """Until when the owner of C{slot} lets the clock go; 0 when nobody has it."""
        return self._leases[_checked(slot)]

    def release(self, slot: int) -> None:
        """C{slot} has no owner any more. For the owner when it ends, and for whoever sees it die."""
        self._leases[_checked(slot)] = 0.0

    def close(self) -> None:
        """Unmap the page. Nobody may use L{address} from now on."""
        self._leases.release()
        self._doubles.release()
        self._memory.close()


def _checked(slot: int) -> int:
    if not 0 <= slot < 32:
        raise ClockPageError(f"slot {slot} is not in 0..31")
    return slot


@implementer(IReactorTime)
@define(eq=False, repr=False, slots=False)
class ScaledClock(Service):
    """C{IReactorTime} in the virtual time of a L{ClockPage}, driven by a real one, which should have a fine
    resolution (L{klipperd.fine_clock.FineClock}): at 60 times real time its turns are 0.5 ms apart.

    It holds the reactor's lease while it runs as a service: when the reactor is late, time waits for it.
    Calls asked for before the start wait for it; those left at the stop never run, so stop it last.
    """

    page: ClockPage
    real: IReactorTime
    slot: int = REACTOR_SLOT
    _calls: DelayedCalls = field(init=False)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._calls = DelayedCalls(self.seconds, self._hurry)

    # IReactorTime

    def seconds(self) -> float:
        """The common time, in virtual seconds."""
        return self.page.now()

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> DelayedCall:
        """Call C{callable} in C{delay} virtual seconds.

        @raise ValueError: C{delay} is below 0.
        """
        return self._calls.add(delay, callable, args, kwargs)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """All calls that wait."""
        return self._calls.waiting()

    # Service

    def startService(self) -> None:
        """Take the lease and let time go."""
        super().startService()
        self._turn()

    def stopService(self) -> None:
        """Give the lease back; no call runs any more."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.page.release(self.slot)

    # The turns

    def _turn(self) -> None:
        """Run what is due, renew the lease, and set the timer for the next turn."""
        self._timer = None
        now = self.page.now()
        self._calls.run_due(now)
        if self.running:
            self.page.lease(self.slot, now)
            self._timer = self.real.callLater(self._pause(), self._turn)

    def _pause(self) -> float:
        """Real seconds until the next turn: the lease is renewed in time, even when nothing is due."""
        period = max(_SHORTEST_WAIT, SLACK / 4 / self.page.speed)
        due = self._calls.next_time()
        return period if due is None else min(period, self._wait(due))

    def _wait(self, due: float) -> float:
        """Real seconds until virtual time C{due}, if nobody holds it up."""
        ahead = due - self.page.now()
        return _NEXT_TURN if ahead <= 0 else max(_SHORTEST_WAIT, ahead / self.page.speed)

    def _hurry(self, due: float) -> None:
        """A call is due at virtual time C{due}: is the next turn soon enough?"""
        if self._timer is None:
            return
        wait = self._wait(due)
        if self._timer.getTime() > self.real.seconds() + wait:
            self._timer.reset(wait)
