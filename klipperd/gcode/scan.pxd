# Scanner of G-code lines. lex_line() needs no GIL and no Python object: it is the seam at which moves are
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
    int code                # of a traditional command of up to three digits, see code_of(); else -1
    int start               # of the command, after the N word
    int name_end
    int end                 # without checksum and trailing white space, comment included
    int bad_start
    int bad_end
    gcode_words words       # filled for LINE_MOVE only


# Read the line of `size` bytes (without its newline) at `text`; returns line.kind.
cdef int lex_line(const uint8_t *text, int size, gcode_line *line) noexcept nogil

# Read the words of a G0 or G1 from `at` on into line.words; line.kind becomes LINE_MOVE or LINE_BAD.
cdef void read_words(const uint8_t *text, int at, gcode_line *line) noexcept nogil

# Where the number that starts at `at` ends; `at` itself if there is none.
cdef int number_end(const uint8_t *text, int at, int end) noexcept nogil

# Skip white space and (comments).
cdef int skip_blank(const uint8_t *text, int at, int end) noexcept nogil

# The end of what a reader would call the word at `at`: up to white space or comment.
cdef int word_end(const uint8_t *text, int at, int end) noexcept nogil


cdef inline int code_of(uint8_t letter, int number) noexcept nogil:
    """What gcode_line.code is of a command such as G1."""
    return (letter << 10) + number


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return 48 <= c <= 57


cdef inline bint is_space(uint8_t c) noexcept nogil:
    return c == 32 or 9 <= c <= 13


cdef inline int letter_of(uint8_t c) noexcept nogil:
    """0..25 for a letter of either case, else -1."""
    c |= 0x20
    return c - 97 if 97 <= c <= 122 else -1
