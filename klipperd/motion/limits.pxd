# What a move may be: limits of the planner and of the active extruder, and why a move was refused.
from klipperd.motion.plan cimport planned_move
from klipperd.motion.trapq cimport motion_queue

# Why a move was refused (move_fault.code).
cdef enum fault_code:
    FAULT_NONE = 0
    FAULT_NUMBER = 1          # value is no number that a coordinate or speed can have
    FAULT_NOT_HOMED = 2
    FAULT_RANGE = 3           # value outside of [minimum, maximum]
    FAULT_NO_EXTRUDER = 4
    FAULT_COLD = 5
    FAULT_ONLY_DISTANCE = 6   # |e| = value above maximum
    FAULT_CROSS_SECTION = 7   # e per mm = value above maximum
    FAULT_MEMORY = 8
    FAULT_REACH = 9           # value (mm, of what `reach` names) above maximum
    FAULT_FEEDRATE = 10       # an F word of value
    FAULT_PYTHON = 11         # a transform written in Python raised; it keeps the exception
    FAULT_JOINT = 13          # value: mm from the shoulder of arm `axis` to its joint at the head
    FAULT_ANGLE = 14          # value: rad at which arm `axis` would stand, above maximum
    FAULT_ARC = 12            # an arc that does not exist; see gcode/arc.pxd for `axis`

cdef enum:
    FURTHER = 5               # move_fault.axis of the first further axis

cdef struct move_fault:
    int code                  # fault_code
    int axis                  # 0..3 = x y z e, 4 = speed, 5.. = further axes
    double value
    double minimum
    double maximum
    double target[3]          # mm: x y z that were asked of the planner

# What the active extruder allows; copied when it changes.
cdef struct extruder_limits:
    motion_queue *queue       # NULL: no extruder
    int enabled               # 0: too cold to move
    double instant_velocity   # mm/s, largest jump of speed at a junction
    double only_velocity      # mm/s, moves without x and y, and retractions
    double only_accel         # mm/s^2
    double only_distance      # mm
    double ratio              # largest e per mm of path
    double free_distance      # mm of filament exempt from that
    double advance            # s, pressure advance of printing moves
    double temperature        # C, of its hotend
    double coldest            # C, at which it may move

cdef struct planner_limits:
    double velocity           # mm/s
    double accel              # mm/s^2
    double corner             # mm^2/s^2: square corner velocity squared, times (sqrt 2 - 1)
    double cruise_ratio       # least share of a rise and fall that is cruised, [0, 1)
    double axis_velocity[3]   # mm/s, inf = no cap
    double axis_accel[3]      # mm/s^2
    double minimum[3]         # mm
    double maximum[3]         # mm
    int homed[3]              # 0: position unknown, moves are refused

# What a machine's geometry allows beyond a box. check() returns 0, or refuse(...) when the move can't be
# made; it may lower move.cruise_s and move.accel with limit_speed(). It runs for every move.
cdef class MoveCheck:
    cdef int check(self, planned_move *move, move_fault *fault) noexcept nogil

cdef extern from *:
    """
    #define SHORTEST 1e-9    /* mm; less is no move */
    #define FASTEST 1e6      /* mm/s; no machine means that */
    #define FARTHEST 1e7     /* mm; beyond it a double no longer resolves microsteps well */
    #define SLOWEST 1e-6     /* mm/s */
    """
    const double SHORTEST
    const double FARTHEST
    const double FASTEST
    const double SLOWEST

# Fill fault; always -1.
cdef int refuse(move_fault *fault, int code, int axis, double value, double minimum,
                double maximum) noexcept nogil
# 0, or -1 with fault filled.
cdef int check_numbers(const double *target, double speed, move_fault *fault) noexcept nogil
cdef int check_range(const planner_limits *limit, const planned_move *move, move_fault *fault) noexcept nogil
# Also caps speed and acceleration of moves that only extrude, and points the move to its extruder.
cdef int check_extruder(const extruder_limits *limit, planned_move *move, move_fault *fault) noexcept nogil
# Let a move be no faster than `velocity` mm/s and `accel` mm/s^2 because of `why` (a limit_reason).
cdef void limit_speed(planned_move *move, double velocity, double accel, int why) noexcept nogil
# Caps from the axes' own limits.
cdef void limit_axes(const planner_limits *limit, planned_move *move) noexcept nogil
# Raise the exception that says what fault says.
cdef raise_fault(const move_fault *fault)
