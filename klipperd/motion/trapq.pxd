# The motion queue: trapezoids of speed along straight lines, in order of print_time.
from libc.stdint cimport int64_t

from klipperd.motion.gate cimport work_gate

cdef enum trapezoid_kind:
    TRAPEZOID_MOVE = 0
    TRAPEZOID_JUMP = 1       # coordinates change without motion; start == end == the new position
    TRAPEZOID_VOID = 2       # was dropped by a later set_position; keeps its index

cdef struct trapezoid:
    double print_time        # s, when it begins
    double accel_t           # s of speeding up
    double cruise_t          # s at constant speed
    double decel_t           # s of slowing down
    double start_v           # mm/s along the path
    double cruise_v          # mm/s
    double end_v             # mm/s
    double accel             # mm/s^2, magnitude in the first and last phase
    double distance          # mm along the path
    double start[3]          # mm
    double end[3]            # mm
    double advance           # s of pressure advance (an extruder's queue)
    int kind                 # trapezoid_kind
    int limits               # what bounded it, see plan.pxd: peak | accel << 4 | corner << 8
    int64_t source           # byte of the G-code source at which its line begins, -1 when unknown

cdef struct motion_queue:
    trapezoid *ring          # capacity is mask + 1, a power of two
    int64_t mask
    int64_t first            # index of the oldest trapezoid; indices only grow
    int64_t next             # one past the newest
    double end_time          # s, when the newest ends
    work_gate *gate          # to wait at before it is changed; NULL: nobody else reads it
    int split                # 1, an extruder's: x is e, y what of it is for the machine's x, z for its y

cdef inline trapezoid *queue_at(const motion_queue *queue, int64_t index) noexcept nogil:
    return &queue.ring[index & queue.mask]

cdef inline double trapezoid_time(const trapezoid *move) noexcept nogil:
    return move.accel_t + move.cruise_t + move.decel_t

# Append a copy; returns 0, or -1 when memory is out.
cdef int queue_append(motion_queue *queue, const trapezoid *move) noexcept nogil
# Index of the trapezoid under way or last before print_time; queue.first - 1 when there is none.
cdef int64_t queue_find(const motion_queue *queue, double print_time) noexcept nogil
# Distance from the start (mm) and speed (mm/s) t seconds into a move, t within [0, its duration].
cdef double trapezoid_distance(const trapezoid *move, double t) noexcept nogil
cdef double trapezoid_speed(const trapezoid *move, double t) noexcept nogil

cdef class MotionQueue:
    cdef motion_queue queue
    cdef double history      # s
    cdef object workers      # keeps the work_gate alive
    cdef int position(self, double print_time, double *where) except -1
