# From step times to queue_step commands, and a history of those sent.
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from klipperd.wire.sink cimport message_sink

cdef enum:
    PENDING_CAPACITY = 4096   # steps that wait for company at most

cdef extern from *:
    """
    #define NEAREST 2.    /* ticks between two steps, at least */
    """
    const double NEAREST

cdef enum compress_code:
    COMPRESS_OK = 0
    COMPRESS_CLOSED = -1      # the sink refused a command
    COMPRESS_MEMORY = -2
    COMPRESS_TOO_FAST = -3    # steps closer than two ticks

# One queue_step as sent.
cdef struct sent_batch:
    uint64_t first_clock      # ticks, of its first step
    uint64_t last_clock       # ticks, of its last step
    int64_t steps_before      # position before it, host's sign
    uint32_t interval         # ticks
    int32_t count             # steps, negative going down
    int16_t add               # ticks

cdef struct batch_history:
    sent_batch *ring          # capacity is mask + 1
    int64_t mask
    int64_t first             # index of the oldest; indices only grow
    int64_t next

cdef struct compressor:
    const message_sink *sink
    int lane                  # FIFO of the sink
    int oid
    int queue_step_id         # message ids of the MCU's dictionary
    int direction_id
    int reset_id
    int invert                # 1: dir = 0 counts up
    double freq               # ticks/s
    double offset             # s; clock = (print_time + offset) * freq
    double max_error          # s that a step may be early
    double *due               # ticks, true times of pending steps, all of one direction
    int head                  # first pending step; due[head - 1] is that of the step before it
    int tail                  # one past the last
    int direction             # of pending steps: 1, -1, or 0 at first
    int sent_direction        # as the MCU knows it, 0 when it doesn't
    int clock_known           # 0: the MCU needs reset_step_clock first
    uint64_t last_clock       # ticks, when the last step sent happens
    int64_t steps             # position after all that was sent, host's sign
    batch_history history

cdef int compressor_init(compressor *out) noexcept nogil
cdef void compressor_free(compressor *out) noexcept nogil
# Make room for steps in a direction (1 or -1): their times in ticks, in order and not before earlier steps,
# go to out.due[out.tail] and on. Returns for how many there is room, at least one, or a compress_code.
cdef int compressor_room(compressor *out, int direction) noexcept nogil
# Take in what was written there; crowded: more than the first may be nearer than NEAREST to the one before.
cdef void compressor_take(compressor *out, int count, bint crowded) noexcept nogil
# Add a step at a print_time (s) not before the last one; direction is 1 or -1. Returns a compress_code.
cdef int compressor_push(compressor *out, double print_time, int direction) noexcept nogil
# Send what is pending: all that begins before print_time must_send, beyond that only what can't grow longer.
cdef int compressor_send(compressor *out, double must_send) noexcept nogil
# Forget pending steps; the MCU stopped at this position (host's sign).
cdef void compressor_halt(compressor *out, int64_t steps) noexcept nogil
# Position (host's sign) at a clock within the history.
cdef int64_t history_position(const compressor *out, uint64_t clock) noexcept nogil
cdef void history_expire(compressor *out, uint64_t clock) noexcept nogil
