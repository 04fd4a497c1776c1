# Speeds of a sequence of moves. S stands for a squared speed (mm^2/s^2) throughout.
from libc.stdint cimport int64_t

from klipperd.motion.trapq cimport motion_queue, trapezoid

# What bounded a move. trapezoid.limits holds three of them: of its peak speed, of its acceleration, of the
# corner at which it begins.
cdef enum limit_reason:
    LIMIT_NONE = 0
    LIMIT_ASKED = 1           # the speed that was asked for
    LIMIT_VELOCITY = 2        # max_velocity
    LIMIT_AXIS = 3            # an axis' own limit
    LIMIT_EXTRUDER = 4        # the extruder's limits
    LIMIT_ACCEL = 5           # max_accel; as for the peak: there was no room to speed up further
    LIMIT_CRUISE_RATIO = 6    # minimum_cruise_ratio
    LIMIT_CORNER = 7          # square corner velocity
    LIMIT_CIRCLE = 8          # the circle that touches both moves
    LIMIT_STOP = 9            # the machine stops there

cdef struct planned_move:
    double start[4]           # mm: x y z e
    double end[4]             # mm
    double direction[3]       # of the path in x y z, unit length; 0 when only e moves
    double e_ratio            # mm of e per mm of path, signed
    double distance           # mm along the path (of e when nothing else moves)
    double accel              # mm/s^2
    double corner             # as in planner_limits
    double instant_velocity   # mm/s, of its extruder
    double advance            # s
    double cruise_s           # S that limits allow within the move
    double least_time         # s, at that speed
    double junction_s         # S that limits allow where it begins
    double reach_s            # S reachable there with the smoothed acceleration
    double rise               # 2 * accel * distance: what S can gain
    double smooth_rise        # the same under the smoothed acceleration, accel * (1 - cruise ratio)
    double smooth_s           # plan under the smoothed acceleration: S at its start
    double cap_s              # S that the minimum cruise ratio leaves within the move
    double start_s            # the plan: S at its start
    motion_queue *extruder    # where e goes; NULL when e rests
    int64_t source            # see trapezoid.source
    int kinematic             # 1 when x, y or z move
    int speed_by              # limit_reason of cruise_s
    int accel_by              # of accel
    int corner_by             # of junction_s

# Length and direction of a move from its start and end; without x, y, z its length is that of e, or `other`
# mm if that is more: the longest way of a further axis.
cdef void measure(planned_move *move, double other) noexcept nogil
# S allowed between two moves by limits alone, neither knowing the rest of the path; fills after.corner_by.
cdef double junction_limit(const planned_move *before, planned_move *after) noexcept nogil
# Fill start_s and cap_s of count moves; the first begins at entry_s, the last ends at end_s.
cdef void plan_speeds(planned_move *moves, int64_t count, double entry_s, double end_s) noexcept nogil
# Speeds, times and limits of a planned move that ends at end_s; start_v is the square root of its start_s.
cdef void shape_trapezoid(const planned_move *move, double start_v, double end_s,
                          trapezoid *shape) noexcept nogil
# Append a planned move's path, and its extrusion, to their queues; 0, or -1 when memory is out.
cdef int emit_path(motion_queue *queue, const planned_move *move, trapezoid *shape) noexcept nogil
cdef int emit_extrusion(const planned_move *move, trapezoid *shape) noexcept nogil
