"""Sums over what motion queues hold: for simulations, which want to know what a print does and why.

It reads queues and changes nothing. Sections are stretches of the G-code source, by the byte at which each
begins; moves that no line of it asked for (a macro's) count with the line before them.
"""

from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from klipperd.motion.trapq cimport (
    TRAPEZOID_MOVE,
    MotionQueue,
    motion_queue,
    queue_at,
    trapezoid,
    trapezoid_time,
)

__all__ = ["REASONS", "Survey"]

REASONS = ("none", "asked_speed", "max_velocity", "axis", "extruder", "acceleration", "minimum_cruise_ratio",
           "corner_velocity", "corner_circle", "stop")

cdef double SAME = 1e-9     # s; nearer times are the same


cdef class Survey:
    def __cinit__(self, MotionQueue path not None, extruders=(), boundaries=()):
        cdef int64_t i
        self.count = len(boundaries) + 1
        self.bounds = <int64_t *>calloc(self.count, sizeof(int64_t))
        self.parts = <survey_section *>calloc(self.count, sizeof(survey_section))
        if self.bounds == NULL or self.parts == NULL:
            raise MemoryError
        for i in range(self.count):
            self.parts[i].begin = -1.
            self.bounds[i] = boundaries[i - 1] if i > 0 else 0
            if i > 0 and self.bounds[i] < self.bounds[i - 1]:
                raise ValueError(f"sections begin in order, not at {self.bounds[i - 1]} and then "
                                 f"at {self.bounds[i]}")
        self.queues = [path, *extruders]
        if len(self.queues) > QUEUES:
            raise ValueError(f"at most {QUEUES - 1} extruders")
        for queue in self.queues:
            self.followed[self.queue_count] = &(<MotionQueue?>queue).queue
            self.cursors[self.queue_count] = self.followed[self.queue_count].next
            self.queue_count += 1
        memset(&self.totals, 0, sizeof(survey_totals))
        for i in range(3):
            self.totals.low[i], self.totals.high[i] = INFINITY, -INFINITY

    def __dealloc__(self):
        free(self.bounds)
        free(self.parts)

    cdef survey_section *find(self, int64_t source) noexcept nogil:
        cdef int64_t low, high, middle
        if source >= 0 and (source < self.bounds[self.now] or
                            (self.now + 1 < self.count and source >= self.bounds[self.now + 1])):
            low, high = 0, self.count
            while low + 1 < high:
                middle = (low + high) // 2
                if self.bounds[middle] <= source:
                    low = middle
                else:
                    high = middle
            self.now = low
        return &self.parts[self.now]

    cdef void add_phases(self, const trapezoid *move) noexcept nogil:
        cdef int peak = move.limits & 15, accel = (move.limits >> 4) & 15
        self.totals.speeding[accel] += move.accel_t + move.decel_t
        self.totals.cruising[peak] += move.cruise_t
        self.totals.moves += 1

    cdef void add_path(self, const trapezoid *move, bint printing) noexcept nogil:
        cdef survey_section *part = self.find(move.source)
        cdef double share, accel = move.accel if move.accel_t > 0. or move.decel_t > 0. else 0.
        cdef int axis
        if part.begin < 0.:
            part.begin = move.print_time
        part.end = move.print_time + trapezoid_time(move)
        part.time += trapezoid_time(move)
        part.distance += move.distance
        part.top_speed = max(part.top_speed, move.cruise_v)
        if printing:
            part.printed += move.distance
        self.totals.top_speed = max(self.totals.top_speed, move.cruise_v)
        self.totals.top_accel = max(self.totals.top_accel, accel)
        for axis in range(3):
            share = fabs(move.end[axis] - move.start[axis]) / move.distance if move.distance > 0. else 0.
            self.totals.axis_speed[axis] = max(self.totals.axis_speed[axis], share * move.cruise_v)
            self.totals.axis_accel[axis] = max(self.totals.axis_accel[axis], share * accel)
            if printing:
                self.totals.low[axis] = min(self.totals.low[axis], min(move.start[axis], move.end[axis]))
                self.totals.high[axis] = max(self.totals.high[axis], max(move.start[axis], move.end[axis]))
        if (fabs(move.print_time - self.last_end) < SAME
                and move.start_v < 0.999 * min(self.last_speed, move.cruise_v)):
            self.totals.junctions[(move.limits >> 8) & 15] += 1
        self.last_speed, self.last_end = move.cruise_v, part.end
        self.add_phases(move)

    cdef void add_filament(self, const trapezoid *move, bint alone) noexcept nogil:
        cdef survey_section *part = self.find(move.source)
        cdef double length = move.end[0] - move.start[0]
        part.filament += length
        if alone:
            if part.begin < 0.:
                part.begin = move.print_time
            part.end = move.print_time + trapezoid_time(move)
            part.time += trapezoid_time(move)
            self.add_phases(move)
        elif length > 0.:
            part.top_flow = max(part.top_flow, move.cruise_v)

    cdef void walk(self, double until) noexcept nogil:
        """Take in all trapezoids that begin before a time, merged in order of it."""
        cdef motion_queue *path = self.followed[0]
        cdef int64_t here = max(self.cursors[0], path.first)
        cdef trapezoid *move
        cdef bint printing
        while here < path.next and queue_at(path, here).print_time < until:
            move = queue_at(path, here)
            here += 1
            if move.kind == TRAPEZOID_MOVE:
                printing = self.follow_extruders(move.print_time)
                self.add_path(move, printing)
        self.cursors[0] = here
        self.follow_extruders(until - 2. * SAME)

    cdef bint follow_extruders(self, double until) noexcept nogil:
        """Take in extrusion that begins before a time, and with it; whether any does with it."""
        cdef motion_queue *queue
        cdef trapezoid *move
        cdef bint printing = False, together
        cdef int i
        for i in range(1, self.queue_count):
            queue = self.followed[i]
            self.cursors[i] = max(self.cursors[i], queue.first)
            while self.cursors[i] < queue.next and queue_at(queue, self.cursors[i]).print_time < until + SAME:
                move = queue_at(queue, self.cursors[i])
                self.cursors[i] += 1
                if move.kind != TRAPEZOID_MOVE:
                    continue
                together = move.print_time > until - SAME
                printing = printing or (together and move.end[0] > move.start[0])
                self.add_filament(move, not together)
        return printing

    def take(self, double until=INFINITY):
        with nogil:
            self.walk(until)

    def sections(self):
        return [self.parts[i] for i in range(self.count)]

    def summary(self):
        cdef int i
        top = self.totals
        return {
            "moves": top.moves,
            "top_speed": top.top_speed,
            "top_accel": top.top_accel,
            "axis_speed": [top.axis_speed[i] for i in range(3)],
            "axis_accel": [top.axis_accel[i] for i in range(3)],
            "low": [top.low[i] for i in range(3)],
            "high": [top.high[i] for i in range(3)],
            "speeding": {REASONS[i]: top.speeding[i] for i in range(len(REASONS)) if top.speeding[i] > 0.},
            "cruising": {REASONS[i]: top.cruising[i] for i in range(len(REASONS)) if top.cruising[i] > 0.},
            "junctions": {REASONS[i]: top.junctions[i] for i in range(len(REASONS)) if top.junctions[i] > 0},
        }
