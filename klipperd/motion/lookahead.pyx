"""Lookahead: from a path of straight moves to trapezoids of speed.

All of it works on S = v^2, which is linear in distance under constant acceleration. See
docs/motion.md for the formulas. This module knows no motors and no clock.
"""

from libc.math cimport INFINITY, isfinite, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove, memset

from klipperd.motion.further cimport (
    FURTHER_MOST,
    further_check,
    further_distance,
    further_emit,
    further_limit,
    further_measure,
    further_move,
)
from klipperd.motion.limits cimport (
    FARTHEST,
    FAULT_MEMORY,
    SHORTEST,
    SLOWEST,
    MoveCheck,
    check_extruder,
    check_numbers,
    check_range,
    extruder_limits,
    limit_axes,
    move_fault,
    planner_limits,
    raise_fault,
    refuse,
)
from klipperd.motion.plan cimport (
    LIMIT_ACCEL,
    LIMIT_ASKED,
    LIMIT_AXIS,
    LIMIT_NONE,
    LIMIT_STOP,
    LIMIT_VELOCITY,
    emit_extrusion,
    emit_path,
    junction_limit,
    measure,
    plan_speeds,
    planned_move,
    shape_trapezoid,
)
from klipperd.motion.trapq cimport TRAPEZOID_MOVE, MotionQueue, trapezoid

__all__ = ["Lookahead"]

cdef double EXAMINE = 0.1         # s of new moves that make a lazy flush worth while
cdef int64_t NO_MARK = 1 << 62


cdef class Lookahead:
    def __cinit__(self, MotionQueue queue not None, double max_velocity, double max_accel,
                  double square_corner_velocity=5., double minimum_cruise_ratio=0.5):
        cdef int axis
        self.capacity = 256
        self.moves = <planned_move *>malloc(self.capacity * sizeof(planned_move))
        if self.moves == NULL:
            raise MemoryError
        self.queue = queue
        self.mark_at = NO_MARK
        self.source = -1
        self.extruders = {}
        self.further_queues = []
        self.marks = []
        self.reached = []
        memset(&self.limit, 0, sizeof(planner_limits))
        memset(&self.extruder, 0, sizeof(extruder_limits))
        for axis in range(3):
            self.limit.axis_velocity[axis] = self.limit.axis_accel[axis] = INFINITY
        self.set_limits(max_velocity, max_accel, square_corner_velocity, minimum_cruise_ratio)

    def __dealloc__(self):
        free(self.moves)
        free(self.others)

    def __len__(self):
        return self.count

    def set_limits(self, max_velocity=None, max_accel=None, square_corner_velocity=None,
                   minimum_cruise_ratio=None):
        old = self.limits
        velocity, accel, corner, ratio = [
            float(was if value is None else value) for was, value in
            zip(old, (max_velocity, max_accel, square_corner_velocity, minimum_cruise_ratio))]
        if not (velocity >= SLOWEST and isfinite(velocity)):
            raise ValueError(f"max_velocity = {velocity} mm/s must be above 0")
        if not (accel >= SLOWEST and isfinite(accel)):
            raise ValueError(f"max_accel = {accel} mm/s^2 must be above 0")
        if not (corner >= 0. and isfinite(corner)):
            raise ValueError(f"square_corner_velocity = {corner} mm/s must be 0 or more")
        if not 0. <= ratio < 1.:
            raise ValueError(f"minimum_cruise_ratio = {ratio} must be at least 0 and below 1")
        self.limit.velocity, self.limit.accel = velocity, accel
        self.limit.corner, self.limit.cruise_ratio = corner * corner * (sqrt(2.) - 1.), ratio

    @property
    def limits(self):
        return (self.limit.velocity, self.limit.accel, sqrt(self.limit.corner / (sqrt(2.) - 1.)),
                self.limit.cruise_ratio)

    def set_axis_limits(self, int axis, double max_velocity, double max_accel):
        if not (0 <= axis < 3 and max_velocity > 0. and max_accel > 0.):
            raise ValueError(f"axis {axis}: velocity {max_velocity} and accel {max_accel} must be above 0")
        self.limit.axis_velocity[axis], self.limit.axis_accel[axis] = max_velocity, max_accel

    def set_range(self, int axis, double minimum, double maximum):
        if not (0 <= axis < 3 and minimum <= maximum):
            raise ValueError(f"axis {axis}: no range from {minimum} to {maximum}")
        self.limit.minimum[axis], self.limit.maximum[axis] = minimum, maximum
        self.limit.homed[axis] = 1

    def set_unbounded(self, int axis):
        self.set_range(axis, -INFINITY, INFINITY)

    def clear_range(self, int axis):
        if not 0 <= axis < 3:
            raise ValueError(f"no axis {axis}")
        self.limit.homed[axis] = 0

    def get_range(self, int axis):
        if not 0 <= axis < 3:
            raise ValueError(f"no axis {axis}")
        return (self.limit.minimum[axis], self.limit.maximum[axis]) if self.limit.homed[axis] else None

    def set_check(self, MoveCheck check):
        self.reach = check

    def set_extruder(self, MotionQueue queue, double instant_velocity=1., double max_only_velocity=INFINITY,
                     double max_only_accel=INFINITY, double max_only_distance=INFINITY,
                     double max_ratio=INFINITY, double free_distance=0.):
        self.extruder.queue = NULL
        self.extruder.enabled = 1
        self.extruder.advance = 0.
        if queue is not None:
            self.extruders[id(queue)] = queue
            self.extruder.queue = &queue.queue
        self.extruder.instant_velocity = instant_velocity
        self.extruder.only_velocity, self.extruder.only_accel = max_only_velocity, max_only_accel
        self.extruder.only_distance = max_only_distance
        self.extruder.ratio, self.extruder.free_distance = max_ratio, free_distance

    def set_extruder_enabled(self, bint enabled, double temperature=0., double coldest=0.):
        self.extruder.enabled = enabled
        self.extruder.temperature, self.extruder.coldest = temperature, coldest

    def set_pressure_advance(self, double advance):
        if not (isfinite(advance) and advance >= 0.):
            raise ValueError(f"pressure_advance = {advance} s must be 0 or more")
        self.extruder.advance = advance

    def set_position(self, double x, double y, double z, double e):
        cdef move_fault fault
        cdef double target[4]
        target[:] = [x, y, z, e]
        if check_numbers(target, 1., &fault) < 0:
            raise_fault(&fault)
        self.where[:] = target

    @property
    def position(self):
        cdef int k
        return (self.where[0], self.where[1], self.where[2], self.where[3],
                *[self.further[k] for k in range(self.axes)])

    # Further axes

    def add_axis(self, MotionQueue queue not None, double instant_velocity=1., double max_velocity=INFINITY,
                 double max_accel=INFINITY, double minimum=-INFINITY, double maximum=INFINITY):
        if self.axes == FURTHER_MOST:
            raise ValueError(f"there are {FURTHER_MOST} further axes already")
        if not (instant_velocity >= 0. and max_velocity >= SLOWEST and max_accel >= SLOWEST):
            raise ValueError("limits of an axis must be above 0")
        self.need_rest()
        if self.others == NULL:
            self.others = <further_move *>malloc(self.capacity * sizeof(further_move))
            if self.others == NULL:
                raise MemoryError
        axis = &self.further_axes[self.axes]
        axis.queue = &queue.queue
        axis.instant_velocity, axis.velocity, axis.accel = instant_velocity, max_velocity, max_accel
        axis.minimum, axis.maximum = max(minimum, -FARTHEST), min(maximum, FARTHEST)
        self.further[self.axes] = queue.end_position[0]
        self.further_queues.append(queue)
        self.axes += 1
        return 3 + self.axes

    def remove_axis(self, int index):
        cdef int k
        if not 4 <= index < 4 + self.axes:
            raise ValueError(f"there is no further axis {index}")
        self.need_rest()
        for k in range(index - 4, self.axes - 1):
            self.further_axes[k] = self.further_axes[k + 1]
            self.further[k] = self.further[k + 1]
        del self.further_queues[index - 4]
        self.axes -= 1

    cdef int need_rest(self) except -1:
        if self.count:
            raise ValueError("axes can't change while moves wait")
        return 0

    @property
    def entry_velocity(self):
        return sqrt(self.entry_s)

    @property
    def due(self):
        return self.is_due()

    @property
    def pending_time(self):
        return self.pending

    @property
    def pending_distance(self):
        return sum([self.moves[i].distance for i in range(self.count)])

    cdef int add(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        cdef planned_move *move
        memcpy(fault.target, target, sizeof(fault.target))
        if check_numbers(target, speed, fault) < 0:
            return -1
        if self.count == self.capacity and self.enlarge() < 0:
            return refuse(fault, FAULT_MEMORY, 0, 0., 0., 0.)
        move = &self.moves[self.count]
        memcpy(move.start, self.where, sizeof(move.start))
        memcpy(move.end, target, sizeof(move.end))
        measure(move, further_distance(self.further, target + 4, self.axes))
        if move.distance < SHORTEST:
            return 0            # its length stays with the next move, which begins where this one did
        if self.axes and further_check(self.further_axes, self.axes, self.further, target + 4, fault) < 0:
            return -1
        if self.admit(move, speed, fault) < 0:
            return -1
        if self.axes:
            further_measure(self.further_axes, self.axes, self.further, target + 4, move,
                            &self.others[self.count])
            memcpy(self.further, target + 4, self.axes * sizeof(double))
        self.join(move)
        memcpy(self.where, move.end, sizeof(self.where))
        move.least_time = move.distance / sqrt(move.cruise_s)
        move.source = self.source
        self.count += 1
        self.pending += move.least_time
        self.unexamined += move.least_time
        return 0

    cdef int admit(self, planned_move *move, double speed, move_fault *fault) noexcept nogil:
        """Speed and acceleration of a move, as far as they are its own affair."""
        move.speed_by = LIMIT_ASKED
        if move.kinematic and speed > self.limit.velocity:
            speed = self.limit.velocity
            move.speed_by = LIMIT_VELOCITY
        move.cruise_s = speed * speed
        move.accel = self.limit.accel
        move.accel_by = LIMIT_ACCEL
        move.instant_velocity = self.extruder.instant_velocity
        move.advance = 0.
        move.extruder = NULL
        if check_range(&self.limit, move, fault) < 0 or check_extruder(&self.extruder, move, fault) < 0:
            return -1
        limit_axes(&self.limit, move)
        return self.reach.check(move, fault) if self.reach is not None and move.kinematic else 0

    cdef bint is_due(self) noexcept nogil:
        return self.unexamined >= EXAMINE and self.count >= self.examine_at

    cdef void keep(self, savepoint *kept) noexcept nogil:
        kept.count, kept.pending, kept.unexamined = self.count, self.pending, self.unexamined
        memcpy(kept.where, self.where, sizeof(kept.where))
        memcpy(kept.further, self.further, sizeof(kept.further))

    cdef void take_back(self, const savepoint *kept) noexcept nogil:
        if kept.count > self.count:
            return              # all was discarded meanwhile
        self.count, self.pending, self.unexamined = kept.count, kept.pending, kept.unexamined
        memcpy(self.where, kept.where, sizeof(kept.where))
        memcpy(self.further, kept.further, sizeof(kept.further))

    cdef void join(self, planned_move *move) noexcept nogil:
        """Set what a move's junction with the one before it allows."""
        cdef planned_move *before
        cdef double further
        move.corner = self.limit.corner
        move.rise = 2. * move.accel * move.distance
        move.smooth_rise = move.rise * (1. - self.limit.cruise_ratio)
        if self.count == 0:
            # Limits may have dropped since the last flush left at entry_s; it holds whatever they are.
            move.junction_s = move.reach_s = self.entry_s
            move.corner_by = LIMIT_NONE if self.entry_s > 0. else LIMIT_STOP
            return
        before = &self.moves[self.count - 1]
        move.junction_s = junction_limit(before, move)
        if self.axes:
            further = further_limit(self.further_axes, self.axes, &self.others[self.count - 1],
                                    &self.others[self.count])
            if further < move.junction_s:
                move.junction_s = further
                move.corner_by = LIMIT_AXIS
        move.reach_s = min(move.junction_s, before.reach_s + before.smooth_rise)

    cdef int enlarge(self) noexcept nogil:
        cdef size_t size = 2 * self.capacity * sizeof(planned_move)
        cdef planned_move *larger = <planned_move *>realloc(self.moves, size)
        cdef further_move *others
        if larger == NULL:
            return -1
        self.moves = larger
        if self.others != NULL:
            others = <further_move *>realloc(self.others, 2 * self.capacity * sizeof(further_move))
            if others == NULL:
                return -1
            self.others = others
        self.capacity *= 2
        return 0

    def move(self, double x, double y, double z, double e, double speed):
        cdef move_fault fault
        cdef double target[4 + FURTHER_MOST]
        target[0], target[1], target[2], target[3] = x, y, z, e
        memcpy(&target[4], self.further, sizeof(self.further))
        if self.add(target, speed, &fault) < 0:
            raise_fault(&fault)
        return self.is_due()

    cdef int64_t settled(self) noexcept nogil:
        """Number of moves at the front whose speeds no later move can change."""
        cdef int64_t i
        cdef double s = 0.
        cdef planned_move *move
        # A junction that a plan coming to rest passes as fast as limits allow is passed so by every plan.
        for i in range(self.count - 1, 0, -1):
            move = &self.moves[i]
            s = min(move.reach_s, s + move.smooth_rise)
            if s >= move.junction_s * (1. - 1e-12):
                return i
        return 0

    cdef int emit(self, int64_t count, double end_s, double *print_time) noexcept nogil:
        """Plan the first moves up to a speed and append them to their queues."""
        cdef trapezoid shape
        cdef double leave_s, speed = sqrt(self.entry_s)
        cdef planned_move *move
        cdef int64_t i
        memset(&shape, 0, sizeof(shape))
        shape.kind = TRAPEZOID_MOVE
        plan_speeds(self.moves, count, self.entry_s, end_s)
        for i in range(count):
            move = &self.moves[i]
            leave_s = self.moves[i + 1].start_s if i + 1 < count else end_s
            shape_trapezoid(move, speed, leave_s, &shape)
            speed = shape.end_v
            shape.print_time = print_time[0]
            print_time[0] += shape.accel_t + shape.cruise_t + shape.decel_t
            self.pending -= move.least_time
            if move.kinematic and emit_path(&self.queue.queue, move, &shape) < 0:
                return -1
            if self.axes and further_emit(self.further_axes, self.axes, &self.others[i], &shape) < 0:
                return -1
            if move.extruder != NULL and emit_extrusion(move, &shape) < 0:
                return -1
            shape.advance = 0.
            if self.flushed + i + 1 >= self.mark_at:
                with gil:
                    self.reach_marks(self.flushed + i + 1, print_time[0])
        return 0

    cdef int plan(self, double *print_time, bint lazy) noexcept nogil:
        cdef int64_t count = self.settled() if lazy else self.count
        cdef double end_s = 0.
        self.unexamined = 0.
        if self.flushed >= self.mark_at:
            with gil:
                self.reach_marks(self.flushed, print_time[0])
        if count > 0:
            if lazy:
                end_s = self.moves[count].junction_s
            if self.emit(count, end_s, print_time) < 0:
                return -1
        self.drop(count, end_s)
        # To look back costs time for each move that stays. Wait for some, lest many be looked at very often.
        self.examine_at = self.count + self.count // 8
        return 0

    def flush(self, double print_time, bint lazy=False):
        if self.count and (not isfinite(print_time) or print_time < self.queue.queue.end_time - 1e-9):
            raise ValueError(f"moves can't begin at {print_time}, before {self.queue.queue.end_time}")
        if self.plan(&print_time, lazy) < 0:
            raise MemoryError
        return print_time

    cdef void drop(self, int64_t count, double end_s) noexcept nogil:
        if count > 0:
            memmove(self.moves, &self.moves[count], (self.count - count) * sizeof(planned_move))
            if self.axes:
                memmove(self.others, &self.others[count], (self.count - count) * sizeof(further_move))
            self.count -= count
            self.flushed += count
            self.entry_s = end_s
        if self.count == 0:
            self.pending = 0.
        else:
            self.moves[0].reach_s = self.moves[0].junction_s = self.entry_s

    cdef int reach_marks(self, int64_t planned, double print_time) except -1:
        while self.marks and self.marks[0][1] <= planned:
            self.reached.append((self.marks.pop(0)[0], print_time))
            self.has_reached = True
        self.mark_at = self.marks[0][1] if self.marks else NO_MARK
        return 0

    def mark(self):
        self.next_mark += 1
        self.marks.append((self.next_mark, self.flushed + self.count))
        self.mark_at = self.marks[0][1]
        return self.next_mark

    def take_marks(self):
        reached, self.reached = self.reached, []
        self.has_reached = False
        return reached

    def discard(self):
        cdef int axis
        if self.count > 0:
            for axis in range(4):
                self.where[axis] = self.moves[0].start[axis]
            if self.axes:
                memcpy(self.further, self.others[0].start, sizeof(self.further))
        self.count = 0
        self.pending = self.unexamined = 0.
        self.entry_s = 0.
        self.examine_at = 0
        self.mark_at = NO_MARK
        self.marks.clear()
