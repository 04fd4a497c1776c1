"""The same message to many websockets, at little more than the kernel's own price for each."""

from collections.abc import Sequence
from typing import Any

from brokerd.faces.waiting import Client
from brokerd.registry.caller import SharedMessage

class Line:
    """The way to one client.

    @ivar window_bits: how it wants messages compressed (9 to 15); 0 if not at all.
    """

    window_bits: int
    def __init__(self, transport: Any) -> None: ...
    @property
    def free(self) -> bool:
        """Whether its socket may be written to straight, as far as is known."""
    def write(self, data: bytes) -> None:
        """Write to this client alone; what its socket does not take at once goes Twisted's way."""
    def close(self) -> None:
        """Nothing more is to be said but what closes the connection.

        Must be called in the same turn of the reactor in which the socket is closed: its number may be
        another's in the next.
        """

def send_all(clients: Sequence[Client], *messages: SharedMessage) -> None:
    """Send the same messages to all of C{clients}, in one piece."""
