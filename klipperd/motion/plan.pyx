"""The mathematics of lookahead: which speeds a sequence of moves can have.

All of it works on S = v^2, which is linear in distance under constant acceleration. See
docs/motion.md for the formulas.
"""

from libc.math cimport INFINITY, fabs, sqrt
from libc.stdint cimport int64_t

from klipperd.motion.limits cimport SHORTEST
from klipperd.motion.trapq cimport motion_queue, queue_append, queue_at, trapezoid

cdef double NO_ANGLE = 1e-9       # rad; a smaller turn is the rounding of coordinates
cdef double AT_LIMIT = 1e-12      # relative; a junction's speed nearer to its limit than this is at it
cdef double ROUNDING = 1e-9       # relative; speeds closer than this count as equal


cdef void measure(planned_move *move, double other) noexcept nogil:
    """Length and direction of a move; without x, y, z its length is that of e or another axis."""
    cdef double d2 = 0., length = move.end[3] - move.start[3], scale
    cdef int axis
    for axis in range(3):
        move.direction[axis] = move.end[axis] - move.start[axis]
        d2 += move.direction[axis] * move.direction[axis]
    move.distance = sqrt(d2)
    move.kinematic = move.distance >= SHORTEST
    if move.kinematic:
        scale = 1. / move.distance
        for axis in range(3):
            move.direction[axis] *= scale
        move.e_ratio = length * scale
        return
    move.distance = max(fabs(length), other)
    for axis in range(3):
        move.direction[axis] = 0.
        move.end[axis] = move.start[axis]
    move.e_ratio = length / move.distance if move.distance > 0. else 0.


cdef inline void cap(double *limit, int *by, double value, int why) noexcept nogil:
    if value < limit[0]:
        limit[0] = value
        by[0] = why


cdef inline double speed_jump(double instant_velocity, double jump) noexcept nogil:
    """S at which a jump of e per mm is one of instant_velocity."""
    return INFINITY if jump == 0. else instant_velocity * instant_velocity / (jump * jump)


cdef double extruder_limit(const planned_move *before, const planned_move *after) noexcept nogil:
    cdef const planned_move *moving = before if after.extruder == NULL else after
    if before.extruder == after.extruder or before.extruder == NULL or after.extruder == NULL:
        return speed_jump(moving.instant_velocity, before.e_ratio - after.e_ratio)
    return min(speed_jump(before.instant_velocity, before.e_ratio),
               speed_jump(after.instant_velocity, after.e_ratio))


cdef double junction_limit(const planned_move *before, planned_move *after) noexcept nogil:
    cdef double limit = min(before.cruise_s, after.cruise_s)
    # theta is the angle that the path encloses at the corner: pi when it goes straight on. Its half's sine
    # and cosine come from sum and difference of the directions, since each is exact where the other is not.
    cdef double sine = 0., cosine = 0., sum, difference, circle
    cdef int axis
    after.corner_by = LIMIT_STOP
    if not (before.kinematic and after.kinematic):
        return 0.
    for axis in range(3):
        sum = before.direction[axis] + after.direction[axis]
        difference = before.direction[axis] - after.direction[axis]
        sine += sum * sum
        cosine += difference * difference
    if sine < 4. * NO_ANGLE * NO_ANGLE:
        return 0.
    after.corner_by = LIMIT_NONE
    if cosine > 4. * NO_ANGLE * NO_ANGLE:
        circle = 0.25 * sqrt(sine / cosine)     # a d times twice that is a d sin / (2 cos)
        cap(&limit, &after.corner_by, circle * min(before.rise, after.rise), LIMIT_CIRCLE)
        # sine / (1 - sine), without the subtraction
        sum = 0.5 * sqrt(sine)
        cap(&limit, &after.corner_by,
            min(before.corner, after.corner) * sum * (1. + sum) / (0.25 * cosine), LIMIT_CORNER)
    cap(&limit, &after.corner_by, extruder_limit(before, after), LIMIT_EXTRUDER)
    return limit


cdef void smooth_backward(planned_move *moves, int64_t count, double end_s) noexcept nogil:
    """The plan under the smoothed acceleration, as far as it begins with reach_s known."""
    cdef double s = end_s
    cdef int64_t i
    for i in range(count - 1, -1, -1):
        s = min(moves[i].reach_s, s + moves[i].smooth_rise)
        moves[i].smooth_s = s


cdef inline bint above(double s, double other) noexcept nogil:
    return s > other * (1. + ROUNDING) + 1e-15


cdef void cap_peaks(planned_move *moves, int64_t count, double end_s) noexcept nogil:
    """Cap each rise and fall at the peak that it has under the smoothed acceleration.

    Moves belong together while the speed keeps rising, or keeps falling, from one to the next. A junction
    passed as fast as its limits allow parts them: what is settled (Lookahead.settled) then depends on
    nothing beyond it.
    """
    cdef int64_t first = 0, i, j
    cdef double before, after, peak = 0., group = 0.
    cdef bint up, down, apart, was_up = False, was_down = False
    for i in range(count):
        before = moves[i].smooth_s
        after = moves[i + 1].smooth_s if i + 1 < count else end_s
        peak = min(moves[i].cruise_s, 0.5 * (before + after + moves[i].smooth_rise))
        peak = max(peak, max(before, after))
        up, down = above(peak, before), above(peak, after)
        apart = before >= moves[i].junction_s * (1. - AT_LIMIT)
        if i > first and (apart or not ((was_up and not was_down and up) or (was_down and not up and down))):
            for j in range(first, i):
                moves[j].cap_s = group
            first, group = i, 0.
        group = max(group, peak)
        was_up, was_down = up, down
    for j in range(first, count):
        moves[j].cap_s = group


cdef void plan_speeds(planned_move *moves, int64_t count, double entry_s, double end_s) noexcept nogil:
    cdef int64_t i
    cdef double s
    smooth_backward(moves, count, end_s)
    cap_peaks(moves, count, end_s)
    s = moves[0].start_s = entry_s
    for i in range(1, count):
        s += moves[i - 1].rise
        s = min(min(s, moves[i].junction_s), min(moves[i - 1].cap_s, moves[i].cap_s))
        moves[i].start_s = s
    s = end_s
    for i in range(count - 1, 0, -1):
        s = min(moves[i].start_s, s + moves[i].rise)
        moves[i].start_s = s


cdef void shape_trapezoid(const planned_move *move, double start_v, double end_s,
                          trapezoid *shape) noexcept nogil:
    """Speeds, times and limits of a planned move that ends at end_s."""
    cdef double start_s = move.start_s, accel_d, decel_d, cruise_d, scale = 0.5 / move.accel
    cdef double peak = move.cruise_s
    cdef int peak_by = move.speed_by
    cap(&peak, &peak_by, move.cap_s, LIMIT_CRUISE_RATIO)
    cap(&peak, &peak_by, 0.5 * (start_s + end_s + move.rise), LIMIT_ACCEL)
    peak = max(peak, max(start_s, end_s))
    shape.limits = peak_by | move.accel_by << 4 | move.corner_by << 8
    accel_d = (peak - start_s) * scale
    decel_d = (peak - end_s) * scale
    cruise_d = move.distance - accel_d - decel_d
    shape.start_v, shape.cruise_v, shape.end_v = start_v, sqrt(peak), sqrt(end_s)
    shape.accel = move.accel
    shape.distance = move.distance
    shape.accel_t = 2. * accel_d / (shape.start_v + shape.cruise_v)
    shape.decel_t = 2. * decel_d / (shape.end_v + shape.cruise_v)
    # A remainder of rounding is no cruise.
    shape.cruise_t = cruise_d / shape.cruise_v if cruise_d > 1e-12 * move.distance else 0.


cdef int emit_path(motion_queue *queue, const planned_move *move, trapezoid *shape) noexcept nogil:
    cdef int axis
    for axis in range(3):
        shape.start[axis] = move.start[axis]
        shape.end[axis] = move.end[axis]
    shape.source = move.source
    return queue_append(queue, shape)


cdef int emit_extrusion(const planned_move *move, trapezoid *shape) noexcept nogil:
    cdef double scale = fabs(move.e_ratio)
    cdef int axis
    for axis in range(1, 3):
        shape.start[axis] = shape.end[axis] = 0.
    if move.extruder.split and move.extruder.next > move.extruder.first:
        # Squares of the direction add up to 1: with these shares e is moved along x, y and z.
        for axis in range(1, 3):
            shape.start[axis] = queue_at(move.extruder, move.extruder.next - 1).end[axis]
            shape.end[axis] = shape.start[axis]
            if move.kinematic:
                shape.end[axis] += move.direction[axis - 1] ** 2 * (move.end[3] - move.start[3])
    shape.start[0] = move.start[3]
    shape.end[0] = move.end[3]
    shape.start_v *= scale
    shape.cruise_v *= scale
    shape.end_v *= scale
    shape.accel *= scale
    shape.distance = fabs(move.end[3] - move.start[3])
    shape.advance = move.advance
    shape.source = move.source
    return queue_append(move.extruder, shape)
