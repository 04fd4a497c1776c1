"""From the queue to the solvers of single moves, for motors that nothing shapes or smooths."""

from libc.math cimport fabs

from klipperd.motion.curved cimport solve_straight
from klipperd.motion.geometry cimport GEOMETRY_LINEAR, geometry_position
from klipperd.motion.linear cimport solve_move, weigh
from klipperd.motion.motor cimport SOLVE_BROKEN, SOLVE_EXPIRED, SOLVE_OK, motor_state
from klipperd.motion.trapq cimport TRAPEZOID_JUMP, TRAPEZOID_MOVE, queue_at, trapezoid, trapezoid_time

cdef double BROKEN = 1e-6         # mm between the end of a move and the start of the next


cdef inline double coordinate(const motor_state *motor, const double *where) noexcept nogil:
    if motor.shape.kind == GEOMETRY_LINEAR:
        return weigh(motor, where)
    return geometry_position(&motor.shape, where, motor.where)


cdef int solve_queue(motor_state *motor, double until) noexcept nogil:
    cdef const trapezoid *move
    cdef double start
    cdef int code
    if motor.cursor < motor.queue.first:
        return SOLVE_EXPIRED
    while motor.cursor < motor.queue.next:
        move = queue_at(motor.queue, motor.cursor)
        if move.print_time > until:
            break
        if move.kind == TRAPEZOID_JUMP:
            start = coordinate(motor, move.start)
            motor.offset += start - motor.where
            motor.where = start
        elif move.kind == TRAPEZOID_MOVE:
            if fabs(coordinate(motor, move.start) - motor.where) > BROKEN:
                return SOLVE_BROKEN
            if motor.shape.kind == GEOMETRY_LINEAR:
                code = solve_move(motor, move, until)
            else:
                code = solve_straight(motor, move, until)
            if code < 0:
                return code
            if move.print_time + trapezoid_time(move) > until:
                break
            motor.where = coordinate(motor, move.end)
        motor.cursor += 1
    return SOLVE_OK
