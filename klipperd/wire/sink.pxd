# The seam between step generation and the MCU link: where encoded commands go.
from libc.stdint cimport uint8_t, uint64_t

# Queue one encoded command (message id and parameters, at most 59 bytes).
#   lane        FIFO that the command joins; order within a lane is kept
#   req_clock   64-bit MCU clock (ticks) by which the MCU must have it; 0 = as soon as possible
#   slot_until  64-bit MCU clock (ticks) at which its move-queue slot is free again; 0 = uses no slot
# Returns 0, or a negative code when the link is closed.
ctypedef int (*post_fn)(void *context, int lane, const uint8_t *payload, int size,
                        uint64_t req_clock, uint64_t slot_until) noexcept nogil

cdef struct message_sink:
    post_fn post
    void *context        # handed back to post as its first argument
