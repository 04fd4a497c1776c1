"""A message sink that keeps what it is given: for tests and batch output."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

__all__ = ["RecordingSink"]


cdef int keep(void *context, int lane, const uint8_t *payload, int size, uint64_t req_clock,
              uint64_t slot_until) noexcept nogil:
    cdef recorder *record = <recorder *>context
    cdef recorded_message *message
    cdef recorded_message *larger
    if record.closed or size > 59:
        return -1
    if record.count == record.capacity:
        larger = <recorded_message *>realloc(record.messages, 2 * record.capacity * sizeof(recorded_message))
        if larger == NULL:
            return -1
        record.messages = larger
        record.capacity *= 2
    message = &record.messages[record.count]
    message.lane = lane
    message.size = size
    message.req_clock = req_clock
    message.slot_until = slot_until
    memcpy(message.payload, payload, size)
    record.count += 1
    return 0


cdef class RecordingSink:
    def __cinit__(self):
        self.record.capacity = 1024
        self.record.count = 0
        self.record.closed = 0
        self.record.messages = <recorded_message *>malloc(self.record.capacity * sizeof(recorded_message))
        if self.record.messages == NULL:
            raise MemoryError
        self.sink.post = keep
        self.sink.context = &self.record

    def __dealloc__(self):
        free(self.record.messages)

    def sink_capsule(self):
        return PyCapsule_New(&self.sink, "klipperd.message_sink", NULL)

    def take(self):
        cdef size_t i
        cdef recorded_message *message
        taken = []
        for i in range(self.record.count):
            message = &self.record.messages[i]
            payload = PyBytes_FromStringAndSize(<char *>message.payload, message.size)
            taken.append((message.lane, payload, message.req_clock, message.slot_until))
        self.record.count = 0
        return taken

    def close(self):
        self.record.closed = 1
