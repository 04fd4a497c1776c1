# Steps of motors whose coordinate is no weighted sum of x, y and z (see geometry.pxd).
# All take the steps that are due by the rules of motor.pxd; 0 or a negative solve_code or compress_code.
from klipperd.motion.motor cimport motor_state
from klipperd.motion.piece cimport piece_block
from klipperd.motion.trapq cimport trapezoid

# Of one straight move, up to `until` (s).
cdef int solve_straight(motor_state *motor, const trapezoid *move, double until) noexcept nogil
# Of motion whose x, y and z are quadratic in time. Leaves motor.where at its end only where it is no rod and
# no cable: theirs follows from x, y and z alone.
cdef int solve_pieces(motor_state *motor, const piece_block *pieces) noexcept nogil
