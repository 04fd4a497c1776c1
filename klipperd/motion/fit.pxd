# A long run of steps that one queue_step can make.
from libc.stdint cimport int16_t, uint32_t, uint64_t

cdef struct stepped_line:
    uint32_t interval         # ticks from the base to the first step
    int16_t add               # ticks by which the interval grows after each step

# A run of the waiting steps, as long as one queue_step can make it. due: when they are due (ticks), and at
# due[-1] when the step before was. Each step comes at most early ticks (and half the time since the one
# before) too soon and never late. base: ticks at which the step before was sent to happen. Fills line and
# returns the length; 0 when partial is False and all that wait fit, so that more might; -1 when not even one
# step fits.
cdef int fit_longest(const double *due, int waiting, uint64_t base, double early, bint partial,
                     stepped_line *line) noexcept nogil
