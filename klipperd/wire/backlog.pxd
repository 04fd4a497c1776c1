# Commands waiting for the wire: lanes in order, the most urgent lane first, and the MCU's move-queue slots.
# Not thread-safe: the link's thread owns it.
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from klipperd.wire.frames cimport PAYLOAD_MAX

cdef struct command:
    command *next           # in whatever list it stands
    uint64_t req_clock      # MCU clock by which the MCU must have it, ticks; 0 = at once
    uint64_t slot_until     # MCU clock at which its move-queue slot is free again, ticks; 0 = uses none
    double sent_time        # when its block left, s; the link's
    uint32_t notify         # number to report once it was delivered; 0 = none
    int32_t lane            # LANE_URGENT, or 0 and up
    uint8_t size
    uint8_t data[PAYLOAD_MAX]

cdef enum:
    LANE_URGENT = -1        # before all lanes, whatever their clocks

cdef struct command_list:   # FIFO
    command *first
    command *last

# Commands are allocated by the hundred and never given back while the link lives.
cdef struct command_pool:
    command *free
    void *chunks            # each chunk begins with the address of the one before
    uint64_t allocated
    uint64_t used

cdef struct lane_queue:
    command_list waiting
    uint64_t arrival        # when its head got there: breaks ties, oldest first
    int place               # index in its heap; -1 while empty
    int heap                # which heap: 1 when the head needs a slot

cdef struct lane_heap:
    int *lanes              # lane numbers, the most urgent first
    int count

cdef struct backlog:
    lane_queue *lanes
    int lane_count
    lane_heap heaps[2]      # lanes whose head needs no slot; lanes whose head needs one
    command_list urgent
    uint64_t *slots         # min-heap of the clocks at which slots in use become free
    int slots_used
    int slots_room          # allocated length of `slots`
    int move_count          # slots that the MCU has; 0 = unknown, not limited
    uint64_t arrivals
    uint64_t bytes          # payload bytes waiting


cdef void list_append(command_list *list, command *item) noexcept nogil
cdef command *list_take(command_list *list) noexcept nogil

cdef void pool_init(command_pool *pool) noexcept nogil
cdef command *pool_get(command_pool *pool) noexcept nogil           # NULL: no memory
cdef void pool_put(command_pool *pool, command *item) noexcept nogil
cdef void pool_destroy(command_pool *pool) noexcept nogil

# Each returns 0, or -1 when there is no memory.
cdef int backlog_init(backlog *b) noexcept nogil
cdef void backlog_destroy(backlog *b) noexcept nogil
cdef int backlog_grow(backlog *b, int lane_count) noexcept nogil
cdef int backlog_set_move_count(backlog *b, int move_count) noexcept nogil

# Take over a command; its lane must exist.
cdef void backlog_put(backlog *b, command *item) noexcept nogil

# Free the slots whose clock is at most `clock`.
cdef void backlog_release(backlog *b, uint64_t clock) noexcept nogil

# The command to send next, or NULL: nothing waits, or what waits needs a slot and none is free.
cdef command *backlog_peek(backlog *b) noexcept nogil

# Take that command out.
cdef command *backlog_take(backlog *b) noexcept nogil

# Whether commands wait for a slot; *clock becomes the clock at which the next one is free.
cdef bint backlog_blocked(const backlog *b, uint64_t *clock) noexcept nogil
