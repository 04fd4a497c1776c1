"""Run a peer's server for the length of a test and talk HTTP to it."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any

from ..appliance.running import Failed, multipart
from .venv import OWN_ENVIRONMENT

__all__ = ["PeerServer", "free_port"]


def free_port() -> int:
    """A port that was free a moment ago (peers cannot be told to take any)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PeerServer:
    """One running peer. C{headers} go with every request."""

    def __init__(
        self, command: list[str], log: Path, url: str, headers: dict[str, str] | None = None
    ) -> None:
        self.url, self.log, self.headers = url, log, headers or {}
        self._out = log.open("wb")
        self.process = subprocess.Popen(
            command, stdout=self._out, stderr=subprocess.STDOUT, cwd=log.parent, env=OWN_ENVIRONMENT
        )

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._out.close()

    def call(self, verb: str, path: str, body: bytes | dict[str, Any] | None = None, kind: str = "") -> Any:
        """One request; the decoded JSON, None for an empty answer."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        headers = {**self.headers, "Content-Type": kind or "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise Failed(
                f"{verb} {path}: {error.code} {error.read().decode(errors='replace')[:500]}"
            ) from None
        return json.loads(text) if text else None

    def upload(self, path: str, file: Path, **fields: str) -> Any:
        """Upload C{file} as a browser's form does."""
        body, kind = multipart(file, **fields)
        return self.call("POST", path, body, kind)

    def wait_for(self, what: str, condition: Any, within: float) -> Any:
        """Ask until C{condition()} is true; connection errors count as not yet."""
        deadline = time.monotonic() + within
        while True:
            try:
                value = condition()
            except (OSError, HTTPException, Failed):
                value = None
            if value:
                return value
            if time.monotonic() > deadline or self.process.poll() is not None:
                end = self.log.read_text(errors="replace")[-3000:]
                raise Failed(f"{what} did not happen within {within:g} s\n{end}")
            time.sleep(0.2)
