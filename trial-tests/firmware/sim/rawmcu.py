"""A minimal host of its own: raw blocks over a pty, so that no code of the motion host is in the way.

Blocks are at most 64 bytes: length, sequence, payload, CRC, 0x7e. Nothing is retransmitted; a pty loses
nothing.
"""

import json
import os
import re
import select
import termios
import time
import zlib
from typing import Any

__all__ = ["RawMcu", "crc16", "frame", "vlq"]

PATIENCE = 30.0  # real seconds; a test that waits longer has failed


def crc16(data: bytes) -> int:
    """CRC-16/MCRF4XX."""
    crc = 0xFFFF
    for byte in data:
        byte ^= crc & 0xFF
        byte ^= (byte << 4) & 0xFF
        crc = ((byte << 8) | (crc >> 8)) ^ (byte >> 4) ^ (byte << 3)
    return crc & 0xFFFF


def frame(sequence: int, payload: bytes) -> bytes:
    """One block."""
    head = bytes((len(payload) + 5, 0x10 | sequence & 15)) + payload
    crc = crc16(head)
    return head + bytes((crc >> 8, crc & 0xFF, 0x7E))


def vlq(value: int) -> bytes:
    """One integer, signed or unsigned."""
    if value >= 1 << 31:
        value -= 1 << 32
    out = [value & 0x7F]
    for bits in (5, 12, 19, 26):
        if -(1 << bits) <= value < 3 << bits:
            break
        out.append((value >> (bits + 2)) & 0x7F | 0x80)
    return bytes(reversed(out))


def unvlq(data: bytes, at: int) -> tuple[int, int]:
    """The integer at C{at}, and where the next one begins."""
    byte = data[at]
    value = byte & 0x7F
    if byte & 0x60 == 0x60:
        value -= 0x80
    while byte & 0x80:
        at += 1
        byte = data[at]
        value = value << 7 | byte & 0x7F
    return value, at + 1


class RawMcu:
    """A connection to the firmware at a pty."""

    def __init__(self, path: str, flush: bool = True) -> None:
        """Open C{path} and identify; C{flush} drops what a host before this one has left unread."""
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if flush:
            termios.tcflush(self.fd, termios.TCIFLUSH)
        self.sequence = 0
        self.unsynced = False
        self.buffer = b""
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.formats = {0: ("identify_response", ["offset=%u", "data=%.*s"])}
        self.commands = {"identify": (1, ["offset=%u", "count=%c"])}
        self._adopt_sequence()
        self.dictionary = self._identify()
        for kind, table in (("commands", self.commands), ("responses", None)):
            for text, number in self.dictionary[kind].items():
                name, *fields = text.split()
                if table is None:
                    self.formats[number] = (name, fields)
                else:
                    table[name] = (number, fields)
        names = self.dictionary["enumerations"]["static_string_id"]
        self.reasons = {number: text for text, number in names.items()}

    def close(self) -> None:
        os.close(self.fd)

    def pin(self, name: str) -> int:
        """The number of the pin called C{name}."""
        letters, digits = re.match(r"(\D+)(\d+)", name).groups()  # type: ignore[union-attr]
        start, count = self.dictionary["enumerations"]["pin"][letters + "0"]
        assert int(digits) < count
        return start + int(digits)

    def send(self, name: str, **values: int | bytes) -> None:
        """Send one command; the parameters must be those of its format."""
        self._send_payload(self.encode(name, **values))

    def send_many(self, commands: list[bytes]) -> None:
        """Send encoded commands, as many in a block as fit."""
        payload = b""
        for command in commands:
            if len(payload) + len(command) > 59:
                self._send_payload(payload)
                payload = b""
            payload += command
        self._send_payload(payload)

    def encode(self, name: str, **values: int | bytes) -> bytes:
        """The bytes of a command."""
        number, fields = self.commands[name]
        out = vlq(number)
        for field in fields:
            key, kind = field.split("=")
            value = values.pop(key)
            if isinstance(value, bytes):
                assert kind in ("%*s", "%.*s")
                out += bytes((len(value),)) + value
            else:
                out += vlq(value)
        assert not values, values
        return out

    def wait(self, name: str, **wanted: int) -> dict[str, Any]:
        """The next response C{name} whose fields are as wanted; the others are kept."""
        deadline = time.monotonic() + PATIENCE
        seen = 0
        while True:
            for index in range(seen, len(self.received)):
                got, fields = self.received[index]
                if got == name and all(fields[key] == value for key, value in wanted.items()):
                    del self.received[index]
                    return fields
                if got == "shutdown" and name not in ("shutdown", "clock"):
                    reason = self.reasons[fields["static_string_id"]]
                    raise AssertionError(f"the firmware shut down: {reason}")
            seen = len(self.received)
            self._read(deadline)

    def forget(self) -> None:
        """Drop what has been received."""
        self.poll()
        self.received.clear()

    def sync(self) -> int:
        """Wait until all that was sent has been run; returns the firmware's clock."""
        self.send("get_clock")
        self.unsynced = False
        return self.wait("clock")["clock"]  # type: ignore[no-any-return]

    def query(self, command: str, response: str, **values: int) -> dict[str, Any]:
        """Send and wait."""
        self.send(command, **values)
        return self.wait(response)

    def poll(self) -> None:
        """Take in what has arrived, without waiting."""
        self._read(0.0)

    def configure(self, *commands: bytes, oids: int = 16) -> None:
        """Send a whole configuration and finish it."""
        self.send("allocate_oids", count=oids)
        self.send_many(list(commands))
        self.send("finalize_config", crc=1)
        answer = self.query("get_config", "config")
        assert answer["is_config"] == 1, answer

    def _send_payload(self, payload: bytes) -> None:
        self.unsynced = True
        data = frame(self.sequence, payload)
        self.sequence = (self.sequence + 1) & 15
        while data:
            _, ready, _ = select.select([], [self.fd], [], PATIENCE)
            assert ready, "the firmware doesn't read"
            data = data[os.write(self.fd, data) :]

    def _read(self, deadline: float) -> None:
        ready, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            if deadline:
                raise AssertionError("the firmware doesn't answer")
            return
        self.buffer += os.read(self.fd, 65536)
        self._parse()

    def _parse(self) -> None:
        while self.buffer:
            if self.buffer[0] == 0x7E:
                self.buffer = self.buffer[1:]
                continue
            size = self.buffer[0]
            if len(self.buffer) < size:
                return
            block, self.buffer = self.buffer[:size], self.buffer[size:]
            assert size >= 5 and block[-1] == 0x7E, block
            assert crc16(block[:-3]) == block[-3] << 8 | block[-2], block
            self.expected = block[1] & 15
            if size > 5:
                self._decode(block[2:-3])

    def _decode(self, payload: bytes) -> None:
        number, at = unvlq(payload, 0)
        name, fields = self.formats.get(number, (f"#{number}", []))
        values: dict[str, Any] = {}
        for field in fields:
            key, kind = field.split("=")
            if kind in ("%*s", "%.*s"):
                size = payload[at]
                values[key] = payload[at + 1 : at + 1 + size]
                at += 1 + size
                continue
            value, at = unvlq(payload, at)
            values[key] = value if kind in ("%i", "%hi") else value & 0xFFFFFFFF
        self.received.append((name, values))

    def _adopt_sequence(self) -> None:
        """Any empty block is answered by one with the sequence that the firmware expects. The port may just
        be set up: ask until there is an answer, and wait for those that may still be under way."""
        deadline = time.monotonic() + PATIENCE
        self.expected = -1
        asked = 0
        while self.expected < 0:
            assert time.monotonic() < deadline, "the firmware doesn't answer"
            os.write(self.fd, b"\x7e" + frame(self.sequence, b""))
            asked += 1
            select.select([self.fd], [], [], 0.25)
            self._read(0.0)
        while select.select([self.fd], [], [], 0.1 if asked > 1 else 0)[0]:
            assert time.monotonic() < deadline, "the firmware's reports don't end"
            self._read(0.0)
        self.sequence = self.expected

    def _identify(self) -> dict[str, Any]:
        data = b""
        while True:
            self.send("identify", offset=len(data), count=40)
            chunk = self.wait("identify_response", offset=len(data))["data"]
            if not chunk:
                return json.loads(zlib.decompress(data))  # type: ignore[no-any-return]
            data += chunk
