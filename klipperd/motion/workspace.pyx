"""Work spaces that are no boxes: round ones, and those whose ceiling hangs on towers."""

from libc.math cimport INFINITY, fabs, sqrt

from klipperd.motion.geometry cimport GEOMETRY_ROTARY_DELTA, Geometry, geometry, geometry_rate
from klipperd.motion.limits cimport (
    FAULT_ANGLE,
    FAULT_JOINT,
    FAULT_RANGE,
    FAULT_REACH,
    SHORTEST,
    limit_speed,
    move_fault,
    refuse,
)
from klipperd.motion.plan cimport LIMIT_AXIS, planned_move

__all__ = ["Workspace"]

cdef enum:
    ROUNDS = 40
    PLACES = 32               # along a way that are looked at one by one

cdef double TOUCH = 1e-6          # mm or rad that a tower may be above its ceiling: rounding


cdef double tower_at(const geometry *shape, const planned_move *move, double s, double *slope) noexcept nogil:
    """A tower's coordinate s mm along the way, and how it grows there."""
    cdef double[3] where
    cdef int axis
    for axis in range(3):
        where[axis] = move.end[axis] if s >= move.distance else move.start[axis] + s * move.direction[axis]
    return geometry_rate(shape, where, move.direction, 0., slope)


cdef double highest(const geometry *shape, const planned_move *move) noexcept nogil:
    """The highest coordinate of a tower along the way, on which it turns once at most; NaN out of reach."""
    cdef double low = 0., high = move.distance, middle, slope, first, last
    cdef double start = tower_at(shape, move, low, &first), end = tower_at(shape, move, high, &last)
    cdef int _round
    if first <= 0. or last >= 0. or start + end != start + end:
        return end if end >= start or end != end else start
    for _round in range(ROUNDS):
        middle = 0.5 * (low + high)
        end = tower_at(shape, move, middle, &slope)
        if slope > 0.:
            low = middle
        else:
            high = middle
    return end


# How an arm holds the head: seen in the arm's plane, the upper arm U and the shadow L' of the lower one span
# from |U - L'| to U + L' from the shoulder to the joint at the head.
cdef struct arm_reach:
    double value              # mm from the shoulder to the joint
    double least              # mm
    double most               # mm
    double folding            # value - (L' - U)
    double spare              # the way (mm) that the head may go anywhere from there; below 0: out of reach


cdef void look_at_arm(const geometry *shape, const planned_move *move, double s,
                      arm_reach *arm) noexcept nogil:
    """s mm along the way."""
    cdef const double *k = &shape.parameters[0]
    cdef double[3] at
    cdef double out, up, across, shadow
    cdef int axis
    for axis in range(3):
        at[axis] = move.end[axis] if s >= move.distance else move.start[axis] + s * move.direction[axis]
    out, up = at[0] * k[5] + at[1] * k[6] - k[0], at[2] - k[1]
    across = at[1] * k[5] - at[0] * k[6]
    shadow = sqrt(k[3] * k[3] - across * across)
    arm.value = sqrt(out * out + up * up)
    arm.least, arm.most = fabs(k[2] - shadow), k[2] + shadow
    arm.folding = arm.value + k[2] - shadow
    arm.spare = min(arm.value - arm.least, arm.most - arm.value)
    if not arm.spare >= 0.:
        arm.spare = -1.
    elif fabs(across) < shadow:
        # A mm of the head changes the joint's distance, and the shadow, by a mm at most.
        arm.spare *= 0.5
    else:
        arm.spare = 0.


cdef bint holds(const geometry *shape, const planned_move *move, arm_reach *arm) noexcept nogil:
    """Whether an arm can hold the head all along the way; else arm tells where it can't.

    Stretched most it is at an end. What it has to spare before it is folded up is convex along a line where
    L' is longer than U; for the case that it is not, places one after the other are looked at, too.
    """
    cdef double low = 0., high = move.distance, third, first
    cdef int _round, k
    look_at_arm(shape, move, high, arm)
    if arm.spare < 0.:
        return False
    first = arm.spare
    look_at_arm(shape, move, low, arm)
    if arm.spare < 0. or first + arm.spare > move.distance:
        return arm.spare >= 0.
    for _round in range(ROUNDS):
        third = (high - low) / 3.
        look_at_arm(shape, move, low + third, arm)
        first = arm.folding
        look_at_arm(shape, move, high - third, arm)
        if first < arm.folding:
            high -= third
        else:
            low += third
    for k in range(PLACES):
        look_at_arm(shape, move, k * move.distance / PLACES if k else 0.5 * (low + high), arm)
        if arm.spare < 0.:
            return False
    return True


cdef double nearest(const planned_move *move, double *across) noexcept nogil:
    """How near (mm) the way comes to the centre; across: the distance of its whole line from there."""
    cdef double u = move.direction[0], v = move.direction[1], flat = u * u + v * v, turn
    cdef double x = move.start[0], y = move.start[1]
    if flat <= 0.:
        across[0] = 0.
        return sqrt(x * x + y * y)
    across[0] = fabs(x * v - y * u) / sqrt(flat)
    turn = -(x * u + y * v) / flat
    if turn >= move.distance:
        return sqrt(move.end[0] * move.end[0] + move.end[1] * move.end[1])
    return across[0] if turn > 0. else sqrt(x * x + y * y)


cdef class Workspace(MoveCheck):
    def __cinit__(self, double radius=INFINITY, *, double hole=0., ceilings=(), double open_below=INFINITY,
                  slow_beyond=(INFINITY, INFINITY), bint slow_across=False, nominal=(INFINITY, INFINITY),
                  double turn_rate=INFINITY, double floor=-INFINITY):
        if len(ceilings) > MOST_TOWERS:
            raise ValueError(f"{len(ceilings)} towers are more than {MOST_TOWERS}")
        self.radius, self.hole, self.open_below, self.turn_rate = radius, hole, open_below, turn_rate
        for i, (shape, ceiling) in enumerate(ceilings):
            self.shapes[i] = (<Geometry?>shape).shape
            self.ceilings[i] = ceiling
        self.towers = len(ceilings)
        self.floor = floor
        self.slow_across = slow_across
        for i in range(2):
            self.slow_beyond[i], self.nominal[i] = slow_beyond[i], nominal[i]

    cdef double out(self, const double *where) noexcept nogil:
        return fabs(where[0]) if self.slow_across else sqrt(where[0] * where[0] + where[1] * where[1])

    cdef int check_arms(self, const planned_move *move, move_fault *fault) noexcept nogil:
        cdef arm_reach arm
        cdef int i
        for i in range(self.towers):
            if not holds(&self.shapes[i], move, &arm):
                return refuse(fault, FAULT_JOINT, i, arm.value, arm.least, arm.most)
        return 0

    cdef int check_towers(self, const planned_move *move, move_fault *fault) noexcept nogil:
        cdef double top
        cdef int i
        if self.shapes[0].kind == GEOMETRY_ROTARY_DELTA and self.check_arms(move, fault) < 0:
            return -1
        for i in range(self.towers):
            top = highest(&self.shapes[i], move)
            if top <= self.ceilings[i] + TOUCH:
                continue
            if top == top and self.shapes[i].kind != GEOMETRY_ROTARY_DELTA:
                # So much lower the whole way would pass.
                return refuse(fault, FAULT_RANGE, 2, move.end[2], self.floor,
                              move.end[2] - (top - self.ceilings[i]))
            if top == top:
                return refuse(fault, FAULT_ANGLE, i, top, 0., self.ceilings[i])
            return refuse(fault, FAULT_REACH, 2, self.out(move.end), 0., self.radius)
        return 0

    cdef int check_turns(self, planned_move *move, move_fault *fault) noexcept nogil:
        cdef double across, near = nearest(move, &across)
        if near < self.hole:
            return refuse(fault, FAULT_REACH, 0, near, self.hole, self.radius)
        if across > 0. and self.turn_rate < INFINITY:
            limit_speed(move, self.turn_rate * near * near / across, INFINITY, LIMIT_AXIS)
        if self.shaping_time > 0.:
            # Shaping cuts corners: so slow, it leaves at least half of the distance from the centre.
            limit_speed(move, 0.5 * near / self.shaping_time, INFINITY, LIMIT_AXIS)
            limit_speed(move, 0.5 * self.turn_rate * near, INFINITY, LIMIT_AXIS)
        return 0

    cdef int check(self, planned_move *move, move_fault *fault) noexcept nogil:
        cdef double far = self.out(move.end), part
        cdef bint across = move.direction[0] != 0. or move.direction[1] != 0.
        if not self.active:
            return 0
        if across and far > self.radius + SHORTEST:
            return refuse(fault, FAULT_REACH, 0, far, 0., self.radius)
        if self.towers and max(move.start[2], move.end[2]) > self.open_below:
            if self.check_towers(move, fault) < 0:
                return -1
        if not across:
            return 0
        if self.hole > 0. and self.check_turns(move, fault) < 0:
            return -1
        far = max(far, self.out(move.start))
        if far > self.slow_beyond[0]:
            part = 0.25 if far > self.slow_beyond[1] else 0.5
            limit_speed(move, part * self.nominal[0], part * self.nominal[1], LIMIT_AXIS)
        return 0
