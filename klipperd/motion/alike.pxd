# Motors that are shaped alike: their motion is put together once.
from klipperd.motion.motor cimport motor_state

# Whether the same pieces, up to wherever, serve two motors with a curved coordinate.
cdef bint shaped_alike(const motor_state *a, const motor_state *b) noexcept nogil
# The same as solve_shaped of each, for motors that are alike; it may end sooner, see their solved_until.
# failed: the one whose code it is.
cdef int solve_alike(motor_state **motors, int count, double until, int *failed) noexcept nogil
