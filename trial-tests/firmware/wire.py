"""The wire to an MCU once more, plain and slow: the tests' own reference, sharing nothing with klipperd.

Written from the protocol's description: blocks of length, sequence, content, CRC and 0x7e; numbers as
variable-length quantities; message formats from the dictionary that the MCU sends.
"""

import re
import zlib
from collections.abc import Callable
from typing import Any

import orjson

SYNC = 0x7E
Parameter = int | bytes


def crc16(data: bytes) -> int:
    """CRC-16/MCRF4XX, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def block(sequence: int, content: bytes = b"") -> bytes:
    """A well-formed block."""
    checked = bytes([len(content) + 5, 0x10 | sequence & 15]) + content
    return checked + crc16(checked).to_bytes(2, "big") + bytes([SYNC])


def vlq(value: int) -> bytes:
    """Encode a number: the fewest 7-bit groups whose range holds it."""
    size = next(n for n in range(1, 6) if n == 5 or -(1 << 7 * n - 2) <= value < 3 << 7 * n - 2)
    groups = [value >> 7 * i & 0x7F for i in reversed(range(size))]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def read_vlq(data: bytes, at: int) -> tuple[int, int]:
    """Decode the number at an offset; it and the offset behind it."""
    value = data[at] & 0x7F
    if value & 0x60 == 0x60:
        value -= 0x80
    while data[at] & 0x80:
        at += 1
        value = value << 7 | data[at] & 0x7F
    return value, at + 1


def split_blocks(stream: bytes) -> tuple[list[bytes], bytes]:
    """The complete blocks that a stream begins with, and the rest; AssertionError on a malformed one."""
    blocks = []
    while stream and len(stream) >= stream[0]:
        one, stream = stream[: stream[0]], stream[stream[0] :]
        assert 5 <= len(one) <= 64, f"block of {len(one)} bytes"
        assert one == block(one[1], one[2:-3]), f"malformed block {one.hex()}"
        blocks.append(one)
    return blocks, stream


class Dictionary:
    """Message formats of one MCU. Until the dictionary is read only `identify` is known."""

    def __init__(self, compressed: bytes | None = None) -> None:
        self.json: dict[str, Any] = {
            "commands": {"identify offset=%u count=%c": 1},
            "responses": {"identify_response offset=%u data=%.*s": 0},
            "enumerations": {},
        }
        if compressed is not None:
            self.json = orjson.loads(zlib.decompress(compressed))
        self._provisional = compressed is None
        self._commands = {text.split()[0]: (text, number) for text, number in self.json["commands"].items()}
        self._responses = {number: text for text, number in self.json["responses"].items()}

    @property
    def constants(self) -> dict[str, Any]:
        """The constants."""
        return self.json["config"]

    def word(self, enumeration: str, word: str) -> int:
        """The number of a word of an enumeration, ranges included."""
        words = self.json["enumerations"][enumeration]
        if isinstance(words.get(word), int):
            return words[word]
        for first, (start, count) in ((w, v) for w, v in words.items() if isinstance(v, list)):
            stem, digits = re.fullmatch(r"(.*?)(\d+)", first).groups()
            if word.startswith(stem) and word[len(stem) :].isdigit():
                index = int(word[len(stem) :]) - int(digits)
                if 0 <= index < count:
                    return start + index
        raise KeyError(word)

    def reason(self, number: int) -> str:
        """The text of a static string id."""
        words = self.json["enumerations"]["static_string_id"]
        return next(text for text, value in words.items() if value == number)

    def encode(self, name: str, **parameters: Parameter) -> bytes:
        """One command."""
        text, number = self._commands[name]
        out = vlq(number)
        for word in text.split()[1:]:
            key = word.partition("=")[0]
            value = parameters.pop(key)
            out += vlq(len(value)) + value if isinstance(value, bytes) else vlq(value)
        assert not parameters, f"{name} has no {parameters}"
        return out

    def decode(self, content: bytes) -> tuple[str, dict[str, Any]]:
        """The one response of a block: its name and parameters."""
        number, at = read_vlq(content, 0)
        if self._provisional and number not in self._responses:
            return "unknown", {}  # the firmware may say that it is starting before anyone can read it
        name, *words = self._responses[number].split()
        parameters: dict[str, Any] = {}
        for word in words:
            key, _, kind = word.partition("=")
            value, at = read_vlq(content, at)
            if kind.endswith("s"):
                parameters[key] = content[at : at + value]
                at += value
            else:
                assert kind.endswith("i") or value >= 0, f"{word} is {value}"
                parameters[key] = value
        assert at == len(content), f"{len(content) - at} bytes left over in {name}"
        return name, parameters


def read_dictionary(ask: Callable[[int, int], bytes]) -> bytes:
    """Fetch the compressed dictionary in pieces of 40 bytes until one is empty."""
    data = b""
    while piece := ask(len(data), 40):
        data += piece
    return data
