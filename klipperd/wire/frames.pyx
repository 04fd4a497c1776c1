"""Blocks of the MCU protocol: sealing, checking and finding them in a byte stream.

Source: Protocol.md ("Message Blocks").  No I/O here; the link's thread and the tests drive the same code.
"""

from libc.string cimport memchr, memcpy, memmove

SYNC_BYTE = SYNC
PAYLOAD_LIMIT = PAYLOAD_MAX
FRAME_LIMIT = FRAME_MAX


cdef uint16_t crc16(const uint8_t *data, int size) noexcept nogil:
    cdef uint16_t crc = 0xffff
    cdef uint8_t value
    cdef int i
    for i in range(size):
        value = data[i] ^ <uint8_t>(crc & 0xff)
        value ^= <uint8_t>(value << 4)
        crc = <uint16_t>(((<uint16_t>value << 8) | (crc >> 8)) ^ (value >> 4) ^ (<uint16_t>value << 3))
    return crc


cdef int frame_seal(uint8_t *frame, int payload_size, int sequence) noexcept nogil:
    cdef int size = payload_size + FRAME_MIN
    cdef uint16_t crc
    frame[0] = <uint8_t>size
    frame[1] = <uint8_t>(SEQUENCE_FLAG | (sequence & SEQUENCE_MASK))
    crc = crc16(frame, size - FRAME_TRAILER)
    frame[size - 3] = <uint8_t>(crc >> 8)
    frame[size - 2] = <uint8_t>(crc & 0xff)
    frame[size - 1] = SYNC
    return size


# Length of the block at data, 0 when more bytes are needed, -1 when there is no block here.
cdef int frame_check(const uint8_t *data, int available) noexcept nogil:
    cdef int size = data[0]
    cdef uint16_t crc
    if size < FRAME_MIN or size > FRAME_MAX:
        return -1
    if available < FRAME_HEADER:
        return 0
    if data[1] & ~SEQUENCE_MASK != SEQUENCE_FLAG:
        return -1
    if available < size:
        return 0
    if data[size - 1] != SYNC:
        return -1
    crc = crc16(data, size - FRAME_TRAILER)
    if data[size - 3] != crc >> 8 or data[size - 2] != crc & 0xff:
        return -1
    return size


cdef void parser_init(frame_parser *parser) noexcept nogil:
    parser.start = parser.end = 0
    parser.hunting = 0
    parser.invalid_bytes = parser.invalid_frames = 0


cdef uint8_t *parser_room(frame_parser *parser, int *size) noexcept nogil:
    if parser.start > 0:
        memmove(parser.data, parser.data + parser.start, parser.end - parser.start)
        parser.end -= parser.start
        parser.start = 0
    size[0] = PARSER_ROOM - parser.end
    return parser.data + parser.end


cdef void parser_filled(frame_parser *parser, int size) noexcept nogil:
    parser.end += size


# Skip to just after the next sync; False when there is none yet.
cdef bint parser_hunt(frame_parser *parser) noexcept nogil:
    cdef uint8_t *here = parser.data + parser.start
    cdef int available = parser.end - parser.start
    cdef void *found = memchr(here, SYNC, available)
    cdef int skipped = available if found == NULL else <int>(<uint8_t *>found - here) + 1
    parser.invalid_bytes += skipped
    parser.start += skipped
    parser.hunting = 1 if found == NULL else 0
    return found != NULL


cdef int parser_next(frame_parser *parser, uint8_t **frame) noexcept nogil:
    cdef int size
    cdef uint8_t *here
    while parser.start < parser.end:
        if parser.hunting:
            parser_hunt(parser)
            continue
        here = parser.data + parser.start
        if here[0] == SYNC:
            parser.start += 1
            continue
        size = frame_check(here, parser.end - parser.start)
        if size == 0:
            return 0
        if size < 0:
            parser.hunting = 1
            parser.invalid_frames += 1
            continue
        parser.start += size
        frame[0] = here
        return size
    return 0


def checksum(data: bytes) -> int:
    """CRC-16/MCRF4XX (reflected CCITT, start 0xffff) of C{data}."""
    return crc16(data, <int>len(data))


def seal_frame(sequence: int, payload: bytes = b"") -> bytes:
    """One whole block.

    @param sequence: only its low 4 bits count.
    @param payload: 0 to 59 bytes.
    """
    cdef uint8_t frame[FRAME_MAX]
    if len(payload) > PAYLOAD_MAX:
        raise ValueError(f"a block carries at most {PAYLOAD_MAX} bytes, not {len(payload)}")
    memcpy(frame + FRAME_HEADER, <const uint8_t *>payload, len(payload))
    cdef int size = frame_seal(frame, <int>len(payload), sequence & SEQUENCE_MASK)
    return (<uint8_t *>frame)[:size]


cdef class FrameParser:
    """Finds blocks in a stream of bytes that may hold garbage."""
    cdef frame_parser _parser

    def __cinit__(self):
        parser_init(&self._parser)

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes; return the blocks that they complete as (sequence 0..15, payload)."""
        cdef const uint8_t *source = data
        cdef uint8_t *room
        cdef uint8_t *frame = NULL
        cdef int size, left = <int>len(data), took
        blocks = []
        while True:
            while (size := parser_next(&self._parser, &frame)) > 0:
                blocks.append((frame[1] & SEQUENCE_MASK, (frame + FRAME_HEADER)[:size - FRAME_MIN]))
            if left == 0:
                return blocks
            room = parser_room(&self._parser, &took)
            took = min(took, left)
            memcpy(room, source, took)
            parser_filled(&self._parser, took)
            source += took
            left -= took

    @property
    def invalid_bytes(self) -> int:
        """Bytes skipped because they belonged to no good block."""
        return self._parser.invalid_bytes

    @property
    def invalid_frames(self) -> int:
        """Times that the stream had to be resynchronised."""
        return self._parser.invalid_frames
