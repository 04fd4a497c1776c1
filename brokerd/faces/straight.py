"""Writing to a connection at once, instead of when the reactor next looks at it.

Most answers fit into the kernel's buffer: then two calls into the event loop per message are saved. What
does not fit goes Twisted's way, so order and back-pressure are as ever.
"""

from typing import Any

from twisted.internet.tcp import Connection

__all__ = ["is_straight", "write_straight"]


def is_straight(transport: Any) -> bool:
    """Whether the socket may be written to now: not over TLS, nor past what is waiting already.

    Twisted has no public word for what waits.
    """
    return bool(
        isinstance(transport, Connection)
        and not transport.TLS
        and not transport.dataBuffer
        and not transport._tempDataBuffer
        and transport.connected
        and not transport.disconnecting
    )


def write_straight(transport: Any, data: bytes) -> None:
    """Write C{data}, at once if it is possible."""
    if not is_straight(transport):
        transport.write(data)
        return
    try:
        sent = transport.socket.send(data)
    except OSError:  # no room at all, or an error that Twisted will meet and report
        sent = 0
    if sent < len(data):
        transport.write(data[sent:])
