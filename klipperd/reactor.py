"""Install the reactor; for entry points only.

The default is asyncio on uvloop, since the broker's later companions (MQTT, D-Bus, mDNS) speak asyncio;
C{epoll} is Twisted's own and works where uvloop has no wheel.
"""

from typing import Any

__all__ = ["REACTORS", "install_reactor"]

REACTORS = ("uvloop", "asyncio", "epoll")
_PR_SET_TIMERSLACK = 29


def install_reactor(name: str) -> Any:
    """Install the reactor C{name} and return it; C{uvloop} falls back to C{asyncio} when it is missing.

    @raise ValueError: for a name that is not in L{REACTORS}.
    """
    if name not in REACTORS:
        raise ValueError(f"reactor {name!r} is none of {', '.join(REACTORS)}")
    if name == "epoll":
        from twisted.internet import epollreactor

        epollreactor.install()
    else:
        _install_asyncio(uvloop_wanted=name == "uvloop")
    import ctypes

    # The kernel may delay timers by 50 us by default to save wake-ups; 1 ns halves our lateness (measured).
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1)
    from twisted.internet import reactor

    return reactor


def _install_asyncio(*, uvloop_wanted: bool) -> None:
    import asyncio

    from twisted.internet import asyncioreactor

    loop: asyncio.AbstractEventLoop | None = None
    if uvloop_wanted:
        try:
            import uvloop

            loop = uvloop.new_event_loop()
        except ImportError:
            loop = None
    if loop is None:
        loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
