"""A long run of steps that one queue_step can make.

Step i (from 0) of a command happens at base + interval (i + 1) + add i (i + 1) / 2. Each step has a window
[due - min(early, half the time since the step before), due]. Divided by i + 1, that is: the line
interval + add / 2 i must pass through a vertical segment at i for each step. Lines that stab all segments so
far are found online with two convex hulls (O'Rourke 1981), on a sample of the steps that grows sparse as
the run grows long. Once few whole adds are left, each is followed as far as a whole interval goes with it.
The line found is then held against the window of every single step.
"""

from libc.math cimport ceil, floor
from libc.stdint cimport int16_t, int64_t, uint32_t, uint64_t

cdef enum:
    FINE = 32
    SPARSE = 4
    CLOSE = 16
    CLOSEST = 32
    MOST_SAMPLES = 4096
    BLOCK = 32                # steps that are held against their windows together
    TRIED = 2                 # adds that are followed to the end

cdef double NOISE = 1e-3              # ticks
cdef double LONGEST_INTERVAL = 4294967295.

# Windows of sampled steps, in ticks per step since the base, and hulls of them.
cdef struct samples:
    int count
    int waiting
    int sparse
    double base
    double early
    const double *due
    double x[MOST_SAMPLES]            # index of the step
    double low[MOST_SAMPLES]
    double high[MOST_SAMPLES]
    # The steepest and flattest lines through all segments so far: y = at + slope (x - x0); slope is add / 2.
    double steep, steep_x, steep_y
    double flat, flat_x, flat_y
    int lower_first, lower_next       # lower: indices of samples on the hull of windows' lower ends
    int upper_first, upper_next
    int lower[MOST_SAMPLES]
    int upper[MOST_SAMPLES]


cdef inline void window_of(samples *s, int i, double *low, double *high) noexcept nogil:
    cdef double share = 1. / (i + 1), due = s.due[i], early = 0.5 * (due - s.due[i - 1]), spare
    # There is a whole tick in a window of one tick.
    early = early if early < s.early else s.early
    early = early if early > 1. else 1.
    spare = -NOISE
    due -= s.base
    high[0] = (due - spare) * share
    low[0] = (due - early + spare) * share


cdef inline void steepen(samples *s, double x, double y) noexcept nogil:
    """The steepest line must come down to a segment's upper end: it turns about the hull of lower ends."""
    cdef int k = s.lower_first, j = s.lower[k]
    cdef double rise = y - s.low[j], run = x - s.x[j], other_rise, other_run
    while k + 1 < s.lower_next:
        j = s.lower[k + 1]
        other_rise, other_run = y - s.low[j], x - s.x[j]
        if other_rise * run > rise * other_run:
            break
        rise, run = other_rise, other_run
        k += 1
    s.lower_first = k
    s.steep, s.steep_x, s.steep_y = rise / run, x, y


cdef inline void flatten(samples *s, double x, double y) noexcept nogil:
    """The flattest line must rise to a segment's lower end: it turns about the hull of upper ends."""
    cdef int k = s.upper_first, j = s.upper[k]
    cdef double rise = y - s.high[j], run = x - s.x[j], other_rise, other_run
    while k + 1 < s.upper_next:
        j = s.upper[k + 1]
        other_rise, other_run = y - s.high[j], x - s.x[j]
        if other_rise * run < rise * other_run:
            break
        rise, run = other_rise, other_run
        k += 1
    s.upper_first = k
    s.flat, s.flat_x, s.flat_y = rise / run, x, y


cdef inline void extend_lower(samples *s, int i) noexcept nogil:
    """Keep the upper convex hull of lower ends."""
    cdef double x = s.x[i], y = s.low[i]
    cdef int a, b
    while s.lower_next - s.lower_first >= 2:
        a, b = s.lower[s.lower_next - 2], s.lower[s.lower_next - 1]
        if (s.low[b] - s.low[a]) * (x - s.x[a]) > (y - s.low[a]) * (s.x[b] - s.x[a]):
            break
        s.lower_next -= 1
    s.lower[s.lower_next] = i
    s.lower_next += 1


cdef inline void extend_upper(samples *s, int i) noexcept nogil:
    """Keep the lower convex hull of upper ends."""
    cdef double x = s.x[i], y = s.high[i]
    cdef int a, b
    while s.upper_next - s.upper_first >= 2:
        a, b = s.upper[s.upper_next - 2], s.upper[s.upper_next - 1]
        if (s.high[b] - s.high[a]) * (x - s.x[a]) < (y - s.high[a]) * (s.x[b] - s.x[a]):
            break
        s.upper_next -= 1
    s.upper[s.upper_next] = i
    s.upper_next += 1


cdef inline bint stab(samples *s, int step) noexcept nogil:
    """Take a step's segment into the sample; False, and nothing changed, when no line passes through it."""
    cdef int i = s.count
    cdef double x = step, steepest, flattest
    window_of(s, step, &s.low[i], &s.high[i])
    s.x[i] = x
    if i >= 2:
        steepest = s.steep_y + s.steep * (x - s.steep_x)
        flattest = s.flat_y + s.flat * (x - s.flat_x)
        if steepest < s.low[i] or flattest > s.high[i]:
            return False
        if steepest > s.high[i]:
            steepen(s, x, s.high[i])
        if flattest < s.low[i]:
            flatten(s, x, s.low[i])
        extend_lower(s, i)
        extend_upper(s, i)
    elif i == 1:
        s.steep, s.steep_x, s.steep_y = (s.high[1] - s.low[0]) / x, x, s.high[1]
        s.flat, s.flat_x, s.flat_y = (s.low[1] - s.high[0]) / x, x, s.low[1]
        s.lower[1] = s.upper[1] = 1
        s.lower_next = s.upper_next = 2
    else:
        s.lower[0] = s.upper[0] = 0
        s.lower_next = s.upper_next = 1
    s.count += 1
    return True


cdef inline int next_sample(const samples *s, int step) noexcept nogil:
    cdef int after = step + 1 + step // s.sparse
    return after if after < s.waiting else s.waiting - 1


cdef inline bint is_open(const samples *s, int good, int missed) noexcept nogil:
    """Whether it is worth while to look between the last step that is good and one that is not."""
    return missed - good > 1 + good // FINE


cdef void narrow(samples *s) noexcept nogil:
    """Take in samples until few adds are left, or no line is."""
    cdef int good = 0, missed = s.waiting, step
    stab(s, 0)
    while good < s.waiting - 1:
        step = next_sample(s, good) if missed == s.waiting else (good + missed) // 2
        if not stab(s, step):
            missed = step
        else:
            good = step
            if floor(2. * s.steep) - ceil(2. * s.flat) < TRIED:
                return
        if missed < s.waiting and not is_open(s, good, missed):
            return


# Whole intervals that suit an add for the steps looked at.
cdef struct intervals:
    double add
    double least
    double greatest


cdef inline bint cut(intervals *open, double low, double high, int step) noexcept nogil:
    """Keep those that pass through a segment; False, and nothing changed, when none does."""
    cdef double bottom = ceil(low - 0.5 * open.add * step), top = floor(high - 0.5 * open.add * step)
    bottom = bottom if bottom > open.least else open.least
    top = top if top < open.greatest else open.greatest
    if bottom > top:
        return False
    open.least, open.greatest = bottom, top
    return True


cdef int follow(samples *s, double add, double *interval) noexcept nogil:
    """About how many steps go with an add; sets the interval."""
    cdef intervals open
    cdef double low, high
    cdef int i = 0, good = -1, missed = s.waiting, step
    open.add, open.least, open.greatest = add, 0., LONGEST_INTERVAL
    while i < s.count and cut(&open, s.low[i], s.high[i], <int>s.x[i]):
        good = <int>s.x[i]
        i += 1
    if i < s.count:
        missed = <int>s.x[i]
    while good < s.waiting - 1 and (missed == s.waiting or is_open(s, good, missed)):
        step = next_sample(s, good) if missed == s.waiting else (good + missed) // 2
        window_of(s, step, &low, &high)
        if cut(&open, low, high, step):
            good = step
        else:
            missed = step
    # What is in the middle for the sample is likely good for the steps between.
    interval[0] = floor(0.5 * (open.least + open.greatest)) if good > 0 else open.greatest
    return good + 1


cdef inline int64_t miss(const samples *s, int i, int end, double interval, double half) noexcept nogil:
    """Not 0 when a step is outside of its window. Without branches, so that compilers make vectors of it."""
    cdef const double *due = s.due
    cdef double y, w, early = s.early, base = s.base
    cdef int64_t bad = 0
    cdef int k
    for k in range(i, end):
        w = 0.5 * (due[k] - due[k - 1])
        w = w if w < early else early
        w = w if w > 1. else 1.
        y = (interval + half * k) * (k + 1.) - (due[k] - base)
        bad |= (y > NOISE) | (y + w < -NOISE)
    return bad


cdef int hold(const samples *s, double interval, double add) noexcept nogil:
    """How many of the waiting steps a line brings within their windows."""
    cdef int i = 0
    while i + BLOCK <= s.waiting and not miss(s, i, i + BLOCK, interval, 0.5 * add):
        i += BLOCK
    while i < s.waiting and not miss(s, i, i + 1, interval, 0.5 * add):
        i += 1
    return i


cdef inline double limit_add(double add) noexcept nogil:
    return -32768. if add < -32768. else 32767. if add > 32767. else add


cdef int fit_longest(const double *due, int waiting, uint64_t base, double early, bint partial,
                     stepped_line *line) noexcept nogil:
    cdef samples s
    cdef double interval = 0., add = 0., other_interval = 0., other_add = 0.
    cdef int expected, length, other
    s.waiting, s.base, s.early, s.due, s.sparse = waiting, <double>base, early, due, SPARSE
    expected = fit_sample(&s, &interval, &add)
    length = hold(&s, interval, add)
    if length * CLOSE < expected * (CLOSE - 1):
        # Steps between the sampled ones spoilt it: look closer.
        s.sparse = CLOSEST
        s.waiting = min(waiting, expected + expected // 4)
        fit_sample(&s, &other_interval, &other_add)
        s.waiting = waiting
        other = hold(&s, other_interval, other_add)
        if other > length:
            length, interval, add = other, other_interval, other_add
    if length == waiting and not partial:
        return 0
    line.interval, line.add = <uint32_t>interval, <int16_t>add
    if length == 1:
        line.add = 0
    return length if length > 0 else -1


cdef int fit_sample(samples *s, double *interval, double *add) noexcept nogil:
    """A line that goes with many sampled steps; returns about how many steps that are."""
    cdef double first = 0., last = 0., height = 0.
    cdef int length, longest = 0
    s.count = s.lower_first = s.upper_first = 0
    narrow(s)
    if s.count > 1:
        first, last = ceil(2. * s.flat), floor(2. * s.steep)
        if first > last:
            first, last = last, first
        elif last - first >= TRIED:
            # The run ended before the choice was narrow.
            first = floor(s.flat + s.steep)
            last = first + 1.
    first = limit_add(first)
    last = limit_add(last)
    while first <= last:
        length = follow(s, first, &height)
        if length > longest:
            longest = length
            interval[0], add[0] = height, first
        first += 1.
    return longest
