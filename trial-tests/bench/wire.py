"""The least that a client needs to load a broker: kept HTTP connections and websockets over plain sockets."""

import base64
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

__all__ = ["KeptConnection", "PlainSocket", "get_rate", "quantile", "receive_all"]


def quantile(values: list[float], share: float) -> float:
    """The value below which C{share} of all lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


class KeptConnection:
    """One HTTP connection that asks the same again and again."""

    def __init__(self, port: int, path: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()
        self._data = b""
        self._whole = 0  # bytes of an answer like the last one

    def ask(self) -> None:
        self.socket.sendall(self._request)

    def read(self) -> bool:
        """Whether an answer is complete now."""
        self._data += self.socket.recv(65536)
        # The same is asked again and again: what is as long is the whole answer, and costs little to know.
        if len(self._data) == self._whole and self._data.startswith(b"HTTP/1.1 200"):
            self._data = b""
            return True
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return False
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return False
        self._whole = len(self._data)
        self._data = b""
        return True


def get_rate(port: int, path: str, clients: int, seconds: float) -> tuple[int, float]:
    """GET by C{clients} connections at once: how many answers, in how many seconds."""
    connections = {
        each.socket.fileno(): each for each in (KeptConnection(port, path) for _ in range(clients))
    }
    poll = select.epoll()
    for number, each in connections.items():
        poll.register(number, select.EPOLLIN)
        each.ask()
    count, start = 0, time.monotonic()
    while time.monotonic() < start + seconds:
        for number, _ in poll.poll(1):
            if connections[number].read():
                count += 1
                connections[number].ask()
    took = time.monotonic() - start
    for each in connections.values():
        each.socket.close()
    return count, took


class PlainSocket:
    """One websocket."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(65536)
        assert data.startswith(b"HTTP/1.1 101"), data
        self._data = data.partition(b"\r\n\r\n")[2]
        self._last = 0

    def send(self, method: str, params: dict[str, Any]) -> int:
        """Ask; the number of the request."""
        self._last += 1
        message = {"jsonrpc": "2.0", "method": method, "params": params, "id": self._last}
        payload = json.dumps(message).encode()
        size = (
            struct.pack("!B", 0x80 | len(payload))
            if len(payload) < 126
            else struct.pack("!BH", 0xFE, len(payload))
        )
        self.socket.sendall(b"\x81" + size + b"\0\0\0\0" + payload)  # masked with nothing
        return self._last

    def messages(self) -> list[bytes]:
        """What one read brings, whole messages only."""
        self._data += self.socket.recv(262144)
        found = []
        while len(self._data) >= 2:
            size, start = self._data[1], 2
            if size == 126:
                size, start = int.from_bytes(self._data[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(self._data[2:10], "big"), 10
            if len(self._data) < start + size:
                break
            if self._data[0] & 0x0F == 1:
                found.append(self._data[start : start + size])
            self._data = self._data[start + size :]
        return found

    def call(self, method: str, **params: Any) -> Any:
        """Ask and wait for the answer."""
        number = b'"id":%d' % self.send(method, params)
        spaced = number.replace(b":", b": ")
        while True:
            for each in self.messages():
                if number in each or spaced in each:
                    return each


def receive_all(sockets: list[PlainSocket], until: float, heard: Callable[[bytes, float], None]) -> None:
    """Pass each message of all to C{heard}, with the time of its arrival, until that time."""
    poll = select.epoll()
    by_number = {each.socket.fileno(): each for each in sockets}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    while (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            now = time.monotonic()
            for message in by_number[number].messages():
                heard(message, now)
