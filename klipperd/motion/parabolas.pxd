# Steps along short parabolas that follow one another: what shaping makes of a motor's coordinate.
from klipperd.motion.motor cimport motor_state
from klipperd.motion.piece cimport BLOCK

cdef struct parabolas:
    double begin[BLOCK]       # s, print_time
    double end[BLOCK]         # s
    double first[BLOCK]       # mm or rad, coordinate at the begin
    double last[BLOCK]        # at the end
    double rate[BLOCK]        # mm/s or rad/s at the begin
    double bend[BLOCK]        # mm/s^2 or rad/s^2, half the second derivative
    double cubic[BLOCK]       # mm/s^3 or rad/s^3; small: of u (u - length / 2) (u - length), which is added

# Push all steps from parabola i up to before `after`; 0 or a negative solve_code or compress_code.
cdef int take_parabolas(motor_state *motor, parabolas *p, int i, int after) noexcept nogil
