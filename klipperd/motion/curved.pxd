# Steps of motors whose coordinate is no weighted sum of x, y and z (see geometry.pxd).
# All take the steps that are due up to `until` (s) by the rules of motor.pxd; 0 or a negative solve_code
# or compress_code.
from klipperd.motion.motor cimport motor_state
from klipperd.motion.piece cimport motion_piece
from klipperd.motion.trapq cimport trapezoid

# Of one straight move.
cdef int solve_straight(motor_state *motor, const trapezoid *move, double until) noexcept nogil
# Of motion whose x, y and z are quadratic in time; leaves motor.where at its end.
cdef int solve_piece(motor_state *motor, const motion_piece *piece, double until) noexcept nogil
