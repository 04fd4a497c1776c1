"""From step times to queue_step commands, each as long as L{fit} can make it."""

from libc.math cimport floor, fmin
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove

from klipperd.motion.fit cimport fit_longest, stepped_line
from klipperd.wire.vlq cimport vlq_put

cdef enum:
    INITIAL_HISTORY = 256        # batches

cdef double LONGEST_IDLE = 3.         # s; after it the motor is at rest for sure and its clock is set anew
cdef double NOISE = 1e-3              # ticks; rounding of due times
cdef double EARLIEST = 0.1            # s before its first step, a batch is wanted at the MCU


cdef int compressor_init(compressor *out) noexcept nogil:
    cdef double *due = <double *>calloc(PENDING_CAPACITY + 1, sizeof(double))
    out.history.ring = <sent_batch *>calloc(INITIAL_HISTORY, sizeof(sent_batch))
    out.history.mask = INITIAL_HISTORY - 1
    if due == NULL or out.history.ring == NULL:
        free(due)
        return COMPRESS_MEMORY
    out.due = due + 1
    return COMPRESS_OK


cdef void compressor_free(compressor *out) noexcept nogil:
    if out.due != NULL:
        free(out.due - 1)
    free(out.history.ring)


cdef inline int64_t size_of(int64_t count) noexcept nogil:
    return count if count >= 0 else -count


# --- history ---

cdef int history_append(batch_history *history, const sent_batch *batch) noexcept nogil:
    cdef int64_t capacity = history.mask + 1, index
    cdef sent_batch *ring
    if history.next - history.first == capacity:
        ring = <sent_batch *>malloc(2 * capacity * sizeof(sent_batch))
        if ring == NULL:
            return COMPRESS_MEMORY
        for index in range(history.first, history.next):
            ring[index & (2 * capacity - 1)] = history.ring[index & history.mask]
        free(history.ring)
        history.ring = ring
        history.mask = 2 * capacity - 1
    history.ring[history.next & history.mask] = batch[0]
    history.next += 1
    return COMPRESS_OK


cdef void history_expire(compressor *out, uint64_t clock) noexcept nogil:
    cdef batch_history *history = &out.history
    while history.first < history.next and history.ring[history.first & history.mask].last_clock < clock:
        history.first += 1


cdef int32_t batch_progress(const sent_batch *batch, uint64_t clock) noexcept nogil:
    """Steps of a batch (without sign) that happen up to a clock."""
    cdef int64_t low = 0, high = batch.count if batch.count > 0 else -batch.count, middle, when
    while low < high:
        middle = (low + high + 1) // 2
        when = batch.interval * (middle - 1) + batch.add * (middle * (middle - 1) // 2)
        if batch.first_clock + when <= clock:
            low = middle
        else:
            high = middle - 1
    return <int32_t>low


cdef int64_t history_position(const compressor *out, uint64_t clock) noexcept nogil:
    cdef const batch_history *history = &out.history
    cdef int64_t low = history.first, high = history.next, middle
    cdef const sent_batch *batch
    cdef int32_t done
    while low < high:
        middle = (low + high) // 2
        if history.ring[middle & history.mask].first_clock <= clock:
            low = middle + 1
        else:
            high = middle
    if low == history.first:
        return out.steps if low == history.next else history.ring[low & history.mask].steps_before
    batch = &history.ring[(low - 1) & history.mask]
    done = batch_progress(batch, clock)
    return batch.steps_before + (done if batch.count > 0 else -done)


cdef void history_truncate(batch_history *history, int64_t steps) noexcept nogil:
    """Take back the batches that a halt at a position left undone."""
    cdef int64_t index = history.next, end
    cdef sent_batch *batch
    while index > history.first:
        index -= 1
        batch = &history.ring[index & history.mask]
        end = batch.steps_before + batch.count
        if min(batch.steps_before, end) <= steps <= max(batch.steps_before, end):
            history.next = index + 1
            batch.count = <int32_t>(steps - batch.steps_before)
            end = size_of(batch.count)
            if end == 0:
                history.next = index
                return
            batch.last_clock = batch.first_clock + batch.interval * (end - 1)
            batch.last_clock += batch.add * ((end - 1) * end // 2)
            return


cdef void compressor_halt(compressor *out, int64_t steps) noexcept nogil:
    out.head = out.tail = 0
    out.clock_known = 0
    out.sent_direction = 0
    out.direction = 0
    out.due[-1] = 0.
    if steps != out.steps:
        history_truncate(&out.history, steps)
    out.steps = steps


# --- commands ---

cdef int post(compressor *out, const uint8_t *payload, const uint8_t *end, uint64_t req_clock,
              uint64_t slot_until) noexcept nogil:
    if out.sink == NULL:
        return COMPRESS_CLOSED
    if out.sink.post(out.sink.context, out.lane, payload, <int>(end - payload), req_clock, slot_until) < 0:
        return COMPRESS_CLOSED
    return COMPRESS_OK


cdef int send_direction(compressor *out, uint64_t req_clock) noexcept nogil:
    cdef uint8_t payload[32]
    cdef uint8_t *end = vlq_put(vlq_put(payload, out.direction_id), out.oid)
    end = vlq_put(end, (out.direction > 0) != (out.invert != 0))
    out.sent_direction = out.direction
    return post(out, payload, end, req_clock, 0)


cdef int send_reset(compressor *out, uint64_t clock) noexcept nogil:
    cdef uint8_t payload[32]
    cdef uint8_t *end = vlq_put(vlq_put(payload, out.reset_id), out.oid)
    end = vlq_put(end, <uint32_t>clock)
    out.last_clock = clock
    out.clock_known = 1
    return post(out, payload, end, clock, 0)


cdef int send_batch(compressor *out, const sent_batch *batch) noexcept nogil:
    cdef uint8_t payload[48]
    cdef uint8_t *end
    cdef uint64_t early = <uint64_t>(EARLIEST * out.freq), req_clock = out.last_clock
    cdef int code
    if batch.first_clock > early:
        req_clock = max(req_clock, batch.first_clock - early)
    if out.direction != out.sent_direction:
        code = send_direction(out, req_clock)
        if code < 0:
            return code
    end = vlq_put(vlq_put(payload, out.queue_step_id), out.oid)
    end = vlq_put(vlq_put(vlq_put(end, batch.interval), size_of(batch.count)), batch.add)
    code = post(out, payload, end, req_clock, batch.last_clock)
    if code < 0:
        return code
    out.last_clock = batch.last_clock
    out.steps += batch.count
    return history_append(&out.history, batch)


cdef int take_batch(compressor *out, bint partial) noexcept nogil:
    """Send one batch; 1 when one was sent, 0 when none is ripe, or a compress_code."""
    cdef sent_batch batch
    cdef stepped_line line
    cdef int count, code
    if out.head == out.tail:
        return 0
    code = wake(out, partial)
    if code <= 0:
        return code
    count = fit_longest(&out.due[out.head], out.tail - out.head, out.last_clock, out.max_error * out.freq,
                        partial, &line)
    if count <= 0:
        return 0 if count == 0 else COMPRESS_TOO_FAST
    batch.interval, batch.add = line.interval, line.add
    batch.count = count * out.direction
    batch.steps_before = out.steps
    batch.first_clock = out.last_clock + batch.interval
    batch.last_clock = batch.first_clock + batch.interval * <int64_t>(count - 1) + (
        batch.add * (<int64_t>count * (count - 1) // 2))
    code = send_batch(out, &batch)
    if code < 0:
        return code
    out.head += count
    return 1


cdef int wake(compressor *out, bint partial) noexcept nogil:
    """Set the MCU's step clock when the motor was at rest for long; 1 when it is set."""
    cdef double due = out.due[out.head], gap
    cdef int code
    if out.clock_known and due - <double>out.last_clock < LONGEST_IDLE * out.freq:
        return 1
    if out.tail - out.head < 2 and not partial:
        return 0
    # So that the first interval is like the second and one batch can hold both.
    gap = EARLIEST * out.freq
    if out.tail - out.head > 1:
        gap = fmin(gap, out.due[out.head + 1] - due)
    code = send_reset(out, <uint64_t>floor(due - gap + NOISE))
    return code if code < 0 else 1


cdef int compressor_send(compressor *out, double must_send) noexcept nogil:
    cdef double limit = (must_send + out.offset) * out.freq
    cdef int code = 1
    while code > 0 and out.head < out.tail:
        code = take_batch(out, out.due[out.head] <= limit)
    return code


cdef void move_front(compressor *out) noexcept nogil:
    """Move what is pending to the front of its room."""
    if out.head > 0:
        memmove(&out.due[-1], &out.due[out.head - 1], (out.tail - out.head + 1) * sizeof(double))
        out.tail -= out.head
        out.head = 0


cdef int compressor_room(compressor *out, int direction) noexcept nogil:
    cdef int code = 1
    if direction != out.direction:
        while code > 0:
            code = take_batch(out, True)
        if code < 0:
            return code
        out.direction = direction
    if out.head == out.tail:
        move_front(out)
    elif out.tail == PENDING_CAPACITY:
        # Half of it at a time, so that moving the rest to the front costs little a step.
        while code > 0 and out.tail - out.head > PENDING_CAPACITY // 2:
            code = take_batch(out, True)
        if code < 0:
            return code
        move_front(out)
    return PENDING_CAPACITY - out.tail


cdef void compressor_take(compressor *out, int count, bint crowded) noexcept nogil:
    cdef double *due = &out.due[out.tail]
    cdef double least = 0.
    cdef int i
    # A clock estimate that just slowed down must not reverse the order of steps.
    if out.tail > 0:
        least = due[-1] + NEAREST
    elif out.clock_known:
        least = <double>out.last_clock + NEAREST
    out.tail += count
    for i in range(count):
        if due[i] < least:
            due[i] = least
        elif not crowded:
            break
        least = due[i] + NEAREST


cdef int compressor_push(compressor *out, double print_time, int direction) noexcept nogil:
    cdef int code = compressor_room(out, direction)
    if code < 0:
        return code
    out.due[out.tail] = (print_time + out.offset) * out.freq
    compressor_take(out, 1, False)
    return COMPRESS_OK
