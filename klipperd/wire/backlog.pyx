"""Commands waiting for the wire: order within a lane, the most urgent lane first, and move-queue slots.

The MCU keeps scheduled moves in a queue of C{move_count} slots (MCU_Commands.md, "Move queue").  A command
that uses one says at which clock it is free again; while none is free, such commands stay and others pass.
"""

from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

cdef enum:
    POOL_CHUNK = 256        # commands in one allocation


cdef void list_append(command_list *list, command *item) noexcept nogil:
    item.next = NULL
    if list.first == NULL:
        list.first = item
    else:
        list.last.next = item
    list.last = item


cdef command *list_take(command_list *list) noexcept nogil:
    cdef command *item = list.first
    if item != NULL:
        list.first = item.next
    return item


cdef void pool_init(command_pool *pool) noexcept nogil:
    memset(pool, 0, sizeof(command_pool))


cdef bint pool_extend(command_pool *pool) noexcept nogil:
    # The first command's place in a chunk holds the address of the chunk before.
    cdef command *chunk = <command *>malloc(sizeof(command) * (POOL_CHUNK + 1))
    cdef int i
    if chunk == NULL:
        return False
    (<void **>chunk)[0] = pool.chunks
    pool.chunks = chunk
    for i in range(1, POOL_CHUNK + 1):
        chunk[i].next = pool.free
        pool.free = &chunk[i]
    pool.allocated += POOL_CHUNK
    return True


cdef command *pool_get(command_pool *pool) noexcept nogil:
    cdef command *item
    if pool.free == NULL and not pool_extend(pool):
        return NULL
    item = pool.free
    pool.free = item.next
    pool.used += 1
    return item


cdef void pool_put(command_pool *pool, command *item) noexcept nogil:
    item.next = pool.free
    pool.free = item
    pool.used -= 1


cdef void pool_destroy(command_pool *pool) noexcept nogil:
    cdef void *chunk = pool.chunks
    cdef void *before
    while chunk != NULL:
        before = (<void **>chunk)[0]
        free(chunk)
        chunk = before
    pool_init(pool)


cdef int backlog_init(backlog *b) noexcept nogil:
    memset(b, 0, sizeof(backlog))
    return backlog_grow(b, 1)


cdef void backlog_destroy(backlog *b) noexcept nogil:
    free(b.lanes)
    free(b.heaps[0].lanes)
    free(b.heaps[1].lanes)
    free(b.slots)
    memset(b, 0, sizeof(backlog))


cdef int backlog_grow(backlog *b, int lane_count) noexcept nogil:
    cdef void *moved
    cdef int i
    if lane_count <= b.lane_count:
        return 0
    for i in range(2):
        moved = realloc(b.heaps[i].lanes, lane_count * sizeof(int))
        if moved == NULL:
            return -1
        b.heaps[i].lanes = <int *>moved
    moved = realloc(b.lanes, lane_count * sizeof(lane_queue))
    if moved == NULL:
        return -1
    b.lanes = <lane_queue *>moved
    memset(&b.lanes[b.lane_count], 0, (lane_count - b.lane_count) * sizeof(lane_queue))
    for i in range(b.lane_count, lane_count):
        b.lanes[i].place = -1
    b.lane_count = lane_count
    return 0


cdef int backlog_set_move_count(backlog *b, int move_count) noexcept nogil:
    cdef void *moved
    if move_count > b.slots_room:
        moved = realloc(b.slots, move_count * sizeof(uint64_t))
        if moved == NULL:
            return -1
        b.slots = <uint64_t *>moved
        b.slots_room = move_count
    b.move_count = move_count
    return 0


# Whether lane x goes before lane y.
cdef bint goes_before(const backlog *b, int x, int y) noexcept nogil:
    cdef const lane_queue *a = &b.lanes[x]
    cdef const lane_queue *c = &b.lanes[y]
    if a.waiting.first.req_clock != c.waiting.first.req_clock:
        return a.waiting.first.req_clock < c.waiting.first.req_clock
    return a.arrival < c.arrival


cdef void heap_set(backlog *b, lane_heap *heap, int place, int lane) noexcept nogil:
    heap.lanes[place] = lane
    b.lanes[lane].place = place


cdef void heap_rise(backlog *b, lane_heap *heap, int place) noexcept nogil:
    cdef int lane = heap.lanes[place], above
    while place > 0:
        above = (place - 1) // 2
        if not goes_before(b, lane, heap.lanes[above]):
            break
        heap_set(b, heap, place, heap.lanes[above])
        place = above
    heap_set(b, heap, place, lane)


cdef void heap_sink(backlog *b, lane_heap *heap, int place) noexcept nogil:
    cdef int lane = heap.lanes[place], below
    while (below := 2 * place + 1) < heap.count:
        if below + 1 < heap.count and goes_before(b, heap.lanes[below + 1], heap.lanes[below]):
            below += 1
        if not goes_before(b, heap.lanes[below], lane):
            break
        heap_set(b, heap, place, heap.lanes[below])
        place = below
    heap_set(b, heap, place, lane)


# A lane got a new head: put it in the heap that it belongs to.
cdef void lane_enter(backlog *b, int lane) noexcept nogil:
    cdef lane_queue *queue = &b.lanes[lane]
    cdef lane_heap *heap
    queue.heap = 1 if queue.waiting.first.slot_until != 0 else 0
    b.arrivals += 1
    queue.arrival = b.arrivals
    heap = &b.heaps[queue.heap]
    heap.lanes[heap.count] = lane
    heap.count += 1
    heap_rise(b, heap, heap.count - 1)


# Remove the first lane of a heap from it.
cdef void heap_drop_first(backlog *b, lane_heap *heap) noexcept nogil:
    b.lanes[heap.lanes[0]].place = -1
    heap.count -= 1
    if heap.count > 0:
        heap.lanes[0] = heap.lanes[heap.count]
        heap_sink(b, heap, 0)


cdef void backlog_put(backlog *b, command *item) noexcept nogil:
    cdef lane_queue *queue
    b.bytes += item.size
    if item.lane == LANE_URGENT:
        list_append(&b.urgent, item)
        return
    queue = &b.lanes[item.lane]
    list_append(&queue.waiting, item)
    if queue.place < 0:
        lane_enter(b, item.lane)


cdef bint slot_free(const backlog *b) noexcept nogil:
    return b.move_count == 0 or b.slots_used < b.move_count


# Number of the lane that goes next, or -1.
cdef int next_lane(const backlog *b) noexcept nogil:
    cdef const lane_heap *plain = &b.heaps[0]
    cdef const lane_heap *moves = &b.heaps[1]
    if moves.count == 0 or not slot_free(b):
        return plain.lanes[0] if plain.count > 0 else -1
    if plain.count > 0 and goes_before(b, plain.lanes[0], moves.lanes[0]):
        return plain.lanes[0]
    return moves.lanes[0]


cdef command *backlog_peek(backlog *b) noexcept nogil:
    cdef int lane
    if b.urgent.first != NULL:
        return b.urgent.first
    lane = next_lane(b)
    return NULL if lane < 0 else b.lanes[lane].waiting.first


cdef void slot_occupy(backlog *b, uint64_t until) noexcept nogil:
    cdef int place, above
    if b.move_count == 0:
        return
    place = b.slots_used
    b.slots_used += 1
    while place > 0:
        above = (place - 1) // 2
        if b.slots[above] <= until:
            break
        b.slots[place] = b.slots[above]
        place = above
    b.slots[place] = until


cdef void slot_drop_first(backlog *b) noexcept nogil:
    cdef int place = 0, below
    cdef uint64_t moved
    b.slots_used -= 1
    if b.slots_used == 0:
        return
    moved = b.slots[b.slots_used]
    while (below := 2 * place + 1) < b.slots_used:
        if below + 1 < b.slots_used and b.slots[below + 1] < b.slots[below]:
            below += 1
        if moved <= b.slots[below]:
            break
        b.slots[place] = b.slots[below]
        place = below
    b.slots[place] = moved


cdef void backlog_release(backlog *b, uint64_t clock) noexcept nogil:
    while b.slots_used > 0 and b.slots[0] <= clock:
        slot_drop_first(b)


cdef command *backlog_take(backlog *b) noexcept nogil:
    cdef command *item
    cdef int lane
    cdef lane_queue *queue
    if b.urgent.first != NULL:
        item = list_take(&b.urgent)
    else:
        lane = next_lane(b)
        if lane < 0:
            return NULL
        queue = &b.lanes[lane]
        heap_drop_first(b, &b.heaps[queue.heap])
        item = list_take(&queue.waiting)
        if queue.waiting.first != NULL:
            lane_enter(b, lane)
    if item.slot_until != 0:
        slot_occupy(b, item.slot_until)
    b.bytes -= item.size
    return item


cdef bint backlog_blocked(const backlog *b, uint64_t *clock) noexcept nogil:
    if b.heaps[1].count == 0 or slot_free(b):
        return False
    clock[0] = b.slots[0]
    return True


cdef class Backlog:
    """The queue with a Python face, for tests: the link's thread runs the same C functions."""
    cdef backlog _queue
    cdef command_pool _pool

    def __cinit__(self, lanes: int = 1, move_count: int = 0):
        pool_init(&self._pool)
        if (backlog_init(&self._queue) or backlog_grow(&self._queue, lanes)
                or backlog_set_move_count(&self._queue, move_count)):
            raise MemoryError

    def __dealloc__(self):
        backlog_destroy(&self._queue)
        pool_destroy(&self._pool)

    def put(self, lane: int, payload: bytes, req_clock: int = 0, slot_until: int = 0) -> None:
        """Append a command to a lane (-1: before all lanes)."""
        if not LANE_URGENT <= lane < self._queue.lane_count or len(payload) > PAYLOAD_MAX:
            raise ValueError(f"no lane {lane}, or {len(payload)} bytes of payload")
        cdef command *item = pool_get(&self._pool)
        if item == NULL:
            raise MemoryError
        item.lane, item.req_clock, item.slot_until, item.notify = lane, req_clock, slot_until, 0
        item.size = <uint8_t>len(payload)
        memcpy(item.data, <const uint8_t *>payload, len(payload))
        backlog_put(&self._queue, item)

    def take(self, clock: int) -> bytes | None:
        """The next command to send at that MCU clock."""
        backlog_release(&self._queue, clock)
        cdef command *expected = backlog_peek(&self._queue)
        cdef command *item = backlog_take(&self._queue)
        if item != expected:
            raise AssertionError("peek and take disagree")
        if item == NULL:
            return None
        payload = (<uint8_t *>item.data)[:item.size]
        pool_put(&self._pool, item)
        return payload

    def blocked_until(self) -> int | None:
        """MCU clock at which a command that waits for a slot may go; None when none waits for a slot."""
        cdef uint64_t clock = 0
        return clock if backlog_blocked(&self._queue, &clock) else None

    @property
    def slots_used(self) -> int:
        return self._queue.slots_used

    @property
    def bytes_waiting(self) -> int:
        return self._queue.bytes
