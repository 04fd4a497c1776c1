"""Steps of motors whose coordinate is a weighted sum of x, y and z (cartesian, corexy, plain extruder).

Along one trapezoid such a coordinate never turns, so the steps of a move are the thresholds between
its ends, and each one's time is a root of a quadratic in closed form.
"""

from libc.math cimport fabs, sqrt

from klipperd.motion.motor cimport (
    GRAZE,
    SOLVE_BROKEN,
    SOLVE_EXPIRED,
    SOLVE_OK,
    motor_state,
    next_threshold,
    take_step,
)
from klipperd.motion.trapq cimport (
    TRAPEZOID_JUMP,
    TRAPEZOID_MOVE,
    queue_at,
    trapezoid,
    trapezoid_time,
)

cdef double BROKEN = 1e-6         # mm between the end of a move and the start of the next

cdef struct stretch:
    double accel_d                # mm
    double decel_d                # mm
    double time                   # s


cdef inline double weigh(const motor_state *motor, const double *where) noexcept nogil:
    return motor.weights[0] * where[0] + motor.weights[1] * where[1] + motor.weights[2] * where[2]


cdef inline double ramp_time(double speed, double accel, double distance) noexcept nogil:
    """Time to go a distance from a speed, gaining speed; this form of the root loses no digits."""
    return 2. * distance / (speed + sqrt(speed * speed + 2. * accel * distance))


cdef inline double time_at(const trapezoid *move, const stretch *parts, double done,
                           double left) noexcept nogil:
    """Time at which done mm of the path lie behind and left mm ahead."""
    if done <= 0.:
        return 0.
    if left <= 0.:
        return parts.time
    if done < parts.accel_d:
        return ramp_time(move.start_v, move.accel, done)
    if left > parts.decel_d:
        return move.accel_t + (done - parts.accel_d) / move.cruise_v
    # Slowing down is solved backwards from the end, which is known exactly.
    return parts.time - ramp_time(move.end_v, move.accel, left)


cdef int solve_move(motor_state *motor, const trapezoid *move, double until) noexcept nogil:
    """Steps of one move up to a time."""
    cdef double start = weigh(motor, move.start), end = weigh(motor, move.end), scale, threshold, t
    cdef int direction = 1 if end > start else -1, code
    cdef stretch parts
    if end == start:
        return SOLVE_OK
    threshold = next_threshold(motor, direction)
    scale = move.distance / (end - start)
    parts.accel_d = 0.5 * (move.start_v + move.cruise_v) * move.accel_t
    parts.decel_d = 0.5 * (move.end_v + move.cruise_v) * move.decel_t
    parts.time = trapezoid_time(move)
    while (end - threshold) * direction >= GRAZE:
        t = move.print_time + time_at(move, &parts, (threshold - start) * scale, (end - threshold) * scale)
        if t > until:
            break
        code = take_step(motor, t, direction)
        if code < 0:
            return code
        threshold = next_threshold(motor, direction)
    return SOLVE_OK


cdef int solve_linear(motor_state *motor, double until) noexcept nogil:
    cdef const trapezoid *move
    cdef double start
    cdef int code
    if motor.cursor < motor.queue.first:
        return SOLVE_EXPIRED
    while motor.cursor < motor.queue.next:
        move = queue_at(motor.queue, motor.cursor)
        if move.print_time > until:
            break
        start = weigh(motor, move.start)
        if move.kind == TRAPEZOID_JUMP:
            motor.offset += start - motor.where
            motor.where = start
        elif move.kind == TRAPEZOID_MOVE:
            if fabs(start - motor.where) > BROKEN:
                return SOLVE_BROKEN
            code = solve_move(motor, move, until)
            if code < 0:
                return code
            if move.print_time + trapezoid_time(move) > until:
                break
            motor.where = weigh(motor, move.end)
        motor.cursor += 1
    return SOLVE_OK
