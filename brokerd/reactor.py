"""The event loop of a broker that runs alone; for entry points only."""

import math
from typing import Any

__all__ = ["REACTORS", "install_reactor"]

REACTORS = ("uvloop", "asyncio", "epoll")


def install_reactor(name: str) -> Any:
    """Install the event loop C{name}; falls back to asyncio's own where uvloop is not to be had."""
    if name == "epoll":
        from twisted.internet import epollreactor

        epollreactor.install()
    else:
        _install_asyncio(name == "uvloop")
    from twisted.internet import reactor

    return reactor


def _install_asyncio(uvloop_wanted: bool) -> None:
    import asyncio

    from twisted.internet.asyncioreactor import AsyncioSelectorReactor
    from twisted.internet.main import installReactor

    class Reactor(AsyncioSelectorReactor):
        """Timers come up to 2 ms late, but never early.

        uvloop counts in whole milliseconds and may call a little too soon. Twisted then sets the timer again,
        some twenty times within the last millisecond (measured: a third of the price of waking up).
        """

        def timeout(self) -> float | None:
            left = super().timeout()
            return (math.ceil(left * 1000.0) + 1) / 1000.0 if left else left

    loop: Any = None
    if uvloop_wanted:
        try:
            import uvloop
        except ImportError:
            pass
        else:
            loop = uvloop.new_event_loop()
    installReactor(Reactor(loop or asyncio.new_event_loop()))
