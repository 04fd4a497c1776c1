"""Websocket frames of whole messages from the server: framed, and perhaps compressed, once for all clients.

Compression begins anew with each message (no context is taken over), so that one compressed frame serves
every client that asked for it; it also keeps no window per client in memory.
"""

import struct
import zlib

from brokerd.registry.caller import SharedMessage

__all__ = ["LEAST", "frame_of", "plain_text", "text_frame"]

LEAST = 256  # bytes from which compressing pays
_FIN_TEXT = 0x81
_DEFLATED = 0x40
_MEMORY_LEVEL = 8
_EFFORT = 1  # a third of the time of the default, for a tenth more bytes


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size <= 125:
        return struct.pack("!BB", first, size) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def text_frame(payload: bytes, window_bits: int = 0) -> bytes:
    """The frame of a text.

    @param window_bits: of a client that wants it compressed (9 to 15); 0 for others.
    """
    if not window_bits or len(payload) < LEAST:
        return _frame(_FIN_TEXT, payload)
    compressor = zlib.compressobj(_EFFORT, zlib.DEFLATED, -window_bits, _MEMORY_LEVEL)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return _frame(_FIN_TEXT | _DEFLATED, data[:-4])


def frame_of(message: SharedMessage, window_bits: int) -> bytes:
    """The frame of a message that goes to many; made once for each kind of client."""
    key = window_bits if len(message.payload) >= LEAST else 0
    frame = message.prepared.get(key)
    if frame is None:
        frame = message.prepared[key] = text_frame(message.payload, key)
    return bytes(frame)


def plain_text(data: bytes) -> bytes | None:
    """The text in one whole, masked, uncompressed frame of a client that is no longer than 64 KB.

    None if C{data} is anything else, such as a part of one, more than one, or not UTF-8.
    """
    if len(data) < 6 or data[0] != _FIN_TEXT:
        return None
    size, start = data[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
        if size < 126:
            return None
    if not data[1] & 0x80 or size == 127 or len(data) != start + 4 + size:
        return None
    mask = (data[start : start + 4] * (size // 4 + 1))[:size]
    payload = int.from_bytes(data[start + 4 :], "little") ^ int.from_bytes(mask, "little")
    text = payload.to_bytes(size, "little")
    try:
        text.decode()
    except UnicodeDecodeError:
        return None
    return text
