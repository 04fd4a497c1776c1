"""The chain that moves pass on their way from G-code to the lookahead.

A line of G-code may become several moves (a mesh splits long ones). They count together or not at all:
whoever begins a line keeps the chain's state and takes it back when one of the moves is refused.
"""

from libc.math cimport fabs
from libc.string cimport memset

from klipperd.motion.limits cimport FARTHEST, FAULT_NUMBER, FAULT_PYTHON, move_fault, raise_fault, refuse
from klipperd.motion.lookahead cimport Lookahead

__all__ = ["PlannerLink", "PythonLink", "Transform"]


cdef int read_position(position, double *values) except -1:
    """Copy up to AXES_MOST numbers; returns how many there were."""
    cdef int count = 0
    memset(values, 0, AXES_MOST * sizeof(double))
    if len(position) > AXES_MOST:
        raise ValueError(f"positions have at most {AXES_MOST} axes, not {len(position)}")
    for value in position:
        values[count] = value
        count += 1
    return count


cdef list as_list(const double *values, int count):
    cdef int axis
    return [values[axis] for axis in range(count)]


cdef int check_target(const double *target, int axes, move_fault *fault) noexcept nogil:
    cdef int axis
    for axis in range(axes):
        if not fabs(target[axis]) <= FARTHEST:
            # 4 would be the speed.
            return refuse(fault, FAULT_NUMBER, axis + (axis > 3), target[axis], -FARTHEST, FARTHEST)
    return 0


cdef raise_chain_fault(Transform head, const move_fault *fault):
    cdef Transform link = head
    if fault.code != FAULT_PYTHON:
        raise_fault(fault)
    while link is not None and link.error is None:
        link = link.next
    error, link.error = link.error, None
    raise error


cdef class Transform:
    """A link that changes nothing."""

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        return self.next.step(target, speed, fault)

    cdef int where(self, double *position) except -1:
        return self.next.where(position)

    cdef void keep(self) noexcept nogil:
        self.next.keep()

    cdef void take_back(self) noexcept nogil:
        self.next.take_back()

    cdef PlannerLink last(self):
        cdef Transform link = self
        while link.next is not None:
            link = link.next
        return link

    @property
    def position(self):
        cdef double values[AXES_MOST]
        self.where(values)
        return as_list(values, self.last().axes)

    def move(self, position, double speed):
        cdef double target[AXES_MOST]
        cdef move_fault fault
        cdef PlannerLink last = self.last()
        last.fill_further(target, read_position(position, target))
        if check_target(target, last.axes, &fault) < 0:
            raise_fault(&fault)
        if last.open:
            # A transform in Python passes on a move of a line that someone else has begun.
            if self.step(target, speed, &fault) < 0:
                raise_chain_fault(self, &fault)
            return
        last.begin()
        try:
            self.keep()
            if self.step(target, speed, &fault) < 0:
                self.take_back()
                raise_chain_fault(self, &fault)
        finally:
            last.end()


cdef class PlannerLink(Transform):
    def __init__(self, Lookahead lookahead=None, planner=None):
        if lookahead is None and planner is None:
            raise ValueError("moves need a lookahead or a planner to go to")
        self.lookahead, self.planner = lookahead, planner
        self.axes = 4

    cdef int begin(self) except -1:
        """A line's moves follow. @raise CommandError: when the planner takes none."""
        if self.planner is not None and self.lookahead is not None:
            self.planner.admit()
        self.open = True
        return 0

    cdef int end(self) except -1:
        self.open = False
        if self.planner is not None and self.lookahead is not None:
            self.planner.moved()
        return 0

    cdef void fill_further(self, double *values, int given) noexcept:
        """Further axes that a position doesn't name stay where they are."""
        cdef int axis
        for axis in range(max(given, 4), self.axes):
            values[axis] = self.lookahead.further[axis - 4] if self.lookahead is not None else 0.

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        if self.lookahead is not None:
            return self.lookahead.add(target, speed, fault)
        with gil:
            try:
                self.planner.move(as_list(target, self.axes), speed)
            except Exception as error:
                self.error = error
                return refuse(fault, FAULT_PYTHON, 0, 0., 0., 0.)
        return 0

    cdef int where(self, double *position) except -1:
        there = self.lookahead.position if self.lookahead is not None else self.planner.position
        self.axes = max(read_position(there, position), 4)
        return 0

    cdef void keep(self) noexcept nogil:
        if self.lookahead is not None:
            self.lookahead.keep(&self.kept)

    cdef void take_back(self) noexcept nogil:
        if self.lookahead is not None:
            self.lookahead.take_back(&self.kept)


cdef class PythonLink(Transform):
    def __init__(self, Transform next not None, made):
        self.next, self.made = next, made

    cdef int step(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        with gil:
            last = self.last()
            try:
                self.made.move(as_list(target, last.axes), speed)
            except Exception as error:
                self.error = error
                return refuse(fault, FAULT_PYTHON, 0, 0., 0., 0.)
        return 0

    cdef int where(self, double *position) except -1:
        # The links beneath learn how many axes there are, and where those are that this one doesn't know.
        self.next.where(position)
        self.last().fill_further(position, read_position(self.made.position, position))
        return 0
