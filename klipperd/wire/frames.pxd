# Blocks of the MCU protocol: length, sequence, payload, CRC (big-endian), sync (Protocol.md, "Message
# Blocks").
from libc.stdint cimport uint8_t, uint16_t, uint64_t

cdef enum:
    FRAME_MIN = 5           # a block without payload
    FRAME_MAX = 64
    FRAME_HEADER = 2        # length, sequence
    FRAME_TRAILER = 3       # CRC, sync
    PAYLOAD_MAX = 59
    SYNC = 0x7e
    SEQUENCE_FLAG = 0x10    # upper half of every sequence byte
    SEQUENCE_MASK = 0x0f
    PARSER_ROOM = 4096

# Incremental parser: bytes go in at `end`, blocks come out at `start`.
cdef struct frame_parser:
    uint8_t data[PARSER_ROOM]
    int start               # first byte not yet looked at
    int end                 # first free byte
    int hunting             # 1 while skipping to the next sync after a bad block
    uint64_t invalid_bytes  # skipped so far
    uint64_t invalid_frames  # times that hunting began


# CRC-16/MCRF4XX of `size` bytes.
cdef uint16_t crc16(const uint8_t *data, int size) noexcept nogil

# Complete a block whose payload (0..59 bytes) stands at frame[2]; returns its length.
cdef int frame_seal(uint8_t *frame, int payload_size, int sequence) noexcept nogil

cdef void parser_init(frame_parser *parser) noexcept nogil

# Where to put incoming bytes, and how many fit (never 0 once parser_next returned 0).
cdef uint8_t *parser_room(frame_parser *parser, int *size) noexcept nogil

# `size` bytes were put at parser_room().
cdef void parser_filled(frame_parser *parser, int size) noexcept nogil

# The next good block: returns its length and points *frame at it (valid until the next parser_room), or 0.
cdef int parser_next(frame_parser *parser, uint8_t **frame) noexcept nogil
