# Lookahead: moves that wait for their speeds. S stands for a squared speed (mm^2/s^2) throughout.
from libc.stdint cimport int64_t

from klipperd.motion.further cimport FURTHER_MOST, further_axis, further_move
from klipperd.motion.limits cimport MoveCheck, extruder_limits, move_fault, planner_limits
from klipperd.motion.plan cimport planned_move
from klipperd.motion.trapq cimport MotionQueue

# What take_back() restores; valid until the next plan().
cdef struct savepoint:
    int64_t count
    double where[4]
    double further[FURTHER_MOST]
    double pending
    double unexamined

cdef class Lookahead:
    cdef planned_move *moves
    cdef int64_t count            # moves that wait
    cdef int64_t capacity
    cdef int64_t flushed          # moves planned since the start
    cdef int64_t examine_at       # count from which on a lazy flush is worth while
    cdef int64_t mark_at          # moves planned since the start when the next mark is reached
    cdef int64_t source           # where later moves come from, see trapezoid.source
    cdef double entry_s           # S at which the first waiting move begins
    cdef double where[4]          # mm, where the last move added ends
    cdef double pending           # s, lower bound of what waits
    cdef double unexamined        # s, lower bound of what came since the last lazy flush
    cdef planner_limits limit
    cdef extruder_limits extruder
    cdef int axes                 # of further ones
    cdef further_axis further_axes[FURTHER_MOST]
    cdef double further[FURTHER_MOST]   # mm, where the last move added ends
    cdef further_move *others     # beside `moves` while there are further axes, else NULL
    cdef list further_queues
    cdef MoveCheck reach          # limits beyond those of single axes, or None
    cdef MotionQueue queue
    cdef dict extruders           # queues that waiting moves point to
    cdef list marks               # (mark, moves planned since the start when it is reached)
    cdef list reached             # (mark, print_time)
    cdef bint has_reached         # whether that holds any
    cdef int64_t next_mark
    # The fast path: 0, or -1 with fault filled and nothing changed. target: x y z e and all further axes.
    cdef int add(self, const double *target, double speed, move_fault *fault) noexcept nogil
    cdef int admit(self, planned_move *move, double speed, move_fault *fault) noexcept nogil
    # Whether enough has come since the last lazy flush for another one.
    cdef bint is_due(self) noexcept nogil
    # Plan what is settled (lazy) or everything; print_time becomes the end. 0, or -1 when memory is out.
    cdef int plan(self, double *print_time, bint lazy) noexcept nogil
    cdef void keep(self, savepoint *kept) noexcept nogil
    cdef void take_back(self, const savepoint *kept) noexcept nogil
    cdef int64_t settled(self) noexcept nogil
    cdef int emit(self, int64_t count, double end_s, double *print_time) noexcept nogil
    cdef void join(self, planned_move *move) noexcept nogil
    cdef int enlarge(self) noexcept nogil
    cdef int need_rest(self) except -1
    cdef void drop(self, int64_t count, double end_s) noexcept nogil
    cdef int reach_marks(self, int64_t planned, double print_time) except -1
