"""The longest run of steps that one queue_step can make.

Step i of a command happens at t_0 + interval i + add i (i - 1) / 2. Each step has a window
[due - min(early, half the time since the step before), due]. Divided by i, that is: the line
interval + add x must pass through a vertical segment at x = (i - 1) / 2 for each step. The longest
run of segments that one line can stab is found online with two convex hulls (O'Rourke 1981), then
rounded to whole numbers.
"""

from libc.math cimport ceil, floor, fmax, fmin
from libc.stdint cimport int16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

cdef enum:
    LEAST_ADD = -32768
    GREATEST_ADD = 32767

cdef double NOISE = 1e-3              # ticks
cdef double ROUNDING = 2e-6           # ticks per step; below 1/65535, above what doubles round


cdef int fitter_init(fitter *work, int capacity) noexcept nogil:
    work.low = <double *>malloc(capacity * sizeof(double))
    work.high = <double *>malloc(capacity * sizeof(double))
    work.lower_hull = <int *>malloc(capacity * sizeof(int))
    work.upper_hull = <int *>malloc(capacity * sizeof(int))
    if work.low == NULL or work.high == NULL or work.lower_hull == NULL or work.upper_hull == NULL:
        return -1
    return 0


cdef void fitter_free(fitter *work) noexcept nogil:
    free(work.low)
    free(work.high)
    free(work.lower_hull)
    free(work.upper_hull)


cdef struct line_fit:
    # The steepest and flattest lines through all segments so far: y = at + slope (x - x0).
    double steep, steep_x, steep_y
    double flat, flat_x, flat_y
    int lower_first, lower_next   # hull of segments' lower ends, as indices of low
    int upper_first, upper_next   # hull of their upper ends, as indices of high


cdef inline double abscissa(int i) noexcept nogil:
    return 0.5 * i


cdef inline void steepen(fitter *work, line_fit *fit, int i) noexcept nogil:
    """The steepest line must come down to segment i's upper end: it turns about the hull of lower ends."""
    cdef double x = abscissa(i), y = work.high[i], slope, other
    cdef int k = fit.lower_first, j
    slope = (y - work.low[work.lower_hull[k]]) / (x - abscissa(work.lower_hull[k]))
    while k + 1 < fit.lower_next:
        j = work.lower_hull[k + 1]
        other = (y - work.low[j]) / (x - abscissa(j))
        if other > slope:
            break
        slope = other
        k += 1
    fit.lower_first = k
    fit.steep, fit.steep_x, fit.steep_y = slope, x, y


cdef inline void flatten(fitter *work, line_fit *fit, int i) noexcept nogil:
    """The flattest line must rise to segment i's lower end: it turns about the hull of upper ends."""
    cdef double x = abscissa(i), y = work.low[i], slope, other
    cdef int k = fit.upper_first, j
    slope = (y - work.high[work.upper_hull[k]]) / (x - abscissa(work.upper_hull[k]))
    while k + 1 < fit.upper_next:
        j = work.upper_hull[k + 1]
        other = (y - work.high[j]) / (x - abscissa(j))
        if other < slope:
            break
        slope = other
        k += 1
    fit.upper_first = k
    fit.flat, fit.flat_x, fit.flat_y = slope, x, y


cdef inline void extend_lower(fitter *work, line_fit *fit, int i) noexcept nogil:
    """Keep the upper convex hull of lower ends."""
    cdef int a, b
    while fit.lower_next - fit.lower_first >= 2:
        a, b = work.lower_hull[fit.lower_next - 2], work.lower_hull[fit.lower_next - 1]
        if (work.low[b] - work.low[a]) * (i - a) > (work.low[i] - work.low[a]) * (b - a):
            break
        fit.lower_next -= 1
    work.lower_hull[fit.lower_next] = i
    fit.lower_next += 1


cdef inline void extend_upper(fitter *work, line_fit *fit, int i) noexcept nogil:
    """Keep the lower convex hull of upper ends."""
    cdef int a, b
    while fit.upper_next - fit.upper_first >= 2:
        a, b = work.upper_hull[fit.upper_next - 2], work.upper_hull[fit.upper_next - 1]
        if (work.high[b] - work.high[a]) * (i - a) < (work.high[i] - work.high[a]) * (b - a):
            break
        fit.upper_next -= 1
    work.upper_hull[fit.upper_next] = i
    fit.upper_next += 1


cdef bint stab(fitter *work, line_fit *fit, int i) noexcept nogil:
    """Take segment i into the fit; False when no line passes through it too."""
    cdef double x = abscissa(i), steepest, flattest
    if i == 0:
        work.lower_hull[0] = work.upper_hull[0] = 0
        fit.lower_first = fit.upper_first = 0
        fit.lower_next = fit.upper_next = 1
        return True
    if i == 1:
        steepen(work, fit, 1)
        flatten(work, fit, 1)
    else:
        steepest = fit.steep_y + fit.steep * (x - fit.steep_x)
        flattest = fit.flat_y + fit.flat * (x - fit.flat_x)
        if steepest < work.low[i] or flattest > work.high[i]:
            return False
        if steepest > work.high[i]:
            steepen(work, fit, i)
        if flattest < work.low[i]:
            flatten(work, fit, i)
    extend_lower(work, fit, i)
    extend_upper(work, fit, i)
    return True


cdef inline void set_segment(fitter *work, const double *due, int i, double before, double base,
                             double early) noexcept nogil:
    """Segment of pending step i, in ticks per step since base."""
    cdef double share = 1. / (i + 1), since = due[i - 1] if i > 0 else before
    # Due times are sums of doubles: what misses a whole tick by rounding is meant to be one.
    cdef double last = floor(due[i] + NOISE)
    cdef double first = ceil(due[i] - fmin(early, 0.5 * (due[i] - since)) - NOISE)
    work.high[i] = (last - base) * share
    work.low[i] = (fmin(first, last) - base) * share


cdef int round_fit(const fitter *work, int count, double add, double *interval) noexcept nogil:
    """How many segments a line of this whole slope can stab from a whole height; sets the height."""
    cdef double least = 0., greatest = 4294967295., y
    cdef int i
    for i in range(count):
        y = add * abscissa(i)
        least = fmax(least, work.low[i] - y)
        greatest = fmin(greatest, work.high[i] - y)
        if greatest - least < 1. and floor(greatest + ROUNDING) < least - ROUNDING:
            return i
        interval[0] = floor(greatest + ROUNDING)
    return count


cdef int round_best(const fitter *work, int count, double slope, stepped_line *line) noexcept nogil:
    """The longest that either whole slope next to a slope can stab; sets the line."""
    cdef double add = fmin(fmax(floor(slope + 0.5), LEAST_ADD), GREATEST_ADD), interval = 0.
    cdef double other = add + (1. if add < slope else -1.)
    cdef int longest = round_fit(work, count, add, &interval), second
    line.add = <int16_t>add
    line.interval = <uint32_t>interval
    if longest < count and LEAST_ADD <= other <= GREATEST_ADD:
        second = round_fit(work, count, other, &interval)
        if second > longest:
            longest = second
            line.add = <int16_t>other
            line.interval = <uint32_t>interval
    if longest == 1:
        line.add = 0
    return longest


cdef int fit_longest(fitter *work, const double *due, int waiting, double before, uint64_t base, double early,
                     bint partial, stepped_line *line) noexcept nogil:
    cdef line_fit fit
    cdef int count = 0, longest
    memset(&fit, 0, sizeof(fit))
    while count < waiting:
        set_segment(work, due, count, before, <double>base, early)
        if not stab(work, &fit, count):
            break
        count += 1
    if count == waiting and not partial:
        return 0
    longest = round_best(work, count, 0.5 * (fit.steep + fit.flat), line)
    return longest if longest > 0 else -1
