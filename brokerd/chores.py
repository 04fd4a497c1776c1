"""Work that nobody waits for, but that must not outlive the broker."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["Chores", "settled"]

log = Logger()


@define(eq=False, repr=False)
class Chores:
    """Coroutines that run by themselves. What they raise is logged."""

    _running: set[Deferred[Any]] = field(init=False, factory=set)

    def spawn(
        self, work: Coroutine[Deferred[Any], Any, Any], what: str, ended: Callable[[], None] | None = None
    ) -> None:
        """Run C{work}; C{ended} is called when it is over, however it ends.

        Work that never waits is done when this returns, and costs no Deferred.
        """
        try:
            work.send(None)
        except StopIteration:
            if ended is not None:
                ended()
            return
        except Exception:
            log.failure("{what} failed", what=what)
            if ended is not None:
                ended()
            return
        # It waits for a Deferred, and will say so again when it is asked again.
        running = Deferred.fromCoroutine(work)
        self._running.add(running)

        def over(result: Any) -> None:
            self._running.discard(running)
            if isinstance(result, Failure) and result.check(CancelledError) is None:
                log.failure("{what} failed", result, what=what)
            if ended is not None:
                ended()

        running.addBoth(over)

    def cancel(self) -> None:
        """Break off whatever still runs."""
        for running in list(self._running):
            running.cancel()


async def settled(stop: Callable[[], Awaitable[Any] | None]) -> None:
    """One step of stopping; that it fails does not keep the others."""
    try:
        result = stop()
        if result is not None:
            await result
    except Exception:
        log.failure("stopping: {step}", step=stop)
