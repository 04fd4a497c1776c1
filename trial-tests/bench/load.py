"""Clients that load a broker: websockets that watch everything, and HTTP requests back to back."""

import http.client
import json
import os
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred

__all__ = ["Watcher", "cpu_seconds", "rss_megabytes", "time_requests", "watch"]

_TICKS = os.sysconf("SC_CLK_TCK")


class Watcher(WebSocketClientProtocol):
    """Subscribes to every printer object and counts what it is told."""

    updates = 0
    factory: Any

    def onOpen(self) -> None:
        self._ask(1, "printer.objects.list", {})

    def _ask(self, number: int, method: str, params: dict[str, Any]) -> None:
        text = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        self.sendMessage(text.encode())

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        if message.get("id") == 1:
            names = message["result"]["objects"]
            self._ask(2, "printer.objects.subscribe", {"objects": dict.fromkeys(names)})
        elif message.get("id") == 2:
            self.factory.subscribed.callback(self)
        elif message.get("method") == "notify_status_update":
            self.updates += 1


def watch(url: str) -> "Deferred[Watcher]":
    """Connect one L{Watcher}; fires when it has subscribed."""
    factory = WebSocketClientFactory(url.replace("http", "ws", 1) + "/websocket")
    factory.protocol = Watcher
    factory.noisy = False
    factory.subscribed = Deferred()
    parts = urlsplit(url)
    reactor.connectTCP(parts.hostname, parts.port, factory)
    subscribed: Deferred[Watcher] = factory.subscribed
    return subscribed


def cpu_seconds(pid: int) -> float:
    """CPU that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def rss_megabytes(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def time_requests(
    url: str, path: str, pid: int, clients: int = 4, seconds: float = 4.0
) -> tuple[float, float]:
    """GET C{path} over kept connections: requests a second, and the server's CPU a request (us)."""
    parts = urlsplit(url)
    counts = [0] * clients
    end = time.monotonic() + seconds
    began_cpu = cpu_seconds(pid)

    def load(index: int) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        while time.monotonic() < end:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
            counts[index] += 1
        connection.close()

    threads = [threading.Thread(target=load, args=(index,)) for index in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(counts)
    return total / seconds, (cpu_seconds(pid) - began_cpu) / total * 1e6
