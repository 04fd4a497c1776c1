# The longest run of steps that one queue_step can make.
from libc.stdint cimport int16_t, uint32_t, uint64_t

# Scratch of a fit, of a capacity given to fitter_init.
cdef struct fitter:
    double *low               # ticks per step since the base: least slope to each pending step
    double *high              # likewise greatest
    int *lower_hull           # indices of low
    int *upper_hull           # indices of high

cdef struct stepped_line:
    uint32_t interval         # ticks from the base to the first step
    int16_t add               # ticks by which the interval grows after each step

cdef int fitter_init(fitter *work, int capacity) noexcept nogil
cdef void fitter_free(fitter *work) noexcept nogil
# The longest run of the waiting steps that are due at these ticks, each at most early ticks (and half the
# time since the one before) too soon and never late; before is when the step before the first was due, base
# when it was sent to happen. Fills line and returns the length; 0 when partial is False and all that wait
# fit, so that more might; -1 when not even one step fits.
cdef int fit_longest(fitter *work, const double *due, int waiting, double before, uint64_t base, double early,
                     bint partial, stepped_line *line) noexcept nogil
