"""Axes that move together with x, y, z, e."""

from libc.math cimport INFINITY, fabs

from klipperd.motion.limits cimport FAULT_RANGE, FURTHER, limit_speed, move_fault, refuse
from klipperd.motion.plan cimport LIMIT_AXIS, planned_move
from klipperd.motion.trapq cimport queue_append, trapezoid


cdef double further_distance(const double *where, const double *target, int count) noexcept nogil:
    cdef double longest = 0.
    cdef int k
    for k in range(count):
        longest = max(longest, fabs(target[k] - where[k]))
    return longest


cdef int further_check(const further_axis *axes, int count, const double *where, const double *target,
                       move_fault *fault) noexcept nogil:
    cdef int k
    for k in range(count):
        if target[k] != where[k] and not axes[k].minimum <= target[k] <= axes[k].maximum:
            return refuse(fault, FAULT_RANGE, FURTHER + k, target[k], axes[k].minimum, axes[k].maximum)
    return 0


cdef void further_measure(const further_axis *axes, int count, const double *where, const double *target,
                          planned_move *move, further_move *others) noexcept nogil:
    cdef double share
    cdef int k
    others.moving = 0
    for k in range(count):
        others.start[k] = where[k]
        others.end[k] = target[k]
        others.ratio[k] = (target[k] - where[k]) / move.distance
        share = fabs(others.ratio[k])
        if share > 0.:
            others.moving |= <uint32_t>1 << k
            limit_speed(move, axes[k].velocity / share, axes[k].accel / share, LIMIT_AXIS)


cdef double further_limit(const further_axis *axes, int count, const further_move *before,
                          const further_move *after) noexcept nogil:
    cdef double limit = INFINITY, jump
    cdef int k
    for k in range(count):
        jump = fabs(before.ratio[k] - after.ratio[k])
        if jump > 0.:
            limit = min(limit, (axes[k].instant_velocity / jump) ** 2)
    return limit


cdef int further_emit(const further_axis *axes, int count, const further_move *others,
                      const trapezoid *shape) noexcept nogil:
    cdef trapezoid scaled
    cdef double share
    cdef int k, axis
    for k in range(count):
        if not others.moving >> k & 1:
            continue
        scaled = shape[0]
        share = fabs(others.ratio[k])
        for axis in range(1, 3):
            scaled.start[axis] = scaled.end[axis] = 0.
        scaled.start[0], scaled.end[0] = others.start[k], others.end[k]
        scaled.start_v *= share
        scaled.cruise_v *= share
        scaled.end_v *= share
        scaled.accel *= share
        scaled.distance = fabs(others.end[k] - others.start[k])
        scaled.advance = 0.
        if queue_append(axes[k].queue, &scaled) < 0:
            return -1
    return 0
