"""From step times to queue_step commands.

Step i of a command happens at t_0 + interval i + add i (i - 1) / 2. Each step has a window
[due - min(max_error, half the time since the step before), due]. Divided by i, that is: the line
interval + add x must pass through a vertical segment at x = (i - 1) / 2 for each step. The longest
run of segments that one line can stab is found online with two convex hulls (O'Rourke 1981), then
rounded to whole numbers.
"""

from libc.math cimport ceil, floor, fmax, fmin
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memmove, memset

from klipperd.wire.vlq cimport vlq_put

cdef enum:
    INITIAL_HISTORY = 256        # batches
    LEAST_ADD = -32768
    GREATEST_ADD = 32767

cdef double LONGEST_IDLE = 3.         # s; after it the motor is at rest for sure and its clock is set anew
cdef double EARLIEST = 0.1            # s before its first step, a batch is wanted at the MCU
cdef double NOISE = 1e-3              # ticks
cdef double ROUNDING = 2e-6           # ticks per step; below 1/65535, above what doubles round


cdef int compressor_init(compressor *out) noexcept nogil:
    out.due = <double *>malloc(PENDING_CAPACITY * sizeof(double))
    out.low = <double *>malloc(PENDING_CAPACITY * sizeof(double))
    out.high = <double *>malloc(PENDING_CAPACITY * sizeof(double))
    out.lower_hull = <int *>malloc(PENDING_CAPACITY * sizeof(int))
    out.upper_hull = <int *>malloc(PENDING_CAPACITY * sizeof(int))
    out.history.ring = <sent_batch *>calloc(INITIAL_HISTORY, sizeof(sent_batch))
    out.history.mask = INITIAL_HISTORY - 1
    if (out.due == NULL or out.low == NULL or out.high == NULL or out.lower_hull == NULL
            or out.upper_hull == NULL or out.history.ring == NULL):
        return COMPRESS_MEMORY
    return COMPRESS_OK


cdef void compressor_free(compressor *out) noexcept nogil:
    free(out.due)
    free(out.low)
    free(out.high)
    free(out.lower_hull)
    free(out.upper_hull)
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
            batch.last_clock = batch.first_clock + batch.interval * (end - 1) + batch.add * ((end - 1) * end // 2)
            return


cdef void compressor_halt(compressor *out, int64_t steps) noexcept nogil:
    out.head = out.tail = 0
    out.clock_known = 0
    out.sent_direction = 0
    out.direction = 0
    out.before = 0.
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


# --- fitting ---

cdef struct line_fit:
    # The steepest and flattest lines through all segments so far: y = at + slope (x - x0).
    double steep, steep_x, steep_y
    double flat, flat_x, flat_y
    int lower_first, lower_next   # hull of segments' lower ends, as indices of low
    int upper_first, upper_next   # hull of their upper ends, as indices of high


cdef inline double abscissa(int i) noexcept nogil:
    return 0.5 * i


cdef inline void steepen(compressor *out, line_fit *fit, int i) noexcept nogil:
    """The steepest line must come down to segment i's upper end: it turns about the hull of lower ends."""
    cdef double x = abscissa(i), y = out.high[i], slope, other
    cdef int k = fit.lower_first, j
    slope = (y - out.low[out.lower_hull[k]]) / (x - abscissa(out.lower_hull[k]))
    while k + 1 < fit.lower_next:
        j = out.lower_hull[k + 1]
        other = (y - out.low[j]) / (x - abscissa(j))
        if other > slope:
            break
        slope = other
        k += 1
    fit.lower_first = k
    fit.steep, fit.steep_x, fit.steep_y = slope, x, y


cdef inline void flatten(compressor *out, line_fit *fit, int i) noexcept nogil:
    """The flattest line must rise to segment i's lower end: it turns about the hull of upper ends."""
    cdef double x = abscissa(i), y = out.low[i], slope, other
    cdef int k = fit.upper_first, j
    slope = (y - out.high[out.upper_hull[k]]) / (x - abscissa(out.upper_hull[k]))
    while k + 1 < fit.upper_next:
        j = out.upper_hull[k + 1]
        other = (y - out.high[j]) / (x - abscissa(j))
        if other < slope:
            break
        slope = other
        k += 1
    fit.upper_first = k
    fit.flat, fit.flat_x, fit.flat_y = slope, x, y


cdef inline void extend_lower(compressor *out, line_fit *fit, int i) noexcept nogil:
    """Keep the upper convex hull of lower ends."""
    cdef int a, b
    while fit.lower_next - fit.lower_first >= 2:
        a, b = out.lower_hull[fit.lower_next - 2], out.lower_hull[fit.lower_next - 1]
        if (out.low[b] - out.low[a]) * (i - a) > (out.low[i] - out.low[a]) * (b - a):
            break
        fit.lower_next -= 1
    out.lower_hull[fit.lower_next] = i
    fit.lower_next += 1


cdef inline void extend_upper(compressor *out, line_fit *fit, int i) noexcept nogil:
    """Keep the lower convex hull of upper ends."""
    cdef int a, b
    while fit.upper_next - fit.upper_first >= 2:
        a, b = out.upper_hull[fit.upper_next - 2], out.upper_hull[fit.upper_next - 1]
        if (out.high[b] - out.high[a]) * (i - a) < (out.high[i] - out.high[a]) * (b - a):
            break
        fit.upper_next -= 1
    out.upper_hull[fit.upper_next] = i
    fit.upper_next += 1


cdef bint stab(compressor *out, line_fit *fit, int i) noexcept nogil:
    """Take segment i into the fit; False when no line passes through it too."""
    cdef double x = abscissa(i), steepest, flattest
    if i == 0:
        out.lower_hull[0] = out.upper_hull[0] = 0
        fit.lower_first = fit.upper_first = 0
        fit.lower_next = fit.upper_next = 1
        return True
    if i == 1:
        steepen(out, fit, 1)
        flatten(out, fit, 1)
    else:
        steepest = fit.steep_y + fit.steep * (x - fit.steep_x)
        flattest = fit.flat_y + fit.flat * (x - fit.flat_x)
        if steepest < out.low[i] or flattest > out.high[i]:
            return False
        if steepest > out.high[i]:
            steepen(out, fit, i)
        if flattest < out.low[i]:
            flatten(out, fit, i)
    extend_lower(out, fit, i)
    extend_upper(out, fit, i)
    return True


cdef inline void set_segment(compressor *out, int i, double latest_early) noexcept nogil:
    """Segment of pending step i, in ticks per step since last_clock."""
    cdef int k = out.head + i
    cdef double due = out.due[k], before = out.due[k - 1] if i > 0 else out.before
    # Due times are sums of doubles: what misses a whole tick by rounding is meant to be one.
    cdef double last = floor(due + NOISE), first = ceil(due - fmin(latest_early, 0.5 * (due - before)) - NOISE)
    cdef double share = 1. / (i + 1)
    out.high[i] = (last - <double>out.last_clock) * share
    out.low[i] = (fmin(first, last) - <double>out.last_clock) * share


cdef int round_fit(compressor *out, int count, double add, double *interval) noexcept nogil:
    """How many segments a line of this whole slope can stab from a whole height; sets the height."""
    cdef double least = 0., greatest = 4294967295., y
    cdef int i
    for i in range(count):
        y = add * abscissa(i)
        least = fmax(least, out.low[i] - y)
        greatest = fmin(greatest, out.high[i] - y)
        if greatest - least < 1. and floor(greatest + ROUNDING) < least - ROUNDING:
            return i
        interval[0] = floor(greatest + ROUNDING)
    return count


cdef int fit_batch(compressor *out, bint partial, sent_batch *batch) noexcept nogil:
    """The longest batch from the head of what is pending; 0 when it may yet grow and partial is False."""
    cdef line_fit fit
    cdef double early = out.max_error * out.freq, interval = 0., best = 0., slope = 0., add
    cdef int waiting = out.tail - out.head, i = 0, _attempt, count, longest = 0
    memset(&fit, 0, sizeof(fit))
    while i < waiting:
        set_segment(out, i, early)
        if not stab(out, &fit, i):
            break
        i += 1
    if i == waiting and not partial:
        return 0
    batch.add = 0
    add = fmin(fmax(floor(0.5 * (fit.steep + fit.flat) + 0.5), LEAST_ADD), GREATEST_ADD)
    slope = 1. if add < 0.5 * (fit.steep + fit.flat) else -1.
    for _attempt in range(2):
        if LEAST_ADD <= add <= GREATEST_ADD:
            count = round_fit(out, i, add, &interval)
            if count > longest:
                longest, best = count, interval
                batch.add = <int16_t>add
        if longest == i:
            break
        add += slope
    if longest <= 0:
        return COMPRESS_TOO_FAST
    batch.interval = <uint32_t>best
    return longest


cdef int take_batch(compressor *out, bint partial) noexcept nogil:
    """Send one batch; 1 when one was sent, 0 when none is ripe, or a compress_code."""
    cdef sent_batch batch
    cdef int count, code
    if out.head == out.tail:
        return 0
    code = wake(out, partial)
    if code <= 0:
        return code
    count = fit_batch(out, partial, &batch)
    if count <= 0:
        return count
    if count == 1:
        batch.add = 0
    batch.count = count * out.direction
    batch.steps_before = out.steps
    batch.first_clock = out.last_clock + batch.interval
    batch.last_clock = batch.first_clock + batch.interval * <int64_t>(count - 1) + (
        batch.add * (<int64_t>count * (count - 1) // 2))
    code = send_batch(out, &batch)
    if code < 0:
        return code
    out.head += count
    out.before = out.due[out.head - 1]
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


cdef int compressor_push(compressor *out, double print_time, int direction) noexcept nogil:
    cdef double due = (print_time + out.offset) * out.freq
    cdef int code = 1
    if direction != out.direction:
        while code > 0:
            code = take_batch(out, True)
        if code < 0:
            return code
        out.direction = direction
    if out.tail == PENDING_CAPACITY:
        # Half of it at a time, so that moving the rest to the front costs little a step.
        while code > 0 and out.tail - out.head > PENDING_CAPACITY // 2:
            code = take_batch(out, True)
        if code < 0:
            return code
        memmove(out.due, &out.due[out.head], (out.tail - out.head) * sizeof(double))
        out.tail -= out.head
        out.head = 0
    elif out.head == out.tail:
        out.head = out.tail = 0
    # A clock estimate that just slowed down must not reverse the order of steps.
    if out.tail > 0:
        due = fmax(due, out.due[out.tail - 1] + 2.)
    elif out.clock_known:
        due = fmax(due, <double>out.last_clock + 2.)
    out.due[out.tail] = due
    out.tail += 1
    return COMPRESS_OK
