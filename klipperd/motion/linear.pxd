# Steps of motors whose coordinate is a weighted sum of x, y and z: closed form.
from klipperd.motion.motor cimport motor_state

# Solve and push all steps up to until (s); 0 or a negative solve_code or compress_code.
cdef int solve_linear(motor_state *motor, double until) noexcept nogil
