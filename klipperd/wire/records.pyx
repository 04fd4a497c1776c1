"""The queue of records from a link's thread to Python: no Python object is touched on the thread's side."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from klipperd.wire.posix cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, close, event_clear, event_raise, eventfd,
    pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock,
)

cdef enum:
    CHUNK = 128             # records in one allocation
    MOST_WAITING = 100000   # records kept for a reader that does not come


cdef int records_init(record_queue *q) noexcept nogil:
    memset(q, 0, sizeof(record_queue))
    pthread_mutex_init(&q.lock, NULL)
    q.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
    return 0 if q.event_fd >= 0 else -1


cdef void records_destroy(record_queue *q) noexcept nogil:
    cdef void *before
    while q.chunks != NULL:
        before = (<void **>q.chunks)[0]
        free(q.chunks)
        q.chunks = before
    if q.event_fd >= 0:
        close(q.event_fd)
    q.event_fd = -1
    pthread_mutex_destroy(&q.lock)


# A blank record, or NULL; the lock is held.
cdef record *blank(record_queue *q) noexcept nogil:
    cdef record *chunk
    cdef record *item
    cdef int i
    if q.free == NULL:
        # The first record's place in a chunk holds the address of the chunk before.
        chunk = <record *>malloc(sizeof(record) * (CHUNK + 1))
        if chunk == NULL:
            return NULL
        (<void **>chunk)[0] = q.chunks
        q.chunks = chunk
        for i in range(1, CHUNK + 1):
            chunk[i].next = q.free
            q.free = &chunk[i]
    item = q.free
    q.free = item.next
    return item


cdef void records_push(record_queue *q, int kind, int reason, uint32_t detail, double time,
                       const uint8_t *data, int size) noexcept nogil:
    cdef record *item
    cdef bint was_empty
    pthread_mutex_lock(&q.lock)
    # The news that the link is closed is never dropped.
    item = NULL if q.waiting >= MOST_WAITING and kind != RECORD_CLOSED else blank(q)
    if item == NULL:
        q.lost += 1
        pthread_mutex_unlock(&q.lock)
        return
    item.next = NULL
    item.kind = kind
    item.reason = reason
    item.detail = detail
    item.time = time
    item.size = <uint8_t>size
    if size > 0:
        memcpy(item.data, data, size)
    was_empty = q.first == NULL
    if was_empty:
        q.first = item
    else:
        q.last.next = item
    q.last = item
    q.waiting += 1
    if was_empty:
        event_raise(q.event_fd)
    pthread_mutex_unlock(&q.lock)


cdef record *records_take(record_queue *q, uint64_t *lost) noexcept nogil:
    cdef record *first
    pthread_mutex_lock(&q.lock)
    event_clear(q.event_fd)
    first = q.first
    lost[0] = q.lost
    q.first = q.last = NULL
    q.waiting = q.lost = 0
    pthread_mutex_unlock(&q.lock)
    return first


cdef void records_recycle(record_queue *q, record *first) noexcept nogil:
    cdef record *item = first
    if first == NULL:
        return
    while item.next != NULL:
        item = item.next
    pthread_mutex_lock(&q.lock)
    item.next = q.free
    q.free = first
    pthread_mutex_unlock(&q.lock)
