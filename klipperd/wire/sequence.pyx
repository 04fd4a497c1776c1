"""Sequence numbers, acknowledgement, retransmission and round-trip time of the blocks sent to an MCU.

Sources: Protocol.md ("Message flow"), RFC 6298 (timer and estimator, with Karn's rule), RFC 6582 (one fast
retransmission a window).  The MCU takes blocks in order only, so everything in flight is sent again at once.

::

                 ACK                     NAK                  STRAY            TIMEOUT
    SYNCING      -> FLOWING, release     resend               adopt, resend    try next, resend
    FLOWING      release                 -> RECOVERING,       count            -> RECOVERING,
                                            resend                                back off, resend
    RECOVERING   release; -> FLOWING     -                    count            back off, resend
                 once a block sent
                 after the others is
                 through

The copies that a needless retransmission makes are each answered by a NAK, all of them before the
acknowledgement of the next new block: that is why only this one ends RECOVERING.
"""

from libc.math cimport INFINITY, fabs
from libc.string cimport memcpy, memset
from klipperd.wire.frames cimport (
    FRAME_HEADER, FRAME_MIN, FRAME_TRAILER, PAYLOAD_MAX, SEQUENCE_MASK, SYNC, frame_seal,
)

cdef double INITIAL_RTO = 0.2       # s; before the first sample
cdef double MINIMUM_RTO = 0.025     # s; below this a busy computer alone would cause retransmissions
cdef double MAXIMUM_RTO = 5.0       # s
cdef double SYNCING_RTO = 0.4       # s; a board that is still starting must not make the host wait for long
cdef int GUESS_AFTER = 3            # timeouts with one sequence before another is tried

cdef struct transition:
    int phase                       # phase afterwards
    int actions

cdef transition[3][5] TABLE
TABLE[SYNCING][EVENT_NOTHING] = transition(SYNCING, ACTION_NONE)
TABLE[SYNCING][EVENT_ACK] = transition(FLOWING, ACTION_RELEASED)
TABLE[SYNCING][EVENT_NAK] = transition(SYNCING, ACTION_RESEND)
TABLE[SYNCING][EVENT_STRAY] = transition(SYNCING, ACTION_RESEND)
TABLE[SYNCING][EVENT_TIMEOUT] = transition(SYNCING, ACTION_RESEND)
TABLE[FLOWING][EVENT_NOTHING] = transition(FLOWING, ACTION_NONE)
TABLE[FLOWING][EVENT_ACK] = transition(FLOWING, ACTION_RELEASED)
TABLE[FLOWING][EVENT_NAK] = transition(RECOVERING, ACTION_RESEND)
TABLE[FLOWING][EVENT_STRAY] = transition(FLOWING, ACTION_NONE)
TABLE[FLOWING][EVENT_TIMEOUT] = transition(RECOVERING, ACTION_RESEND)
TABLE[RECOVERING][EVENT_NOTHING] = transition(RECOVERING, ACTION_NONE)
TABLE[RECOVERING][EVENT_ACK] = transition(RECOVERING, ACTION_RELEASED)
TABLE[RECOVERING][EVENT_NAK] = transition(RECOVERING, ACTION_NONE)
TABLE[RECOVERING][EVENT_STRAY] = transition(RECOVERING, ACTION_NONE)
TABLE[RECOVERING][EVENT_TIMEOUT] = transition(RECOVERING, ACTION_RESEND)


cdef void sequencer_init(sequencer *s, int window) noexcept nogil:
    memset(s, 0, sizeof(sequencer))
    s.phase = SYNCING
    s.acknowledged = s.released = s.following = s.confirmed = 1
    s.window = window
    s.deadline = INFINITY
    s.trip.rto = INITIAL_RTO


cdef int sequencer_room(const sequencer *s) noexcept nogil:
    cdef uint64_t blocks = s.following - s.acknowledged
    cdef int room = PAYLOAD_MAX
    if blocks >= <uint64_t>(1 if s.phase == SYNCING else BLOCKS_IN_FLIGHT):
        return 0
    # A window smaller than one block must not stop everything.
    if s.window > 0 and s.in_flight > 0:
        room = min(room, s.window - s.in_flight - FRAME_MIN)
    return max(room, 0)


cdef sent_block *sequencer_send(sequencer *s, const uint8_t *payload, int size, double now,
                                void *tag) noexcept nogil:
    cdef sent_block *block = &s.ring[s.following % RING]
    memcpy(block.frame + FRAME_HEADER, payload, size)
    block.size = frame_seal(block.frame, size, <int>(s.following & SEQUENCE_MASK))
    block.resent = False
    block.sent_time = now
    block.tag = tag
    if s.following == s.acknowledged:
        s.deadline = now + s.trip.rto
    s.following += 1
    s.in_flight += block.size
    s.bytes_sent += block.size
    return block


# Take one round-trip sample (RFC 6298, section 2).
cdef void measure(round_trip *trip, double sample) noexcept nogil:
    if trip.measured:
        trip.rttvar += 0.25 * (fabs(trip.srtt - sample) - trip.rttvar)
        trip.srtt += 0.125 * (sample - trip.srtt)
    else:
        trip.measured = True
        trip.srtt = sample
        trip.rttvar = sample / 2
    trip.rto = min(max(trip.srtt + 4 * trip.rttvar, MINIMUM_RTO), MAXIMUM_RTO)


cdef int classify(sequencer *s, int nibble, bint empty) noexcept nogil:
    cdef uint64_t ahead = (<uint64_t>nibble - s.acknowledged) & SEQUENCE_MASK
    if ahead > s.following - s.acknowledged:
        return EVENT_STRAY
    if ahead > 0:
        return EVENT_ACK
    if not empty:
        return EVENT_NOTHING
    # The acknowledgement proper follows the responses, which carry the same sequence: only its repetition
    # is a NAK.
    if s.confirmed != s.acknowledged:
        s.confirmed = s.acknowledged
        return EVENT_NOTHING
    return EVENT_NAK if s.following != s.acknowledged else EVENT_NOTHING


cdef void accept(sequencer *s, int nibble, bint empty, double now) noexcept nogil:
    cdef uint64_t until = s.acknowledged + ((<uint64_t>nibble - s.acknowledged) & SEQUENCE_MASK)
    cdef sent_block *block = &s.ring[(until - 1) % RING]
    if not block.resent:
        measure(&s.trip, now - block.sent_time)
    while s.acknowledged != until:
        s.in_flight -= s.ring[s.acknowledged % RING].size
        s.acknowledged += 1
    if empty:
        s.confirmed = s.acknowledged
    s.timeouts = 0
    s.deadline = INFINITY if s.acknowledged == s.following else now + s.trip.rto


# While syncing: let the one block in flight be number `expected`, as the MCU seems to count.
cdef void adopt(sequencer *s, uint64_t expected) noexcept nogil:
    cdef sent_block moved
    cdef bint waiting = s.following != s.acknowledged
    if waiting:
        moved = s.ring[s.acknowledged % RING]
        moved.size = frame_seal(moved.frame, moved.size - FRAME_MIN, <int>(expected & SEQUENCE_MASK))
        s.ring[expected % RING] = moved
    s.acknowledged = s.released = s.confirmed = expected
    s.following = expected + (1 if waiting else 0)


cdef void back_off(sequencer *s, double now) noexcept nogil:
    s.timeouts += 1
    s.trip.rto = min(s.trip.rto * 2, SYNCING_RTO if s.phase == SYNCING else MAXIMUM_RTO)
    if s.phase == SYNCING and s.timeouts >= GUESS_AFTER:
        adopt(s, s.acknowledged + 1)
    s.deadline = now + s.trip.rto


cdef int step(sequencer *s, int event) noexcept nogil:
    cdef transition then = TABLE[s.phase][event]
    if then.phase == RECOVERING and then.actions & ACTION_RESEND:
        s.recovered = s.following
    elif then.phase == RECOVERING and s.acknowledged > s.recovered:
        then.phase = FLOWING
    s.phase = then.phase
    return then.actions


cdef int sequencer_receive(sequencer *s, int nibble, bint empty, double now) noexcept nogil:
    cdef int event = classify(s, nibble, empty)
    if event == EVENT_ACK:
        accept(s, nibble, empty, now)
    elif event == EVENT_STRAY:
        s.strays += 1
        if s.phase == SYNCING:
            adopt(s, s.acknowledged + ((<uint64_t>nibble - s.acknowledged) & SEQUENCE_MASK))
            if s.following == s.acknowledged:
                return ACTION_NONE      # nothing in flight: adopted in advance
    return step(s, event)


cdef int sequencer_expire(sequencer *s, double now) noexcept nogil:
    if now < s.deadline:
        return ACTION_NONE
    back_off(s, now)
    return step(s, EVENT_TIMEOUT)


cdef sent_block *sequencer_release(sequencer *s) noexcept nogil:
    if s.released == s.acknowledged:
        return NULL
    s.released += 1
    return &s.ring[(s.released - 1) % RING]


cdef int sequencer_resend(sequencer *s, uint8_t *out, double now) noexcept nogil:
    # A receiver that lost bytes waits for the rest of a block: one sync ends a gap, and from the second try
    # on enough of them to fill the longest block.
    cdef int size = FLUSH_SYNCS if s.timeouts > 1 else 1
    cdef uint64_t number = s.acknowledged
    cdef sent_block *block
    memset(out, SYNC, size)
    while number != s.following:
        block = &s.ring[number % RING]
        block.resent = True
        memcpy(out + size, block.frame, block.size)
        size += block.size
        s.blocks_resent += 1
        number += 1
    s.bytes_resent += size
    s.deadline = now + s.trip.rto
    return size


PHASES = {SYNCING: "syncing", FLOWING: "flowing", RECOVERING: "recovering"}


cdef class Sequencer:
    """The machine with a Python face, for tests: the link's thread runs the same C functions.

    Every method that takes C{now} returns the bytes that are to be written as its consequence.
    """
    cdef sequencer _state
    cdef list _released

    def __cinit__(self, window: int = 0):
        sequencer_init(&self._state, window)
        self._released = []

    def room(self) -> int:
        """Bytes of payload that a new block may have now; 0 when none may be sent."""
        return sequencer_room(&self._state)

    def send(self, payload: bytes, now: float) -> bytes:
        """Send a new block."""
        if len(payload) > sequencer_room(&self._state):
            raise ValueError(f"no room for {len(payload)} bytes now, only for {self.room()}")
        cdef sent_block *block = sequencer_send(&self._state, payload, <int>len(payload), now, NULL)
        return (<uint8_t *>block.frame)[:block.size]

    def receive(self, sequence: int, empty: bool, now: float) -> bytes:
        """A good block came in."""
        return self._act(sequencer_receive(&self._state, sequence & SEQUENCE_MASK, empty, now), now)

    def expire(self, now: float) -> bytes:
        """Time passed."""
        return self._act(sequencer_expire(&self._state, now), now)

    cdef bytes _act(self, int actions, double now):
        cdef uint8_t out[RESEND_ROOM]
        cdef sent_block *block
        if actions & ACTION_RELEASED:
            while (block := sequencer_release(&self._state)) != NULL:
                self._released.append((<uint8_t *>block.frame)[FRAME_HEADER:block.size - FRAME_TRAILER])
        if actions & ACTION_RESEND:
            return (<uint8_t *>out)[:sequencer_resend(&self._state, out, now)]
        return b""

    def released(self) -> list[bytes]:
        """Payloads acknowledged since the last call, in order."""
        done, self._released = self._released, []
        return done

    @property
    def phase(self) -> str:
        return PHASES[self._state.phase]

    @property
    def deadline(self) -> float:
        """Time of the next C{expire}; infinite when nothing is in flight."""
        return self._state.deadline

    @property
    def in_flight(self) -> int:
        """Blocks sent and not acknowledged."""
        return self._state.following - self._state.acknowledged

    @property
    def round_trip(self) -> tuple[float, float, float]:
        """(srtt, rttvar, rto), all s."""
        return self._state.trip.srtt, self._state.trip.rttvar, self._state.trip.rto

    @property
    def strays(self) -> int:
        return self._state.strays
