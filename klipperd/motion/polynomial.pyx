"""Roots of quartics within bounds: Newton's steps, kept inside a bracket by bisection."""

from libc.math cimport fabs, sqrt

from klipperd.motion.polynomial cimport bend_at, slope_at, value_at

cdef enum:
    MOST_STEPS = 100
    QUICK_STEPS = 4

cdef double EXACT = 1e-12         # s; a root is known well enough when it moves less


cdef double solve_monotone(const double *c, double y, double low, double high) noexcept nogil:
    cdef double first = value_at(c, low) - y, last = value_at(c, high) - y, u, error, slope, step
    cdef int _step
    # Rounding may put y just outside of the values at the ends.
    if first == 0. or (first > 0.) == (last > 0.):
        return low if fabs(first) <= fabs(last) else high
    u = low + (high - low) * first / (first - last)
    for _step in range(MOST_STEPS):
        error = value_at(c, u) - y
        if error == 0.:
            return u
        if (error > 0.) == (last > 0.):
            high = u
        else:
            low = u
        slope = slope_at(c, u)
        step = error / slope if slope != 0. else high - low
        if not (low < u - step < high):
            step = u - 0.5 * (low + high)
        u -= step
        if fabs(step) < EXACT:
            return u
    return u


cdef double solve_near(const double *c, double y, double low, double high) noexcept nogil:
    cdef double slope = slope_at(c, low), bend = bend_at(c, low), rise = y - value_at(c, low), u, step
    cdef double square = slope * slope + 4. * bend * rise, root
    cdef int _step
    if square > 0.:
        # As if it were a parabola from low on.
        root = sqrt(square)
        u = low + 2. * rise / (slope + root if slope > 0. else slope - root)
        for _step in range(QUICK_STEPS):
            if not low <= u <= high:
                break
            slope, bend = slope_at(c, u), bend_at(c, u)
            step = (value_at(c, u) - y) / slope
            u -= step
            # What is left is this times the square of the step.
            if fabs(bend) * step * step < EXACT * fabs(slope) and low <= u <= high:
                return u
    return solve_monotone(c, y, low, high)


cdef double slope_root(const double *c, double low, double high) noexcept nogil:
    """Zero of the slope, which changes sign once within the bounds."""
    cdef double derivative[5]
    derivative[0] = c[1]
    derivative[1] = 2. * c[2]
    derivative[2] = 3. * c[3]
    derivative[3] = 4. * c[4]
    derivative[4] = 0.
    return solve_monotone(derivative, 0., low, high)


cdef int curvature_roots(const double *c, double length, double *roots) noexcept nogil:
    """Zeros within (0, length) of 2 c2 + 6 c3 u + 12 c4 u^2, in order."""
    cdef double a = 12. * c[4], b = 6. * c[3], k = 2. * c[2], q, first, second
    cdef int count = 0
    q = b * b - 4. * a * k
    if q < 0.:
        return 0
    q = -0.5 * (b + (sqrt(q) if b >= 0. else -sqrt(q)))
    first = q / a if a != 0. else -1.
    second = k / q if q != 0. else -1.
    if first > second:
        first, second = second, first
    if 0. < first < length:
        roots[count] = first
        count += 1
    if 0. < second < length and second != first:
        roots[count] = second
        count += 1
    return count


cdef int find_turns(const double *c, double length, double *turns) noexcept nogil:
    cdef double bounds[4]
    cdef double before, after
    cdef int count = 1 + curvature_roots(c, length, &bounds[1]), found = 0, i
    bounds[0], bounds[count] = 0., length
    # Between neighbouring bounds the slope is monotone.
    for i in range(count):
        before, after = slope_at(c, bounds[i]), slope_at(c, bounds[i + 1])
        if (before < 0. < after) or (after < 0. < before):
            turns[found] = slope_root(c, bounds[i], bounds[i + 1])
            found += 1
    return found
