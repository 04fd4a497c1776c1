"""The motion queue: what a tool head or an extruder does over time, as trapezoids of speed.

It does not plan (lookahead) and knows no motors (stepper).
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cython cimport no_gc_clear
from libc.math cimport isfinite, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from klipperd.motion.gate cimport gate_wait

__all__ = ["RECORD", "MotionQueue"]

RECORD = [
    ("print_time", "f8"),
    ("accel_t", "f8"),
    ("cruise_t", "f8"),
    ("decel_t", "f8"),
    ("start_v", "f8"),
    ("cruise_v", "f8"),
    ("end_v", "f8"),
    ("accel", "f8"),
    ("distance", "f8"),
    ("start", "f8", 3),
    ("end", "f8", 3),
    ("advance", "f8"),
    ("kind", "i4"),
    ("limits", "i4"),
    ("source", "i8"),
]

cdef enum:
    INITIAL_CAPACITY = 256     # trapezoids


cdef int queue_grow(motion_queue *queue) noexcept nogil:
    cdef int64_t capacity = 2 * (queue.mask + 1), index
    cdef trapezoid *ring = <trapezoid *>malloc(capacity * sizeof(trapezoid))
    if ring == NULL:
        return -1
    for index in range(queue.first, queue.next):
        ring[index & (capacity - 1)] = queue.ring[index & queue.mask]
    free(queue.ring)
    queue.ring = ring
    queue.mask = capacity - 1
    return 0


cdef int queue_append(motion_queue *queue, const trapezoid *move) noexcept nogil:
    gate_wait(queue.gate)
    if queue.next - queue.first > queue.mask and queue_grow(queue) < 0:
        return -1
    queue.ring[queue.next & queue.mask] = move[0]
    queue.next += 1
    queue.end_time = move.print_time + trapezoid_time(move)
    return 0


cdef int64_t queue_find(const motion_queue *queue, double print_time) noexcept nogil:
    cdef int64_t low = queue.first, high = queue.next, middle
    while low < high:
        middle = (low + high) // 2
        if queue_at(queue, middle).print_time <= print_time:
            low = middle + 1
        else:
            high = middle
    return low - 1


cdef double trapezoid_distance(const trapezoid *move, double t) noexcept nogil:
    cdef double rest
    if t < move.accel_t:
        return (move.start_v + 0.5 * move.accel * t) * t
    if t < move.accel_t + move.cruise_t:
        return 0.5 * (move.start_v + move.cruise_v) * move.accel_t + move.cruise_v * (t - move.accel_t)
    # Measured from the end, so that the end is met exactly.
    rest = trapezoid_time(move) - t
    if rest <= 0.:
        return move.distance
    return move.distance - (move.end_v + 0.5 * move.accel * rest) * rest


cdef double trapezoid_speed(const trapezoid *move, double t) noexcept nogil:
    if t < move.accel_t:
        return move.start_v + move.accel * t
    if t < move.accel_t + move.cruise_t:
        return move.cruise_v
    return move.end_v + move.accel * (trapezoid_time(move) - t)


cdef void trapezoid_position(const trapezoid *move, double t, double *where) noexcept nogil:
    cdef double share
    cdef int axis
    if t >= trapezoid_time(move) or move.distance <= 0.:
        for axis in range(3):
            where[axis] = move.end[axis]
        return
    share = trapezoid_distance(move, t) / move.distance
    for axis in range(3):
        where[axis] = move.start[axis] + (move.end[axis] - move.start[axis]) * share


cdef void trapezoid_cut(trapezoid *move, double t) noexcept nogil:
    """End a move t seconds after its start, at speed."""
    cdef double where[3]
    cdef double speed = trapezoid_speed(move, t), distance = trapezoid_distance(move, t)
    cdef int axis
    trapezoid_position(move, t, where)
    for axis in range(3):
        move.end[axis] = where[axis]
    move.distance = distance
    if t < move.accel_t:
        move.accel_t = t
        move.cruise_v = speed
    move.end_v = speed
    move.cruise_t = min(move.cruise_t, t - move.accel_t)
    move.decel_t = t - move.accel_t - move.cruise_t


@no_gc_clear
cdef class MotionQueue:
    def __cinit__(self, double history=30.):
        memset(&self.queue, 0, sizeof(motion_queue))
        self.queue.ring = <trapezoid *>malloc(INITIAL_CAPACITY * sizeof(trapezoid))
        if self.queue.ring == NULL:
            raise MemoryError
        self.queue.mask = INITIAL_CAPACITY - 1
        self.history = history

    def __dealloc__(self):
        free(self.queue.ring)

    def __len__(self):
        return self.queue.next - self.queue.first

    @property
    def split(self):
        return bool(self.queue.split)

    @split.setter
    def split(self, bint value):
        self.queue.split = value

    @property
    def end_time(self):
        return self.queue.end_time

    @property
    def end_position(self):
        return self.position_at(self.queue.end_time)

    cdef int position(self, double print_time, double *where) except -1:
        cdef int64_t index = queue_find(&self.queue, print_time)
        cdef trapezoid *move
        cdef int axis
        if self.queue.next == self.queue.first:
            for axis in range(3):
                where[axis] = 0.
            return 0
        if index < self.queue.first:
            move = queue_at(&self.queue, self.queue.first)
            for axis in range(3):
                where[axis] = move.start[axis]
            return 0
        move = queue_at(&self.queue, index)
        trapezoid_position(move, print_time - move.print_time, where)
        return 0

    def position_at(self, double print_time):
        cdef double where[3]
        self.position(print_time, where)
        return where[0], where[1], where[2]

    def velocity_at(self, double print_time):
        cdef int64_t index = queue_find(&self.queue, print_time)
        cdef trapezoid *move
        cdef double t, speed
        if index < self.queue.first:
            return 0., 0., 0.
        move = queue_at(&self.queue, index)
        t = print_time - move.print_time
        if t >= trapezoid_time(move) or move.distance <= 0.:
            return 0., 0., 0.
        speed = trapezoid_speed(move, t) / move.distance
        return tuple([(move.end[axis] - move.start[axis]) * speed for axis in range(3)])

    def append(self, double print_time, start, end, speeds, times, double acceleration,
               double pressure_advance=0.):
        cdef trapezoid move
        cdef double length = 0.
        cdef int axis
        memset(&move, 0, sizeof(trapezoid))
        move.source = -1
        move.print_time = print_time
        move.start_v, move.cruise_v, move.end_v = speeds
        move.accel_t, move.cruise_t, move.decel_t = times
        move.accel = acceleration
        move.advance = pressure_advance
        move.kind = TRAPEZOID_MOVE
        for axis in range(3):
            move.start[axis] = start[axis]
            move.end[axis] = end[axis]
            length += (move.end[axis] - move.start[axis]) ** 2
        move.distance = sqrt(length)
        if not (isfinite(print_time + length + acceleration + pressure_advance + trapezoid_time(&move))
                and isfinite(move.start_v + move.cruise_v + move.end_v)):
            raise ValueError(f"a move must be of finite numbers: {start} to {end} at {print_time}, {speeds},"
                             f" {times}")
        if min(times) < 0. or print_time < self.queue.end_time - 1e-9:
            raise ValueError(f"a move at {print_time} with times {times} begins before {self.queue.end_time}")
        if queue_append(&self.queue, &move) < 0:
            raise MemoryError
        return self.queue.end_time

    def set_position(self, double print_time, position):
        cdef trapezoid jump
        cdef int64_t index = self.queue.next
        cdef trapezoid *move
        cdef int axis
        gate_wait(self.queue.gate)
        if not isfinite(print_time + sum(position)):
            raise ValueError(f"a position must be of finite numbers: {position} at {print_time}")
        memset(&jump, 0, sizeof(trapezoid))
        jump.print_time = print_time
        jump.kind = TRAPEZOID_JUMP
        jump.source = -1
        for axis in range(3):
            jump.start[axis] = jump.end[axis] = position[axis]
        while index > self.queue.first:
            index -= 1
            move = queue_at(&self.queue, index)
            if move.print_time + trapezoid_time(move) <= print_time:
                break
            if move.print_time < print_time:
                trapezoid_cut(move, print_time - move.print_time)
                break
            move[0] = jump
            move.kind = TRAPEZOID_VOID
        if queue_append(&self.queue, &jump) < 0:
            raise MemoryError

    def expire(self, double print_time):
        cdef double limit = print_time - self.history
        cdef trapezoid *move
        gate_wait(self.queue.gate)
        # The newest stays: it tells where the axes rest.
        while self.queue.first < self.queue.next - 1:
            move = queue_at(&self.queue, self.queue.first)
            if move.print_time + trapezoid_time(move) >= limit:
                break
            self.queue.first += 1

    @property
    def first(self):
        return self.queue.first

    @property
    def next(self):
        return self.queue.next

    def records(self, int64_t index, int64_t limit=65536):
        cdef int64_t i, count
        cdef trapezoid *copy
        index = max(index, self.queue.first)
        count = max(min(limit, self.queue.next - index), 0)
        data = PyBytes_FromStringAndSize(NULL, count * sizeof(trapezoid))
        copy = <trapezoid *>PyBytes_AS_STRING(data)
        for i in range(count):
            copy[i] = queue_at(&self.queue, index + i)[0]
        return data, index + count

    def dump(self, double start_time, double end_time, int limit=4096):
        cdef list phases = []
        cdef int64_t index = max(queue_find(&self.queue, start_time), self.queue.first)
        cdef trapezoid *move
        while index < self.queue.next and len(phases) < limit:
            move = queue_at(&self.queue, index)
            index += 1
            if move.print_time >= end_time:
                break
            if move.kind != TRAPEZOID_VOID:
                phases += [phase for phase in dump_phases(move) if start_time <= phase[0] < end_time]
        return phases


cdef list dump_phases(trapezoid *move):
    cdef double where[3]
    cdef double t = 0.
    cdef double scale = 1. / move.distance if move.distance > 0. else 0.
    direction = tuple([(move.end[axis] - move.start[axis]) * scale for axis in range(3)])
    phases = []
    speeding, cruising = (move.accel_t, move.start_v, move.accel), (move.cruise_t, move.cruise_v, 0.)
    for duration, speed, accel in (speeding, cruising, (move.decel_t, move.cruise_v, -move.accel)):
        if duration > 0. or (t == 0. and move.kind == TRAPEZOID_JUMP and not phases):
            trapezoid_position(move, t, where)
            at = where[0], where[1], where[2]
            phases.append((move.print_time + t, duration, speed, accel, at, direction))
        t += duration
    return phases
