"""A message sink that keeps what it is given: for tests and batch output."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from klipperd.wire.posix cimport (
    pthread_mutex_destroy,
    pthread_mutex_init,
    pthread_mutex_lock,
    pthread_mutex_unlock,
)

__all__ = ["RecordingSink"]


cdef int keep(void *context, int lane, const uint8_t *payload, int size, uint64_t req_clock,
              uint64_t slot_until) noexcept nogil:
    cdef recorder *record = <recorder *>context
    cdef int result
    pthread_mutex_lock(&record.lock)
    result = append(record, lane, payload, size, req_clock, slot_until)
    pthread_mutex_unlock(&record.lock)
    return result


cdef int append(recorder *record, int lane, const uint8_t *payload, int size, uint64_t req_clock,
                uint64_t slot_until) noexcept nogil:
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
        pthread_mutex_init(&self.record.lock, NULL)
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
        pthread_mutex_destroy(&self.record.lock)

    def sink_capsule(self):
        return PyCapsule_New(&self.sink, "klipperd.message_sink", NULL)

    def take(self):
        cdef size_t i
        cdef recorded_message *message
        taken = []
        pthread_mutex_lock(&self.record.lock)
        for i in range(self.record.count):
            message = &self.record.messages[i]
            payload = PyBytes_FromStringAndSize(<char *>message.payload, message.size)
            taken.append((message.lane, payload, message.req_clock, message.slot_until))
        self.record.count = 0
        pthread_mutex_unlock(&self.record.lock)
        return taken

    def close(self):
        self.record.closed = 1
