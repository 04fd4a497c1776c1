"""Steps of motors whose coordinate is a weighted sum of x, y and z (cartesian, corexy, plain extruder).

Along one trapezoid such a coordinate never turns, so the steps of a move are the thresholds between
its ends, and each one's time is a root of a quadratic in closed form.
"""

from libc.math cimport fabs

from klipperd.motion.linear cimport weigh
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.runs cimport rise, take_rise
from klipperd.motion.trapq cimport trapezoid


cdef int solve_move(motor_state *motor, const trapezoid *move, double until) noexcept nogil:
    cdef double start = weigh(motor, move.start), end = weigh(motor, move.end), scale, share
    cdef int direction = 1 if end > start else -1, code = SOLVE_OK
    cdef rise way
    if (end - next_threshold(motor, direction)) * direction < GRAZE:
        return SOLVE_OK
    share = (end - start) / move.distance      # mm of the motor per mm of path
    scale = fabs(share)
    way.begin, way.length = move.print_time, move.accel_t
    way.first = start
    if way.length > 0.:
        way.last = start + 0.5 * (move.start_v + move.cruise_v) * move.accel_t * share
        way.v_first, way.v_last, way.accel = move.start_v * scale, move.cruise_v * scale, move.accel * scale
        code = take_rise(motor, &way, until)
        way.begin += way.length
        way.first = way.last
    way.length = move.cruise_t
    if way.length > 0. and code == SOLVE_OK and way.begin <= until:
        way.last = end - 0.5 * (move.end_v + move.cruise_v) * move.decel_t * share
        way.v_first = way.v_last = move.cruise_v * scale
        way.accel = 0.
        code = take_rise(motor, &way, until)
        way.begin += way.length
        way.first = way.last
    way.length = move.decel_t
    if way.length > 0. and code == SOLVE_OK and way.begin <= until:
        way.last = end
        way.v_first, way.v_last, way.accel = move.cruise_v * scale, move.end_v * scale, move.accel * scale
        code = take_rise(motor, &way, until)
    return code
