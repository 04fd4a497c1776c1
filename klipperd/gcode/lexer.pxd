# Lexer of G-code lines. lex_line() needs no GIL and no Python object: it is the seam at which moves are
# read from a block of a file straight into the planner.
from libc.stdint cimport uint8_t, uint32_t, int64_t

cdef enum:
    LINE_BLANK = 0          # white space or a comment
    LINE_MOVE = 1           # a well-formed G0 or G1; its words are in `words`
    LINE_COMMAND = 2        # any other command; its parameters are read when they are asked for
    LINE_BAD = 3            # bad_start..bad_end is no G-code, or is malformed in a G0 or G1

# The words of a G0 or G1 as written: units and absolute or relative meaning are the reader's business.
cdef struct gcode_words:
    uint32_t present        # bit k: there is a word chr('A' + k)
    double value[26]        # of the words that are present

# Positions are bytes from the line's start.
cdef struct gcode_line:
    int kind
    bint traditional        # a letter and a number, such as G1 or M117; else NAME KEY=value
    int64_t number          # the N word, or -1
    bint checksum_wrong     # it has a checksum, and that is not the one of its bytes
    int start               # of the command, after the N word
    int name_end
    int end                 # without checksum and trailing white space, comment included
    int bad_start
    int bad_end
    gcode_words words       # filled for LINE_MOVE only


# Read the line of `size` bytes (without its newline) at `text`; returns line.kind.
cdef int lex_line(const uint8_t *text, int size, gcode_line *line) noexcept nogil


cdef class Line:
    cdef bytes _data
    cdef gcode_line _line
    cdef object _name
    cdef readonly Py_ssize_t line_number
    cdef readonly Py_ssize_t offset
    cdef object _word_problem(self, int start, int end, str wanted)


cdef class BlockReader:
    cdef bytes _data
    cdef Py_ssize_t _next       # in _data: the next line's start
    cdef Py_ssize_t _start      # in _data: the present line's start
    cdef Py_ssize_t _size       # the present line's bytes, without its newline
    cdef Py_ssize_t _base       # bytes of the source before _data
    cdef bint _finished
    cdef gcode_line _line
    cdef readonly Py_ssize_t line_number
