# From bytes of G-code to the lookahead without a Python object a line.
from libc.stdint cimport int64_t, uint32_t

from klipperd.gcode.coordinates cimport GcodeCoordinates
from klipperd.gcode.lexer cimport BlockReader
from klipperd.gcode.scan cimport gcode_line
from klipperd.motion.lookahead cimport Lookahead


cdef class GcodeStream(BlockReader):
    cdef readonly GcodeCoordinates coordinates
    cdef readonly Lookahead lookahead
    cdef readonly double print_time     # s, when what is planned ends
    cdef readonly bint refused          # the line that leaves was refused as a move
    cdef uint32_t served                # bit k: commands of WORDS[k] are executed here
    cdef int execute(self, int kind) noexcept nogil
    cdef int set_modes(self, int command, gcode_line *line) noexcept nogil
    cdef int set_origin(self, const gcode_line *line) noexcept nogil
    cdef int set_acceleration(self, const gcode_line *line) noexcept nogil
    cdef int look_ahead(self, double rest_until) noexcept nogil
    cdef int go(self, double horizon, double rest_until, double waiting, int64_t most) noexcept nogil
