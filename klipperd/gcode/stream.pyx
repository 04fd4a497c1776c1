"""From bytes of G-code to the lookahead: lexing, modes, coordinates, transforms, limits, plans.

A command is executed here only when its words are plain and its values allowed; whatever is not is left to
the command of that name, which then says what is wrong. So there is one place for each error.
"""

from libc.math cimport INFINITY, isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t

from klipperd.gcode.coordinates cimport GcodeCoordinates
from klipperd.gcode.lexer cimport BlockReader
from klipperd.gcode.scan cimport LINE_MOVE, code_of, gcode_line, gcode_words, read_words
from klipperd.motion.limits cimport SLOWEST, move_fault
from klipperd.motion.lookahead cimport Lookahead
from klipperd.motion.transform cimport PythonLink, Transform

__all__ = ["DUE", "FULL", "LEAVES", "NEED_DATA", "SLICE", "WORDS", "GcodeStream"]

NEED_DATA, LEAVES, DUE, FULL, SLICE = range(5)
WORDS = ("G0", "G1", "G2", "G3", "G17", "G18", "G19", "G20", "G21", "G90", "G91", "G92", "M82", "M83", "M204",
         "M220", "M221")

# Why a run ends; NEED_DATA and so on.
cdef enum:
    ENDS_DATA = 0
    ENDS_LEAVES = 1
    ENDS_DUE = 2
    ENDS_FULL = 3
    ENDS_SLICE = 4
    GOES_ON = 5

cdef enum:
    SLOW_MOST = 200         # moves in one go through a transform in Python

# Indices in WORDS.
cdef enum:
    W_G0 = 0
    W_G1 = 1
    W_G2 = 2
    W_G3 = 3
    W_G17 = 4
    W_G18 = 5
    W_G19 = 6
    W_G20 = 7
    W_G21 = 8
    W_G90 = 9
    W_G91 = 10
    W_G92 = 11
    W_M82 = 12
    W_M83 = 13
    W_M204 = 14
    W_M220 = 15
    W_M221 = 16

cdef enum:
    LETTER_P = 15
    LETTER_S = 18
    LETTER_T = 19

cdef int[17] CODES
for _index, _name in enumerate(WORDS):
    CODES[<int>_index] = code_of(<uint8_t>ord(_name[0]), int(_name[1:]))


cdef bint any_python(Transform head):
    """Whether moves pass a transform that takes its time."""
    while head is not None:
        if isinstance(head, PythonLink):
            return True
        head = head.next
    return False


cdef int word_index(int code) noexcept nogil:
    cdef int index
    for index in range(17):
        if CODES[index] == code:
            return index
    return -1


cdef inline bint has(const gcode_words *words, int letter) noexcept nogil:
    return words.present >> letter & 1


cdef class GcodeStream(BlockReader):
    def __init__(self, GcodeCoordinates coordinates not None, Lookahead lookahead not None,
                 Py_ssize_t offset=0, Py_ssize_t line_number=0):
        BlockReader.__init__(self, offset, line_number)
        self.coordinates, self.lookahead = coordinates, lookahead
        self.serve(WORDS)

    def serve(self, names):
        self.served = 0
        for name in names:
            self.served |= <uint32_t>1 << <int>WORDS.index(name)

    def run(self, double print_time=0., double horizon=INFINITY, double rest_until=INFINITY,
            double waiting=INFINITY, int64_t most=2000):
        if self.coordinates.planner.lookahead is not self.lookahead:
            raise ValueError("these coordinates' moves go to another lookahead")
        if most > SLOW_MOST and any_python(self.coordinates.head):
            most = SLOW_MOST
        self.print_time = print_time
        self.refused = False
        self.coordinates.planner.open = True
        try:
            return self.go(horizon, rest_until, waiting, most)
        finally:
            self.coordinates.planner.open = False
            self.lookahead.source = -1

    cdef int go(self, double horizon, double rest_until, double waiting, int64_t most) noexcept nogil:
        cdef int64_t enough = self.lookahead.flushed + self.lookahead.count + most
        cdef int kind, ends
        while True:
            if self.print_time > horizon or (self.lookahead.pending > waiting and self.lookahead.count > 1):
                return ENDS_FULL
            if self.lookahead.flushed + self.lookahead.count >= enough:
                return ENDS_SLICE
            kind = self.step()
            if kind == 0:
                return ENDS_DATA
            ends = self.execute(kind)
            if ends != GOES_ON:
                return ends
            if self.lookahead.is_due():
                ends = self.look_ahead(rest_until)
                if ends != GOES_ON:
                    return ends

    cdef int look_ahead(self, double rest_until) noexcept nogil:
        """Plan what is settled, when it is clear when that begins."""
        if not (self.lookahead.entry_s > 0. or self.print_time >= rest_until):
            return ENDS_DUE
        if self.lookahead.plan(&self.print_time, True) < 0:
            return ENDS_DUE     # memory is out, as the caller will find
        return ENDS_DUE if self.lookahead.has_reached else GOES_ON

    cdef int execute(self, int kind) noexcept nogil:
        """Execute the present line, or leave it."""
        cdef move_fault fault
        cdef gcode_line other
        cdef gcode_line *line = &self._line
        cdef int result = 0
        cdef int command
        if line.checksum_wrong:
            return ENDS_LEAVES
        self.lookahead.source = self._base + self._start
        if kind == LINE_MOVE:
            if not self.served >> (line.code & 1) & 1:
                return ENDS_LEAVES
            result = self.coordinates.line(&line.words, &fault)
        else:
            command = word_index(line.code)
            if command <= W_G1 or not self.served >> command & 1:
                return ENDS_LEAVES
            other = self._line
            read_words(<const uint8_t *>self._text + self._start, line.name_end, &other)
            if other.kind != LINE_MOVE:
                return ENDS_LEAVES
            if command <= W_G3:
                result = self.coordinates.arc(&other.words, command == W_G2, &fault)
            else:
                return self.set_modes(command, &other)
        if result < 0:
            self.refused = True
            return ENDS_LEAVES
        return GOES_ON

    cdef int set_modes(self, int command, gcode_line *line) noexcept nogil:
        cdef double percent
        if W_G17 <= command <= W_G19:
            self.coordinates.state.plane = command - W_G17
        elif command == W_G20 or command == W_G21:
            self.coordinates.state.unit = 25.4 if command == W_G20 else 1.
        elif command == W_G90 or command == W_G91:
            self.coordinates.state.absolute = command == W_G90
        elif command == W_M82 or command == W_M83:
            self.coordinates.state.absolute_extrude = command == W_M82
        elif command == W_G92:
            return self.set_origin(line)
        elif command == W_M204:
            return self.set_acceleration(line)
        else:
            percent = line.words.value[LETTER_S] if has(&line.words, LETTER_S) else 100.
            if not (percent > 0. and isfinite(percent)):
                return ENDS_LEAVES
            if command == W_M220:
                self.coordinates.state.speed_factor = percent / 100.
            else:
                self.coordinates.set_extrusion(percent / 100.)
        return GOES_ON

    cdef int set_origin(self, const gcode_line *line) noexcept nogil:
        """G92."""
        cdef int[4] letters = [23, 24, 25, 4]
        cdef bint everything = True
        cdef double value
        cdef int axis
        for axis in range(4):
            everything &= not has(&line.words, letters[axis])
        for axis in range(4):
            if everything:
                self.coordinates.call_position(axis, 0.)
            elif has(&line.words, letters[axis]):
                value = line.words.value[letters[axis]] * self.coordinates.state.unit
                self.coordinates.call_position(axis, value)
        return GOES_ON

    cdef int set_acceleration(self, const gcode_line *line) noexcept nogil:
        """M204."""
        cdef const gcode_words *words = &line.words
        cdef double accel = words.value[LETTER_S]
        if not has(words, LETTER_S):
            if not (has(words, LETTER_P) and has(words, LETTER_T)):
                return ENDS_LEAVES
            accel = min(words.value[LETTER_P], words.value[LETTER_T])
        if not (accel >= SLOWEST and isfinite(accel)):
            return ENDS_LEAVES
        # These aren't used then, but they must be allowed.
        if (has(words, LETTER_P) and words.value[LETTER_P] <= 0.) \
                or (has(words, LETTER_T) and words.value[LETTER_T] <= 0.):
            return ENDS_LEAVES
        self.lookahead.limit.accel = accel
        return GOES_ON

    def raise_refusal(self):
        line = self.line()
        if line.is_move:
            self.coordinates.linear(line)
        else:
            self.coordinates.circular(line, line.name == "G2")
