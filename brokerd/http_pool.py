"""Outgoing connections of the broker's HTTP client; imported with the first request, as most of it is TLS."""

from typing import Any

from twisted.web.client import Agent, HTTPConnectionPool

from brokerd.tls.late import bring_tls

__all__ = ["Connections"]

bring_tls()  # here, since who imports this does so in a thread: it takes longer than the reactor may wait
_CONNECT_PATIENCE = 5.0


class _Pool(HTTPConnectionPool):
    """Idle connections; once it is closed it takes no more.

    @ivar closed: whether it is.
    """

    closed = False

    def _putConnection(self, key: Any, connection: Any) -> None:
        if self.closed:
            connection.transport.loseConnection()
        else:
            super()._putConnection(key, connection)


class Connections:
    """A pool, and the agent that takes connections from it."""

    def __init__(self, reactor: Any) -> None:
        self._pool = _Pool(reactor, persistent=True)
        self._pool.maxPersistentPerHost = 2
        self._pool.cachedConnectionTimeout = 30
        self.agent = Agent(reactor, connectTimeout=_CONNECT_PATIENCE, pool=self._pool)

    def close(self) -> Any:
        """Close idle connections, and the others once they are; a Deferred that fires then."""
        self._pool.closed = True
        return self._pool.closeCachedConnections()
