# Steps of motors whose coordinate is a weighted sum of x, y and z, along unshaped moves: closed form.
from klipperd.motion.motor cimport motor_state
from klipperd.motion.trapq cimport trapezoid

cdef inline double weigh(const motor_state *motor, const double *where) noexcept nogil:
    return motor.weights[0] * where[0] + motor.weights[1] * where[1] + motor.weights[2] * where[2]

# Push all steps of a move up to until (s); 0 or a negative solve_code or compress_code.
cdef int solve_move(motor_state *motor, const trapezoid *move, double until) noexcept nogil
