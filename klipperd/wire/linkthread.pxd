# The I/O thread of one MCU link, without a trace of Python.  All functions here may be called without the
# GIL.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from klipperd.wire.backlog cimport backlog, command_list, command_pool
from klipperd.wire.clockpage cimport clock_page
from klipperd.wire.frames cimport frame_parser
from klipperd.wire.posix cimport pthread_mutex_t, pthread_t
from klipperd.wire.records cimport record_queue
from klipperd.wire.sequence cimport sequencer

cdef enum:
    LINK_OK = 0
    LINK_CLOSED = -1        # the link is closed, stopped or was never started
    LINK_FULL = -2          # too many commands wait: the MCU takes none
    LINK_MISUSE = -3        # no such lane, or too long a command
    MOST_HOOKS = 16
    OUTPUT_ROOM = 8192
    MOST_COMMANDS = 200000  # waiting in one link: about 20 MB

# Linear estimate of the MCU clock: clock = base_clock + (time - base_time) * freq.
cdef struct clock_estimate:
    double freq             # ticks per s; 0 = none yet
    double base_time        # s of the system's clock
    double base_clock       # ticks

# Called in the link's thread with the payload of each received block, before Python sees it.
ctypedef void (*message_hook)(void *context, const uint8_t *payload, int size) noexcept nogil

cdef struct link_hook:
    message_hook call
    void *context

# What Python may ask to be changed; taken over by the thread.
cdef struct link_settings:
    clock_estimate estimate
    int move_count
    int window              # bytes in flight; 0 = not limited
    int lane_count

cdef struct link_counters:
    uint64_t bytes_write
    uint64_t bytes_read
    uint64_t bytes_retransmit
    uint64_t bytes_invalid
    uint64_t blocks_write
    uint64_t blocks_read
    uint64_t blocks_retransmit
    uint64_t commands_write
    uint64_t strays         # blocks with an impossible sequence
    uint64_t late_commands  # sent after their req_clock
    double late_worst       # s
    double srtt             # s
    double rttvar           # s
    double rto              # s
    uint64_t ready_bytes    # waiting for the window or the line
    uint64_t upcoming_bytes  # waiting for a move-queue slot
    int slots_used
    int phase               # of the sequencer

cdef struct link_state:
    # fixed after start
    int fd
    int wake_fd
    const clock_page *page
    double *lease           # this thread's slot in the page, or NULL
    double held_since       # real time since when the lease waits for the MCU, s; 0 = it does not
    double byte_time        # s that a byte takes on the line; 0 = not known
    pthread_t thread
    bint started

    # shared, under `lock`
    pthread_mutex_t lock
    command_list mailbox    # posted and not yet seen by the thread
    command_pool pool
    link_settings settings
    link_counters published
    uint64_t last_slot      # latest clock until which a posted command keeps a slot, ticks
    bint sleeping           # the thread waits and must be woken
    bint stopping
    bint closed
    pthread_mutex_t hook_lock
    link_hook hooks[MOST_HOOKS]
    int hook_count
    record_queue records

    # the thread's own
    clock_estimate estimate
    backlog waiting
    sequencer sending
    frame_parser parser
    link_counters counters
    uint8_t output[OUTPUT_ROOM]
    int output_start
    int output_end
    double line_free        # real time at which the line has sent all that was written, s
    command_list spent      # commands to give back to the pool
    bint failed


# Queue a command from any thread; `lane` may be LANE_URGENT.  Returns LINK_OK or a negative code.
cdef int link_post(link_state *link, int lane, const uint8_t *payload, int size, uint64_t req_clock,
                   uint64_t slot_until, uint32_t notify) noexcept nogil

# Hooks.  After link_remove_hook returned, the hook is not running and will not run again.
cdef int link_add_hook(link_state *link, message_hook call, void *context) noexcept nogil
cdef void link_remove_hook(link_state *link, message_hook call, void *context) noexcept nogil

# Call all hooks with the payload of a block (the link's thread, or who plays its part).
cdef void link_call_hooks(link_state *link, const uint8_t *payload, int size) noexcept nogil

# For who plays the thread's part: take the next posted command; returns its size, 0 when there is none.
cdef int link_take_posted(link_state *link, uint8_t *payload) noexcept nogil

# The estimate that the link was given last (any thread).
cdef clock_estimate link_estimate(link_state *link) noexcept nogil


# Start the thread; returns 0 or an errno.
cdef int link_start(link_state *link) noexcept nogil

# Let the thread end and wait for it.  Commands that were not sent are dropped.
cdef void link_stop(link_state *link) noexcept nogil

# After link_stop: forget all that is under way, and be ready to start again on another descriptor.  Returns
# 0, or -1 when there is no memory.
cdef int link_renew(link_state *link, int fd) noexcept nogil

# Let the thread look at its settings.
cdef void link_wake(link_state *link) noexcept nogil
