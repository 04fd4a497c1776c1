# A message sink that keeps what it is given.
from libc.stdint cimport uint8_t, uint64_t

from klipperd.wire.posix cimport pthread_mutex_t
from klipperd.wire.sink cimport message_sink

cdef struct recorded_message:
    int lane
    int size                  # bytes of payload
    uint64_t req_clock
    uint64_t slot_until
    uint8_t payload[64]

cdef struct recorder:
    pthread_mutex_t lock
    recorded_message *messages
    size_t count
    size_t capacity
    int closed                # 1: refuse further messages

cdef class RecordingSink:
    cdef message_sink sink
    cdef recorder record
