"""Long work on the reactor, in slices: whoever loops asks after each step whether others are waiting."""

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

__all__ = ["SLICE", "Breath"]

SLICE = 0.004
"""Seconds that a loop may keep the reactor busy before others get their turn."""


@define(eq=False, repr=False)
class Breath:
    """Shared by all loops of a host, so that two of them don't take two slices in a row."""

    _clock: IReactorTime
    _slice_end: float | None = field(default=None, init=False)

    def due(self) -> bool:
        """Whether this slice is used up; the first call after the reactor ran begins a new one."""
        now = self._clock.seconds()
        if self._slice_end is None:
            self._slice_end = now + SLICE
            # Runs as soon as the reactor has control again, for whatever reason.
            self._clock.callLater(0, self._rested)
            return False
        return now >= self._slice_end

    async def rest_if_due(self) -> None:
        """Let the reactor run if this slice is used up."""
        if self.due():
            await deferLater(self._clock, 0)

    def _rested(self) -> None:
        self._slice_end = None
