# The sending half of the MCU protocol: which blocks are on their way, acknowledged, to be sent again, and
# when. A pure state machine: bytes and times come in, blocks go out.  Times are seconds of one monotonic
# clock (real time).
from libc.stdint cimport uint8_t, uint64_t
from klipperd.wire.frames cimport FRAME_MAX

cdef enum:
    BLOCKS_IN_FLIGHT = 15   # a 4-bit sequence tells at most 15 blocks apart
    RING = 16
    # Leading syncs that free a receiver stuck in the middle of a longest block.
    FLUSH_SYNCS = FRAME_MAX
    RESEND_ROOM = FLUSH_SYNCS + BLOCKS_IN_FLIGHT * FRAME_MAX

# Phases of the machine.
cdef enum:
    SYNCING                 # the sequence that the MCU expects is not known; one block at a time
    FLOWING                 # blocks flow
    RECOVERING              # blocks were sent again; NAKs caused by the first sending are ignored

# What a received block, or the clock, says.
cdef enum:
    EVENT_NOTHING           # tells nothing new
    EVENT_ACK               # acknowledges one block or more
    EVENT_NAK               # the MCU asks again for the block it expects
    EVENT_STRAY             # a sequence that no block in flight explains
    EVENT_TIMEOUT           # no acknowledgement in time

# What the caller has to do about it (a set of bits).
cdef enum:
    ACTION_NONE = 0
    ACTION_RESEND = 1       # write sequencer_resend()
    ACTION_RELEASED = 2     # blocks were acknowledged: fetch them with sequencer_release()

cdef struct sent_block:
    uint8_t frame[FRAME_MAX]
    int size
    bint resent             # sent more than once: no round-trip sample (Karn)
    double sent_time        # first sending, s
    void *tag               # the caller's

cdef struct round_trip:     # RFC 6298
    bint measured
    double srtt             # smoothed round-trip time, s
    double rttvar           # its variation, s
    double rto              # retransmission timeout, s, back-off included

cdef struct sequencer:
    int phase               # SYNCING, FLOWING or RECOVERING
    uint64_t acknowledged   # sequence that the MCU expects next, as far as known
    uint64_t released       # blocks below this were handed back to the caller
    uint64_t following      # sequence of the next new block
    uint64_t confirmed      # `acknowledged` at the last empty block: another empty one with it is a NAK
    uint64_t recovered      # RECOVERING ends once more than this is acknowledged
    int window              # bytes that may be in flight; 0 = no limit but the 15 blocks
    int in_flight           # bytes in flight
    int timeouts            # in a row
    double deadline         # time of the next timeout, s; infinite when nothing is in flight
    round_trip trip
    uint64_t bytes_sent
    uint64_t bytes_resent
    uint64_t blocks_resent
    uint64_t strays
    sent_block ring[RING]


cdef void sequencer_init(sequencer *s, int window) noexcept nogil

# Bytes of payload that a new block may have now; 0 when none may be sent.
cdef int sequencer_room(const sequencer *s) noexcept nogil

# Seal a new block around a payload; returns its place, to be written out at once.  The caller has checked
# sequencer_room().
cdef sent_block *sequencer_send(sequencer *s, const uint8_t *payload, int size, double now,
                                void *tag) noexcept nogil

# A good block came in, with that sequence nibble; `empty`: without payload.  Returns actions.
cdef int sequencer_receive(sequencer *s, int nibble, bint empty, double now) noexcept nogil

# The clock reached `now`.  Returns actions.
cdef int sequencer_expire(sequencer *s, double now) noexcept nogil

# Next acknowledged block that the caller has not been given yet, or NULL.
cdef sent_block *sequencer_release(sequencer *s) noexcept nogil

# All blocks in flight once more, after some sync bytes; returns the number of bytes (at most RESEND_ROOM).
cdef int sequencer_resend(sequencer *s, uint8_t *out, double now) noexcept nogil
