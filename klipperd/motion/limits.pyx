"""What a move may be: range, homing, extrusion, speed and acceleration along single axes."""

from libc.math cimport fabs

from klipperd.motion.plan cimport LIMIT_AXIS, LIMIT_EXTRUDER, planned_move

from klipperd.motion.errors import (
    ArmTooHigh,
    ExtrusionRefused,
    InvalidMove,
    JointOutOfReach,
    MoveOutOfRange,
    NotHomed,
    OutOfReach,
)


cdef int refuse(move_fault *fault, int code, int axis, double value, double minimum,
                double maximum) noexcept nogil:
    fault.code = code
    fault.axis = axis
    fault.value = value
    fault.minimum = minimum
    fault.maximum = maximum
    return -1


cdef int check_numbers(const double *target, double speed, move_fault *fault) noexcept nogil:
    cdef int axis
    for axis in range(4):
        if not (fabs(target[axis]) <= FARTHEST):
            return refuse(fault, FAULT_NUMBER, axis, target[axis], -FARTHEST, FARTHEST)
    if not SLOWEST <= speed <= FASTEST:
        return refuse(fault, FAULT_NUMBER, 4, speed, SLOWEST, FASTEST)
    return 0


cdef int check_range(const planner_limits *limit, const planned_move *move, move_fault *fault) noexcept nogil:
    cdef int axis
    cdef double value
    for axis in range(3):
        value = move.end[axis]
        if value == move.start[axis]:
            continue
        if not limit.homed[axis]:
            return refuse(fault, FAULT_NOT_HOMED, axis, value, 0., 0.)
        if value < limit.minimum[axis] - SHORTEST or value > limit.maximum[axis] + SHORTEST:
            return refuse(fault, FAULT_RANGE, axis, value, limit.minimum[axis], limit.maximum[axis])
    return 0


cdef void limit_speed(planned_move *move, double velocity, double accel, int why) noexcept nogil:
    if velocity * velocity < move.cruise_s:
        move.cruise_s = velocity * velocity
        move.speed_by = why
    if accel < move.accel:
        move.accel = accel
        move.accel_by = why


cdef int check_extruder(const extruder_limits *limit, planned_move *move, move_fault *fault) noexcept nogil:
    cdef double length = move.end[3] - move.start[3], scale
    cdef bint in_plane = move.direction[0] != 0. or move.direction[1] != 0.
    if length == 0.:
        return 0
    if limit.queue == NULL:
        return refuse(fault, FAULT_NO_EXTRUDER, 3, length, 0., 0.)
    if not limit.enabled:
        return refuse(fault, FAULT_COLD, 3, limit.temperature, limit.coldest, 0.)
    move.extruder = limit.queue
    if in_plane and length > 0.:
        move.advance = limit.advance
        if move.e_ratio > limit.ratio and length > limit.free_distance:
            return refuse(fault, FAULT_CROSS_SECTION, 3, move.e_ratio, 0., limit.ratio)
        return 0
    if fabs(length) > limit.only_distance:
        return refuse(fault, FAULT_ONLY_DISTANCE, 3, fabs(length), 0., limit.only_distance)
    scale = 1. / fabs(move.e_ratio)
    limit_speed(move, limit.only_velocity * scale, limit.only_accel * scale, LIMIT_EXTRUDER)
    return 0


cdef void limit_axes(const planner_limits *limit, planned_move *move) noexcept nogil:
    cdef double share
    cdef int axis
    if not move.kinematic:
        return
    for axis in range(3):
        share = fabs(move.direction[axis])
        # Two products tell whether an axis limits at all, which is rare; only then is there a division.
        if share * share * move.cruise_s > limit.axis_velocity[axis] * limit.axis_velocity[axis] \
                or share * move.accel > limit.axis_accel[axis]:
            limit_speed(move, limit.axis_velocity[axis] / share, limit.axis_accel[axis] / share, LIMIT_AXIS)


cdef class MoveCheck:
    """Allows everything; geometries with other limits have a subclass of their own."""

    cdef int check(self, planned_move *move, move_fault *fault) noexcept nogil:
        return 0


cdef raise_fault(const move_fault *fault):
    cdef str axis = "XYZEF"[fault.axis] if fault.axis < FURTHER else f"axis {fault.axis - FURTHER + 4}"
    cdef tuple target = (fault.target[0], fault.target[1], fault.target[2])
    if fault.code == FAULT_NUMBER:
        raise InvalidMove(axis, fault.value, fault.minimum, fault.maximum)
    if fault.code == FAULT_REACH:
        raise OutOfReach(fault.value, fault.maximum, target, fault.minimum)
    if fault.code == FAULT_JOINT:
        raise JointOutOfReach("abc"[fault.axis], fault.value, fault.minimum, fault.maximum, target)
    if fault.code == FAULT_ANGLE:
        raise ArmTooHigh("abc"[fault.axis], fault.value, fault.maximum, target)
    if fault.code == FAULT_NOT_HOMED:
        raise NotHomed(axis.lower())
    if fault.code == FAULT_RANGE:
        raise MoveOutOfRange(axis.lower(), fault.value, fault.minimum, fault.maximum, target)
    if fault.code == FAULT_NO_EXTRUDER:
        raise ExtrusionRefused("No extruder is active", fault.value, "extruder", 0.)
    if fault.code == FAULT_COLD:
        raise ExtrusionRefused("Extrude below minimum temp", fault.value, "min_extrude_temp", fault.minimum)
    if fault.code == FAULT_ONLY_DISTANCE:
        raise ExtrusionRefused("Extrude only move too long (mm)", fault.value, "max_extrude_only_distance",
                               fault.maximum)
    if fault.code == FAULT_CROSS_SECTION:
        raise ExtrusionRefused("Move exceeds maximum extrusion (mm of filament per mm)", fault.value,
                               "max_extrude_cross_section", fault.maximum)
    raise MemoryError
