# Quartics c[0] + c[1] u + ... + c[4] u^4 and their roots within bounds.
from libc.math cimport fabs

cdef inline double value_at(const double *c, double u) noexcept nogil:
    return c[0] + u * (c[1] + u * (c[2] + u * (c[3] + u * c[4])))

cdef inline double slope_at(const double *c, double u) noexcept nogil:
    return c[1] + u * (2. * c[2] + u * (3. * c[3] + u * 4. * c[4]))

# Half of the second derivative.
cdef inline double bend_at(const double *c, double u) noexcept nogil:
    return c[2] + u * (3. * c[3] + u * 6. * c[4])

# Whether the slope surely has the same sign in all of [0, length].
cdef inline bint is_steady(const double *c, double length) noexcept nogil:
    return fabs(c[1]) > length * (2. * fabs(c[2]) + length * (3. * fabs(c[3]) + length * 4. * fabs(c[4])))

# Where within (0, length) the slope changes sign, in order; fills turns (room for 3), returns how many.
cdef int find_turns(const double *c, double length, double *turns) noexcept nogil
# The u in [low, high] with value y, as in solve_monotone; quick when y is near to value(low).
cdef double solve_near(const double *c, double y, double low, double high) noexcept nogil
# The u in [low, high] with value y; the quartic must be monotone there and take y (or be closest at an end).
cdef double solve_monotone(const double *c, double y, double low, double high) noexcept nogil
