# Lookahead: moves that wait for their speeds. S stands for a squared speed (mm^2/s^2) throughout.
from libc.stdint cimport int64_t

from klipperd.motion.limits cimport extruder_limits, move_fault, planner_limits
from klipperd.motion.plan cimport planned_move
from klipperd.motion.trapq cimport MotionQueue

cdef class Lookahead:
    cdef planned_move *moves
    cdef int64_t count            # moves that wait
    cdef int64_t capacity
    cdef int64_t flushed          # moves planned since the start
    cdef double entry_s           # S at which the first waiting move begins
    cdef double where[4]          # mm, where the last move added ends
    cdef double pending           # s, lower bound of what waits
    cdef double unexamined        # s, lower bound of what came since the last lazy flush
    cdef planner_limits limit
    cdef extruder_limits extruder
    cdef MotionQueue queue
    cdef dict extruders           # queues that waiting moves point to
    cdef list marks               # (mark, index of the move whose end it means)
    cdef list reached             # (mark, print_time)
    cdef int64_t next_mark
    # The fast path: 1 when a lazy flush is due, 0 when not, -1 with fault filled.
    cdef int add(self, const double *target, double speed, move_fault *fault) noexcept nogil
    cdef int64_t settled(self) noexcept nogil
    cdef int emit(self, int64_t count, double end_s, double *print_time) noexcept nogil
    cdef void join(self, planned_move *move) noexcept nogil
    cdef int enlarge(self) noexcept nogil
    cdef void drop(self, int64_t count, double end_s) noexcept
    cdef resolve_marks(self, int64_t count, double begin)
