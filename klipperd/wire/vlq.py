"""Variable-length integers of the MCU protocol in Python (Protocol.md, "Variable Length Quantities").

Compiled senders use vlq.pxd; this is for the commands that Python sends and the answers that it reads.
"""

from klipperd.wire.errors import ProtocolError

__all__ = ["LARGEST", "SMALLEST", "decode", "encode"]

SMALLEST = -(1 << 31)
LARGEST = (1 << 32) - 1


def encode(value: int) -> bytes:
    """Encode any 32-bit signed or unsigned value; 1 to 5 bytes."""
    if -32 <= value < 96:
        return bytes((value & 0x7F,))
    if value > 0x7FFFFFFF:
        value -= 1 << 32  # values above INT32_MAX take the bit pattern of their signed twin
    groups = [value & 0x7F]
    for shift in (7, 14, 21, 28):
        # What was written so far holds the value if the sign can be told from its two upper bits.
        if -(1 << shift - 2) <= value < 3 << shift - 2:
            break
        groups.append(value >> shift & 0x7F | 0x80)
    groups.reverse()
    return bytes(groups)


def decode(data: bytes, position: int) -> tuple[int, int]:
    """Decode one value at C{position}; returns it, signed, and the position after it.

    @raise ProtocolError: the data end within the value, or it is longer than 5 bytes.
    """
    try:
        byte = data[position]
        position += 1
        value = byte & 0x7F
        if byte & 0x60 == 0x60:
            value -= 0x80
        length = 1
        while byte & 0x80:
            byte = data[position]
            position += 1
            length += 1
            value = value << 7 | byte & 0x7F
    except IndexError:
        raise ProtocolError(f"a message ends within a number: {data.hex(' ')}") from None
    if length > 5:
        raise ProtocolError(f"a number of {length} bytes in {data.hex(' ')}")
    if value > LARGEST or value < SMALLEST:
        value &= LARGEST
    return value, position
