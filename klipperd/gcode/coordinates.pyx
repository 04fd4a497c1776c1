"""What G0 to G3 and their modal companions mean; see coordinates.pyi.

There is one modal state, and all lines of G-code meet it here: those of a print file without a Python object
(stream), those of terminals and macros as L{klipperd.gcode.lexer.Line}.
"""

from libc.math cimport sqrt
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy, memset

from klipperd.gcode.arc cimport (
    ARC_LONG, arc_chords, arc_error as impossible_arc, arc_path, arc_point, arc_words, solve_arc,
)
from klipperd.gcode.lexer cimport Line
from klipperd.gcode.scan cimport gcode_words
from klipperd.motion.limits cimport FAULT_ARC, FAULT_FEEDRATE, FASTEST, move_fault, refuse
from klipperd.motion.transform cimport AXES_MOST, Transform, check_target, raise_chain_fault

from attrs import frozen

from klipperd.errors import CommandError

__all__ = ["INCH", "GcodeCoordinates", "GcodeState"]

INCH = 25.4

cdef enum:
    E_AXIS = 3
    LETTER_E = 4
    LETTER_F = 5
    LETTER_I = 8
    LETTER_R = 17
    LETTER_X = 23
    CHORDS_MOST = 20000       # of one arc, which is planned in one go


@frozen
class GcodeState:
    """What SAVE_GCODE_STATE keeps."""

    absolute: bool
    absolute_extrude: bool
    base: tuple[float, ...]
    position: tuple[float, ...]
    homing: tuple[float, ...]
    feedrate: float
    speed_factor: float
    extrude_factor: float


cdef list as_list(const double *values, int count):
    cdef int axis
    return [values[axis] for axis in range(count)]


cdef int fill(double *values, given) except -1:
    cdef int axis
    if len(given) > AXES_MOST:
        raise ValueError(f"positions have at most {AXES_MOST} axes, not {len(given)}")
    for axis in range(len(given)):
        values[axis] = given[axis]
    return 0


cdef inline bint has(const gcode_words *words, int letter) noexcept nogil:
    return words.present >> letter & 1


cdef class GcodeCoordinates:
    def __init__(self, Transform head not None, extra=()):
        memset(&self.state, 0, sizeof(gcode_state))
        self.state.absolute = self.state.absolute_extrude = True
        self.state.unit = self.state.speed_factor = self.state.extrude_factor = 1.
        self.state.feedrate = 25.
        self.state.axes = 4
        self.arc_resolution, self.arc_error = 1., 0.005
        self.extra = extra
        self.set_head(head)

    def set_head(self, Transform head not None):
        self.head, self.planner = head, head.last()

    # The face to Python of the state

    @property
    def absolute(self):
        return bool(self.state.absolute)

    @absolute.setter
    def absolute(self, bint absolute):
        self.state.absolute = absolute

    @property
    def absolute_extrude(self):
        return bool(self.state.absolute_extrude)

    @absolute_extrude.setter
    def absolute_extrude(self, bint absolute):
        self.state.absolute_extrude = absolute

    @property
    def plane(self):
        return self.state.plane

    @plane.setter
    def plane(self, int plane):
        if not 0 <= plane <= 2:
            raise ValueError(f"there is no plane {plane}")
        self.state.plane = plane

    @property
    def unit(self):
        return self.state.unit

    @unit.setter
    def unit(self, double unit):
        self.state.unit = unit

    @property
    def feedrate(self):
        return self.state.feedrate

    @feedrate.setter
    def feedrate(self, double feedrate):
        self.state.feedrate = feedrate

    @property
    def speed_factor(self):
        return self.state.speed_factor

    @property
    def extrude_factor(self):
        return self.state.extrude_factor

    @property
    def position(self):
        return as_list(self.state.position, self.state.axes)

    @property
    def base(self):
        return as_list(self.state.base, self.state.axes)

    @property
    def homing(self):
        return as_list(self.state.homing, self.state.axes)

    @property
    def speed(self):
        return self.state.feedrate * self.state.speed_factor

    @property
    def extra(self):
        return self._extra

    @extra.setter
    def extra(self, letters):
        cdef int index = 4, letter
        taken = set("XYZEFGMNT")
        memset(self.axis_of, -1, sizeof(self.axis_of))
        self.axis_of[LETTER_E] = E_AXIS
        for letter in range(3):
            self.axis_of[LETTER_X + letter] = letter
        self.further = 0
        for name in letters:
            if len(name) != 1 or not "A" <= name <= "Z" or name in taken or index >= AXES_MOST:
                raise ValueError(f"{name!r} can't be the letter of a further axis")
            taken.add(name)
            letter = ord(name) - ord("A")
            self.axis_of[letter] = index
            self.further |= <uint32_t>1 << letter
            index += 1
        self._extra = tuple(letters)

    def remove_axis(self, str letter):
        cdef int index = 4 + self._extra.index(letter), axis
        for axis in range(index, AXES_MOST - 1):
            self.state.base[axis] = self.state.base[axis + 1]
            self.state.homing[axis] = self.state.homing[axis + 1]
            self.state.position[axis] = self.state.position[axis + 1]
        self.extra = tuple(name for name in self._extra if name != letter)

    # Moves

    cdef int read_target(self, const gcode_words *words, double *target, double *feedrate,
                         move_fault *fault) noexcept nogil:
        """Where words lead (mm), and the feedrate (mm/s) that they leave."""
        cdef gcode_state *state = &self.state
        cdef double value
        cdef int letter, axis
        cdef uint32_t axes
        memcpy(target, state.position, sizeof(state.position))
        feedrate[0] = state.feedrate
        if has(words, LETTER_F):
            feedrate[0] = words.value[LETTER_F] * state.unit / 60.
            if not 0. < feedrate[0] <= FASTEST:
                return refuse(fault, FAULT_FEEDRATE, 4, words.value[LETTER_F], 0., FASTEST * 60. / state.unit)
        for letter in range(LETTER_X, LETTER_X + 3):
            if has(words, letter):
                axis = letter - LETTER_X
                value = words.value[letter] * state.unit
                target[axis] = value + (state.base[axis] if state.absolute else target[axis])
        if has(words, LETTER_E):
            value = words.value[LETTER_E] * state.unit * state.extrude_factor
            target[E_AXIS] = value + (
                state.base[E_AXIS] if state.absolute and state.absolute_extrude else target[E_AXIS])
        axes = words.present & self.further
        letter = 0
        while axes:
            if axes & 1:
                axis = self.axis_of[letter]
                value = words.value[letter] * state.unit
                target[axis] = value + (state.base[axis] if state.absolute else target[axis])
            axes >>= 1
            letter += 1
        return check_target(target, state.axes, fault)

    cdef int pass_on(self, const double *target, double speed, move_fault *fault) noexcept nogil:
        """Let a whole line's one move pass the chain, or nothing of it."""
        if self.head is self.planner:
            return self.planner.step(target, speed, fault)
        self.head.keep()
        if self.head.step(target, speed, fault) < 0:
            self.head.take_back()
            return -1
        return 0

    cdef int line(self, const gcode_words *words, move_fault *fault) noexcept nogil:
        cdef double target[AXES_MOST]
        cdef double feedrate
        cdef bint moved = False
        cdef int axis
        if self.read_target(words, target, &feedrate, fault) < 0:
            return -1
        for axis in range(self.state.axes):
            moved |= target[axis] != self.state.position[axis]
        if moved:
            if self.pass_on(target, feedrate * self.state.speed_factor, fault) < 0:
                return -1
            memcpy(self.state.position, target, sizeof(target))
        self.state.feedrate = feedrate
        return 0

    cdef void read_arc(self, const gcode_words *words, bint clockwise, arc_words *read) noexcept nogil:
        cdef int axis
        read.plane = self.state.plane
        read.clockwise = clockwise
        for axis in range(3):
            read.has_offset[axis] = has(words, LETTER_I + axis)
            read.offset[axis] = 0.
            if read.has_offset[axis]:
                read.offset[axis] = words.value[LETTER_I + axis] * self.state.unit
        read.has_radius = has(words, LETTER_R) and not self.further >> LETTER_R & 1
        read.radius = words.value[LETTER_R] * self.state.unit if read.has_radius else 0.

    cdef int arc(self, const gcode_words *words, bint clockwise, move_fault *fault) noexcept nogil:
        cdef double target[AXES_MOST]
        cdef arc_words read
        cdef double feedrate
        if self.read_target(words, target, &feedrate, fault) < 0:
            return -1
        self.read_arc(words, clockwise, &read)
        self.head.keep()
        if self.follow_arc(&read, target, feedrate * self.state.speed_factor, fault) < 0:
            self.head.take_back()
            return -1
        memcpy(self.state.position, target, sizeof(target))
        self.state.feedrate = feedrate
        return 0

    cdef int follow_arc(self, const arc_words *words, const double *target, double speed,
                        move_fault *fault) noexcept nogil:
        cdef double position[AXES_MOST]
        cdef double *start = self.state.position
        cdef double corner = 0., share, fastest = speed
        cdef arc_path arc
        cdef int64_t count, i
        cdef int axis
        if solve_arc(words, start, target, &arc, fault) < 0:
            return -1
        if self.planner.lookahead is not None:
            corner = self.planner.lookahead.limit.corner
            fastest = min(min(speed, self.planner.lookahead.limit.velocity),
                          sqrt(self.planner.lookahead.limit.accel * arc.radius))
        count = arc_chords(&arc, self.arc_resolution, self.arc_error, corner, fastest)
        if count > CHORDS_MOST:
            return refuse(fault, FAULT_ARC, ARC_LONG, count, 0., CHORDS_MOST)
        for i in range(1, count):
            share = <double>i / count
            for axis in range(self.state.axes):
                position[axis] = start[axis] + share * (target[axis] - start[axis])
            arc_point(&arc, share, position)
            if self.head.step(position, speed, fault) < 0:
                return -1
        return self.head.step(target, speed, fault)

    def linear(self, Line line not None):
        cdef move_fault fault
        line.need_words()
        self.planner.begin()
        try:
            if self.line(&line._line.words, &fault) < 0:
                self.refused(&fault)
        finally:
            self.planner.end()

    def circular(self, Line line not None, bint clockwise):
        cdef move_fault fault
        line.need_words()
        self.planner.begin()
        try:
            if self.arc(&line._line.words, clockwise, &fault) < 0:
                self.refused(&fault)
        finally:
            self.planner.end()

    cdef int refused(self, const move_fault *fault) except -1:
        if fault.code == FAULT_FEEDRATE:
            limit = f"must be above 0 and at most {fault.maximum:g}"
            raise CommandError(f"Invalid speed: F{fault.value:g}, {limit}")
        if fault.code == FAULT_ARC:
            raise impossible_arc(fault)
        raise_chain_fault(self.head, fault)

    cdef int go(self, position, speed) except -1:
        cdef double target[AXES_MOST]
        memcpy(target, self.state.position, sizeof(target))
        fill(target, position)
        if position == self.position:
            return 0
        self.head.move(position, speed if speed is not None else self.speed)
        memcpy(self.state.position, target, sizeof(target))
        return 0

    def move_by(self, shifts, speed):
        self.go([p + s for p, s in zip(self.position, shifts, strict=True)], speed)

    def move_back(self, saved, speed):
        self.go([*saved.position[:3], *self.position[3:]], speed)

    # What positions are called

    cdef void call_position(self, int axis, double value) noexcept nogil:
        if axis == E_AXIS:
            value *= self.state.extrude_factor
        self.state.base[axis] = self.state.position[axis] - value

    cdef void set_extrusion(self, double factor) noexcept nogil:
        cdef gcode_state *state = &self.state
        cdef double called = (state.position[E_AXIS] - state.base[E_AXIS]) / state.extrude_factor
        state.base[E_AXIS] = state.position[E_AXIS] - called * factor
        state.extrude_factor = factor

    def set_position(self, int index, value):
        if not 0 <= index < self.state.axes:
            raise IndexError(f"there is no axis {index}")
        self.call_position(index, 0. if value is None else <double>value * self.state.unit)

    def set_speed_factor(self, double factor):
        self.state.speed_factor = factor

    def set_extrude_factor(self, double factor):
        self.set_extrusion(factor)

    def set_offset(self, int index, double offset):
        if not 0 <= index < self.state.axes:
            raise IndexError(f"there is no axis {index}")
        shift = offset - self.state.homing[index]
        self.state.homing[index] = offset
        self.state.base[index] += shift
        return shift

    def gcode_position(self):
        called = [p - b for p, b in zip(self.position, self.base, strict=True)]
        called[E_AXIS] /= self.state.extrude_factor
        return called

    def machine_moved(self, position):
        fill(self.state.position, position)
        self.state.axes = max(len(position), 4)

    def axes_homed(self, indices):
        for index in indices:
            if 0 <= index < self.state.axes:
                self.state.base[<int>index] = self.state.homing[<int>index]

    def save(self):
        return GcodeState(
            self.absolute, self.absolute_extrude, tuple(self.base), tuple(self.position), tuple(self.homing),
            self.feedrate, self.speed_factor, self.extrude_factor)

    def restore(self, saved):
        fill(self.state.base, saved.base)
        fill(self.state.homing, saved.homing)
        self.state.absolute, self.state.absolute_extrude = saved.absolute, saved.absolute_extrude
        self.state.feedrate = saved.feedrate
        self.state.speed_factor, self.state.extrude_factor = saved.speed_factor, saved.extrude_factor
        # Filament that moved meanwhile isn't moved back: the saved E value is called by today's place.
        self.state.base[E_AXIS] += self.state.position[E_AXIS] - saved.position[E_AXIS]
