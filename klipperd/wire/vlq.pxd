# Variable-length integers of the MCU protocol: big-endian groups of 7 bits, signed (Protocol.md, "Variable
# Length Quantities").
from libc.stdint cimport int64_t, uint8_t


# Append v (any 32-bit signed or unsigned value) at p; returns the first free byte after it. Writes 1 to 5
# bytes.
cdef inline uint8_t *vlq_put(uint8_t *p, int64_t v) noexcept nogil:
    # 32-bit unsigned values above INT32_MAX take the bit pattern of their signed twin.
    if v > 0x7fffffff:
        v -= <int64_t>1 << 32
    if not (-(1 << 26) <= v < (3 << 26)):
        p[0] = <uint8_t>(((v >> 28) & 0x7f) | 0x80)
        p += 1
    if not (-(1 << 19) <= v < (3 << 19)):
        p[0] = <uint8_t>(((v >> 21) & 0x7f) | 0x80)
        p += 1
    if not (-(1 << 12) <= v < (3 << 12)):
        p[0] = <uint8_t>(((v >> 14) & 0x7f) | 0x80)
        p += 1
    if not (-(1 << 5) <= v < (3 << 5)):
        p[0] = <uint8_t>(((v >> 7) & 0x7f) | 0x80)
        p += 1
    p[0] = <uint8_t>(v & 0x7f)
    return p + 1


# Read one value at p, which must not reach `end`; returns the first byte after it, or NULL when there is no
# whole value.
cdef inline const uint8_t *vlq_get(const uint8_t *p, const uint8_t *end, int64_t *value) noexcept nogil:
    cdef int64_t v
    cdef uint8_t byte
    cdef int length = 1
    if p >= end:
        return NULL
    byte = p[0]
    p += 1
    v = byte & 0x7f
    if byte & 0x60 == 0x60:
        v -= 0x80
    while byte & 0x80:
        if p >= end or length == 5:
            return NULL
        byte = p[0]
        p += 1
        length += 1
        v = v * 128 + (byte & 0x7f)
    value[0] = v
    return p
