# What the link's thread has to tell Python: a queue between threads, with an eventfd that is readable while
# it is not empty.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from klipperd.wire.frames cimport PAYLOAD_MAX
from klipperd.wire.posix cimport pthread_mutex_t

cdef enum:
    RECORD_MESSAGE          # a block with payload came in
    RECORD_SENT             # a command with a notify number was acknowledged
    RECORD_CLOSED           # the link is dead; the last record
    RECORD_ERROR            # something that the log should have

# Why a link was closed, or what went wrong.
cdef enum:
    REASON_NONE
    REASON_END              # end of file or hang-up
    REASON_ERROR            # `detail` is the errno
    REASON_MEMORY           # no memory
    REASON_OVERRUN          # nobody drained the records; `detail` says how many are lost

cdef struct record:
    record *next
    int kind
    int reason
    uint32_t detail         # notify number, errno or count
    uint8_t size
    uint8_t data[PAYLOAD_MAX]
    double time             # receive or sent time, s of the system's clock

cdef struct record_queue:
    pthread_mutex_t lock
    int event_fd
    record *first
    record *last
    record *free
    void *chunks
    uint64_t waiting
    uint64_t lost           # since the last drain

cdef int records_init(record_queue *q) noexcept nogil
cdef void records_destroy(record_queue *q) noexcept nogil

# Append a record (any thread).  `data` may be NULL.
cdef void records_push(record_queue *q, int kind, int reason, uint32_t detail, double time,
                       const uint8_t *data, int size) noexcept nogil

# Take all records out, as a list, and how many were lost before them.
cdef record *records_take(record_queue *q, uint64_t *lost) noexcept nogil

# Give a taken list back.
cdef void records_recycle(record_queue *q, record *first) noexcept nogil
