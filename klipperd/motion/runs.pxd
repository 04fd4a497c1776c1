# Runs of steps along motion that is quadratic in time and does not turn: closed form, in vectors.
from klipperd.motion.motor cimport motor_state

cdef struct rise:
    double begin              # s, print_time
    double length             # s
    double first              # mm, coordinate at the begin
    double last               # mm, at the end
    double v_first            # mm/s towards the end, at the begin; not negative
    double v_last             # mm/s at the end
    double accel              # mm/s^2, magnitude

# Push all steps up to until (s); 0 or a negative solve_code or compress_code.
cdef int take_rise(motor_state *motor, const rise *way, double until) noexcept nogil
# The same for c[0] + c[1] u + c[2] u^2 (mm) from begin (s) on, u = 0 to length (s), which may turn.
cdef int take_quadratic(motor_state *motor, double begin, const double *c, double length,
                        double until) noexcept nogil
