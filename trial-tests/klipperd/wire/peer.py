"""The other end of a link under test: a thread that answers as an MCU would; bounded waits for records."""

import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from attrs import define, field

from klipperd.wire.link import Link

from .receiver import Receiver

PATIENCE = 30.0  # s; only a broken test waits that long


@define(eq=False)
class Peer:
    """Serves one end of a socket pair until it is closed.

    C{spoil} may change or drop what goes to the receiver and what it answers.
    """

    receiver: Receiver
    spoil: Callable[[bytes], bytes] = lambda data: data
    far: socket.socket = field(init=False)
    near: socket.socket = field(init=False)
    lock: threading.Condition = field(factory=threading.Condition)
    _thread: threading.Thread = field(init=False)
    _running: bool = False

    def __attrs_post_init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        self._running = True
        self._thread.start()

    def _serve(self) -> None:
        try:
            while data := self.far.recv(65536):
                with self.lock:
                    answer = self.receiver.feed(self.spoil(data))
                    self.lock.notify_all()
                self.far.sendall(self.spoil(answer))
        except OSError:
            pass  # the test closed it

    def wait_for(self, condition: Callable[[Receiver], Any]) -> None:
        """Wait until the receiver is as wanted."""
        with self.lock:
            if not self.lock.wait_for(lambda: condition(self.receiver), PATIENCE):
                raise AssertionError(f"waited in vain: {self.receiver}")

    def say(self, data: bytes) -> None:
        """Send bytes to the link unasked."""
        self.far.sendall(data)

    def hang_up(self) -> None:
        if self._running:
            self._running = False
            self.far.shutdown(socket.SHUT_RDWR)
            self._thread.join(PATIENCE)
        self.far.close()


def records_until(link: Link, condition: Callable[[list[Any]], Any]) -> list[Any]:
    """Drain a link until its records are as wanted."""
    found: list[Any] = []
    until = time.monotonic() + PATIENCE
    while not condition(found):
        if time.monotonic() > until:
            raise AssertionError(f"waited in vain: {found[-20:]}")
        select.select([link.event_fd], [], [], 1.0)
        found += link.drain()
    return found
