"""A wire that ends in a file: the commands of a batch run, in blocks just as an MCU would get them.

Commands wait in their lanes until L{FileLink.write} says up to which clock no more will come; they leave
by the clocks at which the MCU must have them, and by the numbers of their lanes where these are equal.  So
the file depends on nothing but the commands.  Each lane may be filled by a thread of its own.
"""

from libc.errno cimport errno
from libc.math cimport log2
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memmove
from posix.unistd cimport write as write_fd
from klipperd.wire.frames cimport FRAME_HEADER, FRAME_MAX, PAYLOAD_MAX, frame_seal
from klipperd.wire.link cimport Link
from klipperd.wire.linkthread cimport LINK_FULL, LINK_MISUSE, LINK_OK, link_call_hooks, link_take_posted
from klipperd.wire.vlq cimport vlq_get

import os

__all__ = ["RATES_PER_DOUBLING", "FileLink"]

RATES_PER_DOUBLING = RATES_A_DOUBLING

cdef enum:
    OUTPUT_SIZE = 1 << 16
    RECORD_HEAD = 9         # bytes: req_clock, size
    STEPPERS = 256


# ---- posting: any thread, one a lane ----

cdef int lane_enlarge(file_lane *lane) noexcept nogil:
    cdef size_t room = max(2 * lane.room, <size_t>4096)
    cdef uint8_t *larger
    if lane.head > lane.room // 2:
        memmove(lane.data, lane.data + lane.head, lane.tail - lane.head)
        lane.tail -= lane.head
        lane.head = 0
        return 0
    larger = <uint8_t *>realloc(lane.data, room)
    if larger == NULL:
        return -1
    lane.data = larger
    lane.room = room
    return 0


cdef inline uint64_t lane_clock(const file_lane *lane) noexcept nogil:
    cdef uint64_t clock
    memcpy(&clock, lane.data + lane.head, sizeof(clock))
    return clock


cdef int rate_bin(double rate) noexcept nogil:
    return min(<int>(log2(rate) * RATES_A_DOUBLING), RATE_BINS - 1) if rate > 1. else 0


cdef void follow_steps(file_sink *file, file_stepper *stepper, const int64_t *values) noexcept nogil:
    cdef int64_t interval = values[0], count = values[1], add = values[2], last
    last = interval + add * (count - 1)
    stepper.position += stepper.direction * count
    stepper.steps += count
    stepper.clock += interval * count + add * (count * (count - 1) // 2)
    last = min(interval, last)
    if last > 0 and (stepper.shortest == 0 or last < stepper.shortest):
        stepper.shortest = <uint32_t>last
    interval += add * (count - 1) // 2
    if interval > 0:
        stepper.rates[rate_bin(file.freq / interval)] += count


# Keep account of a stepper as the MCU would.
cdef void follow(file_sink *file, const uint8_t *payload, int size) noexcept nogil:
    cdef int64_t values[5]
    cdef const uint8_t *end = payload + size
    cdef const uint8_t *here = payload
    cdef file_stepper *stepper
    cdef int count = 0
    values[0] = 0
    here = vlq_get(here, end, &values[0])
    if values[0] != file.queue_step_id and values[0] != file.direction_id and values[0] != file.reset_id:
        return
    while here != NULL and here < end and count < 4:
        count += 1
        here = vlq_get(here, end, &values[count])
    if here == NULL or count < 2 or not 0 <= values[1] < STEPPERS:
        return
    stepper = &file.steppers[values[1]]
    if values[0] == file.queue_step_id:
        if values[2] < 0:
            values[2] += <int64_t>1 << 32
        follow_steps(file, stepper, &values[2])
    elif values[0] == file.direction_id:
        stepper.direction = 1 if values[2] else -1
    else:
        stepper.clock = <uint64_t>values[2]


cdef int file_post(void *context, int lane_number, const uint8_t *payload, int size, uint64_t req_clock,
                   uint64_t slot_until) noexcept nogil:
    cdef file_sink *file = <file_sink *>context
    cdef file_lane *lane
    cdef uint8_t *record
    if size < 1 or size > PAYLOAD_MAX or not 0 <= lane_number < file.lane_count:
        return LINK_MISUSE
    lane = &file.lanes[lane_number]
    if lane.tail + RECORD_HEAD + size > lane.room and (
            lane_enlarge(lane) or (lane.tail + RECORD_HEAD + size > lane.room and lane_enlarge(lane))):
        return LINK_FULL
    record = lane.data + lane.tail
    memcpy(record, &req_clock, 8)
    record[8] = <uint8_t>size
    memcpy(record + RECORD_HEAD, payload, size)
    lane.tail += RECORD_HEAD + size
    follow(file, payload, size)
    return LINK_OK


# ---- writing: one thread ----

cdef void drain_output(file_sink *file) noexcept nogil:
    cdef size_t done = 0
    cdef ssize_t wrote
    while file.fd >= 0 and done < file.filled and file.failed == 0:
        wrote = write_fd(file.fd, file.output + done, file.filled - done)
        if wrote < 0:
            file.failed = errno
        else:
            done += <size_t>wrote
    file.filled = 0


cdef void close_block(file_sink *file) noexcept nogil:
    cdef uint8_t *frame = file.output + file.filled
    if file.payload_size == 0:
        return
    memcpy(frame + FRAME_HEADER, file.payload, file.payload_size)
    file.sequence += 1
    file.filled += frame_seal(frame, file.payload_size, file.sequence)
    file.bytes += file.payload_size + 5
    file.blocks += 1
    file.payload_size = 0
    if file.filled + FRAME_MAX > OUTPUT_SIZE:
        drain_output(file)


cdef void write_head(file_sink *file, file_lane *lane) noexcept nogil:
    cdef const uint8_t *record = lane.data + lane.head
    cdef int size = record[8]
    if file.payload_size + size > PAYLOAD_MAX:
        close_block(file)
    memcpy(file.payload + file.payload_size, record + RECORD_HEAD, size)
    file.payload_size += size
    file.commands += 1
    lane.head += RECORD_HEAD + size
    if lane.head == lane.tail:
        lane.head = lane.tail = 0


cdef int next_lane(const file_sink *file, uint64_t until, uint64_t *clock, uint64_t *second) noexcept nogil:
    """The lane whose head goes next, -1 when none is due; *second: the head's clock of the one after it."""
    cdef int i, best = -1
    cdef uint64_t head
    clock[0] = second[0] = until
    for i in range(file.lane_count):
        if file.lanes[i].head == file.lanes[i].tail:
            continue
        head = lane_clock(&file.lanes[i])
        if (head < clock[0]) if best >= 0 else (head <= until):
            if best >= 0:
                second[0] = clock[0]
            clock[0] = head
            best = i
        elif head < second[0]:
            second[0] = head
    return best


cdef void write_until(file_sink *file, uint64_t until) noexcept nogil:
    cdef uint64_t clock = 0, second = 0
    cdef int best
    cdef file_lane *lane
    while (best := next_lane(file, until, &clock, &second)) >= 0:
        lane = &file.lanes[best]
        write_head(file, lane)
        while lane.head < lane.tail and lane_clock(lane) < second:
            write_head(file, lane)
    close_block(file)


cdef class FileLink(Link):
    def __cinit__(self, int fd, **options):
        self.file = <file_sink *>calloc(1, sizeof(file_sink))
        if self.file == NULL:
            raise MemoryError
        self.file.steppers = <file_stepper *>calloc(STEPPERS, sizeof(file_stepper))
        self.file.output = <uint8_t *>malloc(OUTPUT_SIZE)
        if self.file.steppers == NULL or self.file.output == NULL:
            raise MemoryError
        for i in range(STEPPERS):
            self.file.steppers[i].direction = -1
        self.file.fd = fd
        self.file.freq = 1e6
        self.file.queue_step_id = self.file.direction_id = self.file.reset_id = 1 << 40
        self.sink.post = file_post
        self.sink.context = self.file
        self.add_lane()

    def __dealloc__(self):
        cdef int i
        if self.file == NULL:
            return
        for i in range(self.file.lane_count):
            free(self.file.lanes[i].data)
        free(self.file.lanes)
        free(self.file.steppers)
        free(self.file.output)
        free(self.file)

    cdef add_lane(self):
        cdef int count = self.file.lane_count
        cdef file_lane *lanes = <file_lane *>realloc(self.file.lanes, (count + 1) * sizeof(file_lane))
        if lanes == NULL:
            raise MemoryError
        self.file.lanes = lanes
        lanes[count] = file_lane(NULL, 0, 0, 0)
        self.file.lane_count = count + 1

    def follow_steppers(self, double freq, queue_step, set_next_step_dir, reset_step_clock) -> None:
        self.file.freq = freq
        self.file.queue_step_id = queue_step
        self.file.direction_id, self.file.reset_id = set_next_step_dir, reset_step_clock

    def start(self) -> None:
        raise RuntimeError("a link to a file has no thread")

    def stop(self) -> None:
        """There is no thread; what was not written stays."""

    @property
    def busy_until(self) -> int:
        return 0

    def new_lane(self) -> int:
        self.add_lane()
        return self.file.lane_count - 1

    cdef _post(self, bytes payload, int lane, uint64_t req_clock, uint64_t slot_until, uint32_t notify):
        cdef int size = <int>len(payload)
        if file_post(self.file, max(lane, 0), payload, size, req_clock, slot_until) != LINK_OK:
            raise ValueError(f"no lane {lane}, or a command of {len(payload)} bytes (1 to {PAYLOAD_MAX})")

    def take_urgent(self) -> list:
        cdef uint8_t data[PAYLOAD_MAX]
        cdef int size
        cdef bytes payload
        taken = []
        while (size := link_take_posted(self.state, data)) > 0:
            payload = (<uint8_t *>data)[:size]
            self._post(payload, 0, 0, 0, 0)
            taken.append(payload)
        return taken

    def receive(self, payload: bytes) -> None:
        cdef const uint8_t *data = payload
        cdef int size = <int>len(payload)
        with nogil:
            link_call_hooks(self.state, data, size)

    def write(self, until: int | None = None) -> None:
        cdef uint64_t clock = ~<uint64_t>0 if until is None else until
        with nogil:
            write_until(self.file, clock)
            if clock == ~<uint64_t>0:
                drain_output(self.file)
        if self.file.failed:
            raise OSError(self.file.failed, os.strerror(self.file.failed))

    def stepper(self, int oid) -> dict:
        if not 0 <= oid < STEPPERS:
            raise ValueError(f"no oid {oid}")
        cdef file_stepper *stepper = &self.file.steppers[oid]
        return {
            "position": stepper.position,
            "steps": stepper.steps,
            "clock": stepper.clock,
            "shortest": stepper.shortest,
            "rates": [stepper.rates[i] for i in range(RATE_BINS)],
        }

    @property
    def written(self) -> tuple:
        return self.file.commands, self.file.blocks, self.file.bytes
