"""Services that stop one after the other."""

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

__all__ = ["OrderedServices"]

_log = Logger()


class OrderedServices(MultiService):
    """Starts its children in order and stops them in reverse order, each only once the one before it has
    stopped. (A L{MultiService} tells all its children to stop at the same time.)"""

    def stopService(self) -> "Deferred[None]":
        """Stop all children; fires when the last one has stopped. One that fails does not keep the others."""
        self.running = 0
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for child in reversed(list(self)):
            try:
                await maybeDeferred(child.stopService)
            except Exception:
                _log.failure("{child} failed to stop", child=child)
