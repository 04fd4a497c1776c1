# Steps of an extruder with pressure advance, smoothed by a triangular window.
from klipperd.motion.motor cimport motor_state, smoothing_window

# Begin at print_time t, at rest, with a window of 2 * half seconds; 0 or SOLVE_MEMORY.
cdef int window_open(smoothing_window *window, double half, double t, double where) noexcept nogil
cdef void window_close(smoothing_window *window) noexcept nogil
# Solve and push all steps up to until (s); the queue must be complete up to until + half.
cdef int solve_smoothed(motor_state *motor, double until) noexcept nogil
