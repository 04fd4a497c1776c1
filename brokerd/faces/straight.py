"""Writing to a connection at once, instead of when the reactor next looks at it.

Most answers fit into the kernel's buffer: then two calls into the event loop per message are saved. What
does not fit goes Twisted's way, so order and back-pressure are as ever.
"""

from typing import Any

from twisted.internet.tcp import Connection

__all__ = ["write_straight"]


def write_straight(transport: Any, data: bytes) -> None:
    """Write C{data}; over TLS, or after what is waiting already, it is queued."""
    if (
        not isinstance(transport, Connection)
        or transport.TLS
        or transport.dataBuffer
        or transport._tempDataBuffer
        or not transport.connected
        or transport.disconnecting
    ):
        transport.write(data)
        return
    try:
        sent = transport.socket.send(data)
    except OSError:  # no room at all, or an error that Twisted will meet and report
        sent = 0
    if sent < len(data):
        transport.write(data[sent:])
