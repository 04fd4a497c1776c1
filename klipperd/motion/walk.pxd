# From the queue to the solvers of single moves, for motors that nothing shapes or smooths.
from klipperd.motion.motor cimport motor_state

# Push all steps up to until (s); 0 or a negative solve_code or compress_code.
cdef int solve_queue(motor_state *motor, double until) noexcept nogil
