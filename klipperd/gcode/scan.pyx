"""The lexer's scanner: one line of bytes to a gcode_line, without the GIL and without Python objects.

The grammar stands at the head of lexer.pyx.
"""

from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport strtod

cdef enum:
    EXACT_DIGITS = 15       # a mantissa of that many digits is exact in a double (a point may be among them)

cdef double[23] POWERS = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
]


cdef int number_end(const uint8_t *text, int at, int end) noexcept nogil:
    """Where the number that starts at C{at} ends; C{at} itself if there is none."""
    cdef int i = at
    cdef int digits = 0
    if i < end and (text[i] == 43 or text[i] == 45):
        i += 1
    while i < end and is_digit(text[i]):
        i += 1
        digits += 1
    if i < end and text[i] == 46:
        i += 1
        while i < end and is_digit(text[i]):
            i += 1
            digits += 1
    return i if digits else at


cdef bint slow_number(const uint8_t *text, int at, int end, double *value) noexcept nogil:
    cdef char[65] copy
    cdef int size = end - at
    cdef int i
    if size > 64:
        return False
    for i in range(size):
        copy[i] = <char>text[at + i]
    copy[size] = 0
    value[0] = strtod(copy, NULL)
    return isfinite(value[0])


cdef inline int take_number(const uint8_t *text, int at, int end, double *value) noexcept nogil:
    """Read the number that starts at C{at}, correctly rounded; returns its end, C{at} if there is none."""
    cdef uint64_t mantissa = 0
    cdef bint negative = False
    cdef int i = at, first, point, fraction = 0
    cdef uint8_t digit
    if i < end and (text[i] == 43 or text[i] == 45):
        negative = text[i] == 45
        i += 1
    first = i
    while i < end:
        digit = text[i] - <uint8_t>48
        if digit > 9:
            break
        mantissa = mantissa * 10 + digit
        i += 1
    point = i
    if i < end and text[i] == 46:
        i += 1
        while i < end:
            digit = text[i] - <uint8_t>48
            if digit > 9:
                break
            mantissa = mantissa * 10 + digit
            i += 1
        fraction = i - point - 1
    if point - first + fraction == 0:
        return at
    # A mantissa of that many digits can't have overflowed, and is exact, as is the power of ten.
    if i - first > EXACT_DIGITS:
        return i if slow_number(text, at, i, value) else at
    value[0] = <double>mantissa / POWERS[fraction]
    if negative:
        value[0] = -value[0]
    return i


cdef int skip_blank(const uint8_t *text, int at, int end) noexcept nogil:
    """Skip white space and (comments)."""
    while at < end:
        if is_space(text[at]):
            at += 1
        elif text[at] == 40:
            while at < end and text[at] != 41:
                at += 1
            at += at < end
        else:
            break
    return at


cdef int word_end(const uint8_t *text, int at, int end) noexcept nogil:
    """The end of what a reader would call the word at C{at}: up to white space or comment."""
    while at < end and not is_space(text[at]) and text[at] != 59:
        at += 1
    return at


cdef void bad(gcode_line *line, const uint8_t *text, int at) noexcept nogil:
    line.kind = LINE_BAD
    line.bad_start = at
    line.bad_end = word_end(text, at, line.end)
    if line.bad_end == at:
        line.bad_end = min(at + 1, line.end)


cdef void take_checksum(const uint8_t *text, gcode_line *line) noexcept nogil:
    """Cut C{*digits}, and a comment after it, from a numbered line's end, and verify it."""
    cdef int star = line.end - 1
    cdef int i
    cdef int given = 0
    cdef uint8_t sum = 0
    while star >= 0 and text[star] != 42:
        star -= 1
    if star < 0:
        return
    i = star + 1
    if i >= line.end or not is_digit(text[i]):
        return
    while i < line.end and is_digit(text[i]) and given < 1000:
        given = given * 10 + (text[i] - 48)
        i += 1
    while i < line.end and is_space(text[i]):
        i += 1
    if i < line.end and text[i] != 59:
        return
    for i in range(star):
        sum ^= text[i]
    line.checksum_wrong = given != sum
    line.end = star


cdef int take_line_number(const uint8_t *text, int at, gcode_line *line) noexcept nogil:
    """Read C{N123}; returns where the command starts, or C{at} when there is no N word."""
    cdef int i = at + 1
    cdef int64_t number = 0
    if text[at] | 0x20 != 110 or i >= line.end or not is_digit(text[i]):
        return at
    while i < line.end and is_digit(text[i]):
        if number < <int64_t>1 << 40:
            number = number * 10 + (text[i] - 48)
        i += 1
    line.number = number
    take_checksum(text, line)
    return skip_blank(text, i, line.end)


cdef int traditional_end(const uint8_t *text, int at, int end) noexcept nogil:
    """Where a traditional command's name ends, or C{at} when the first token is an extended name."""
    cdef int name = number_end(text, at + 1, end)
    cdef int i
    if name == at + 1 or not is_digit(text[at + 1]):
        return at
    i = name
    while i < end and not is_space(text[i]) and text[i] != 59:
        if text[i] == 95 or text[i] == 61:
            return at
        i += 1
    return name


cdef void read_words(const uint8_t *text, int at, gcode_line *line) noexcept nogil:
    """Read a G0's or G1's words; each must be a letter with a number."""
    cdef int letter, end
    cdef double value
    line.kind = LINE_MOVE
    line.words.present = 0
    at = skip_blank(text, at, line.end)
    while at < line.end and text[at] != 59:
        letter = letter_of(text[at])
        if letter < 0:
            bad(line, text, at)
            return
        end = take_number(text, at + 1, line.end, &value)
        if end == at + 1:
            bad(line, text, at)
            return
        if end < line.end and letter_of(text[end]) < 0 and not is_space(text[end]) \
                and text[end] != 59 and text[end] != 40:
            bad(line, text, at)
            return
        line.words.present |= <uint32_t>1 << letter
        line.words.value[letter] = value
        at = end
        if at < line.end and text[at] == 32:
            at += 1             # the usual case of what follows
        if at < line.end and letter_of(text[at]) < 0:
            at = skip_blank(text, at, line.end)


cdef int read_code(const uint8_t *text, int at, int end) noexcept nogil:
    """The code of a traditional command's name, -1 when its number has a fraction or many digits."""
    cdef int number = 0
    cdef int i
    if end - at > 4:
        return -1
    for i in range(at + 1, end):
        if not is_digit(text[i]):
            return -1
        number = number * 10 + (text[i] - 48)
    return code_of(text[at] & 0xdf, number)


cdef int lex_line(const uint8_t *text, int size, gcode_line *line) noexcept nogil:
    cdef int at = 0
    line.kind = LINE_BLANK
    line.traditional = False
    line.number = line.code = -1
    line.checksum_wrong = False
    line.bad_start = line.bad_end = 0
    if size >= 3 and text[0] == 0xef and text[1] == 0xbb and text[2] == 0xbf:
        at = 3      # a byte order mark
    while size > at and is_space(text[size - 1]):
        size -= 1
    line.end = size
    at = skip_blank(text, at, size)
    if at < size:
        at = take_line_number(text, at, line)
    line.start = line.name_end = at
    while line.end > at and is_space(text[line.end - 1]):
        line.end -= 1
    if at >= line.end or text[at] == 59:
        return LINE_BLANK
    if letter_of(text[at]) < 0 and text[at] != 95:
        bad(line, text, at)
        return LINE_BAD
    line.name_end = traditional_end(text, at, line.end)
    line.traditional = line.name_end != at
    if not line.traditional:
        line.name_end = word_end(text, at, line.end)
        line.kind = LINE_COMMAND
    else:
        line.kind = LINE_COMMAND
        line.code = read_code(text, at, line.name_end)
        if line.code == code_of(71, 0) or line.code == code_of(71, 1):
            read_words(text, line.name_end, line)
    return line.kind
