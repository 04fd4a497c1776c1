"""Compiled G-code lexer: bytes to commands.

  line        = [N digits] [command] [* checksum] [; comment]
  traditional = letter number {letter [number]}      G1 X10.5 E2, also without spaces; (comments) too
  extended    = NAME {KEY=value}                     a value is plain, 'quoted' or "quoted \\" text"

Letters may be of either case. A checksum (the xor of all bytes before it) is recognised in lines with N.
Commands with free text (M117, M118, M23) are traditional ones whose text nobody parses.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport isfinite
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr

from klipperd.gcode.scan cimport (
    LINE_BAD, LINE_BLANK, LINE_COMMAND, LINE_MOVE, gcode_line, is_space, letter_of, lex_line, number_end,
    read_words, skip_blank, word_end,
)

from klipperd.gcode.errors import MalformedGcode

NOTHING = 0
MOVE = LINE_MOVE
COMMAND = LINE_COMMAND

cdef enum:
    LINE_LIMIT = 1 << 20    # a line longer than this is taken to be no text file's


cdef object word_of(gcode_line *line, str letter):
    cdef int index = letter_of(<uint8_t>ord(letter))
    if line.kind != LINE_MOVE or index < 0 or not line.words.present >> index & 1:
        return None
    return line.words.value[index]


cdef tuple axes_of(gcode_line *line):
    cdef uint32_t has = line.words.present
    cdef double *value = line.words.value
    return (
        value[23] if has >> 23 & 1 else None,
        value[24] if has >> 24 & 1 else None,
        value[25] if has >> 25 & 1 else None,
        value[4] if has >> 4 & 1 else None,
        value[5] if has >> 5 & 1 else None,
    )


cdef str canonical_name(bytes name, bint traditional):
    """Upper case; G01 is G1."""
    text = name.decode("utf-8", "replace").upper()
    if traditional and len(text) > 2 and text[1] == "0" and text[2].isdigit():
        return text[0] + (text[1:].lstrip("0") or "0")
    return text


cdef int comment_start(const uint8_t *text, int at, int end) noexcept nogil:
    """Where an extended command's comment starts: the first C{;} outside of quotes."""
    cdef uint8_t quote = 0
    while at < end:
        if quote:
            if text[at] == 92 and quote == 34:
                at += 1
            elif text[at] == quote:
                quote = 0
        elif text[at] == 34 or text[at] == 39:
            quote = text[at]
        elif text[at] == 59:
            return at
        at += 1
    return end


cdef int read_value(const uint8_t *text, int at, int end, bytearray value) except -2:
    """Append an extended command's value to C{value}; returns its end, -1 if a quote isn't closed."""
    cdef uint8_t quote = 0
    cdef uint8_t c
    while at < end:
        c = text[at]
        if quote:
            if c == quote:
                quote = 0
            elif c == 92 and quote == 34 and at + 1 < end and (text[at + 1] == 34 or text[at + 1] == 92):
                at += 1
                value.append(text[at])
            else:
                value.append(c)
        elif c == 34 or c == 39:
            quote = c
        elif c == 59 or is_space(c):
            break
        elif c == 92 and at + 1 < end and (text[at + 1] in b"\"'\\ "):
            at += 1
            value.append(text[at])
        else:
            value.append(c)
        at += 1
    return -1 if quote else at


cdef class Line:
    """One line of G-code, see lexer.pyi."""

    @property
    def name(self):
        if self._name is None:
            if self._line.kind == LINE_COMMAND or self._line.name_end > self._line.start:
                name = self._data[self._line.start:self._line.name_end]
                self._name = canonical_name(name, self._line.traditional)
            else:
                self._name = ""
        return self._name

    @property
    def number(self):
        return self._line.number

    @property
    def is_move(self):
        return self._line.kind == LINE_MOVE

    @property
    def is_traditional(self):
        return self._line.traditional

    @property
    def checksum_failed(self):
        return self._line.checksum_wrong

    @property
    def problem(self):
        if self._line.kind != LINE_BAD:
            return None
        return self._word_problem(self._line.bad_start, self._line.bad_end, "")

    cdef object _word_problem(self, int start, int end, str wanted):
        word = self._data[start:end].decode("utf-8", "replace")
        if len(word) > 40:
            word = word[:40] + "..."
        return f"Malformed word {word!r} in line {self.line_number} (byte {self.offset + start}){wanted}"

    @property
    def raw(self):
        cdef const uint8_t *text = <const uint8_t *><const char *>self._data
        cdef int end = self._line.end
        cdef const uint8_t *semicolon
        if self._line.traditional:
            semicolon = <const uint8_t *>memchr(text + self._line.start, 59, end - self._line.start)
            if semicolon != NULL:
                end = <int>(semicolon - text)
        else:
            end = comment_start(text, self._line.start, end)
        return self._data[self._line.start:end].decode("utf-8", "replace").strip()

    @property
    def text(self):
        return self._data[self._line.name_end:self._line.end].decode("utf-8", "replace").strip()

    @property
    def params(self):
        found, problem = self._parse()
        if problem is not None:
            raise MalformedGcode(problem)
        return found

    @property
    def lenient_params(self):
        return self._parse()[0]

    cdef int need_words(self) except -1:
        if self._line.kind != LINE_MOVE:
            self._read_as_move()
        return 0

    def word(self, str letter):
        self.need_words()
        return word_of(&self._line, letter)

    def axes(self):
        self.need_words()
        return axes_of(&self._line)

    def _read_as_move(self):
        """Read the words of a command that is G1 by another name (rename_existing: G1.1)."""
        cdef int letter
        if self._line.traditional and self._line.kind == LINE_COMMAND:
            read_words(<const uint8_t *><const char *>self._data, self._line.name_end, &self._line)
        else:
            self._line.words.present = 0
            for key, text in self.params.items():
                letter = letter_of(<uint8_t>ord(key)) if len(key) == 1 and key.isascii() else -1
                if letter >= 0:
                    try:
                        self._line.words.value[letter] = float(text)
                        if not isfinite(self._line.words.value[letter]):
                            raise ValueError
                    except ValueError:
                        raise MalformedGcode(f"{self.name}: {key}: {text!r} is not a number") from None
                    self._line.words.present |= <uint32_t>1 << letter
            self._line.kind = LINE_MOVE
        if self._line.kind == LINE_BAD:
            raise MalformedGcode(self.problem)

    def _parse(self):
        if self._line.kind == LINE_BAD:
            return {}, self.problem
        return self._traditional() if self._line.traditional else self._extended()

    def _traditional(self):
        cdef const uint8_t *text = <const uint8_t *><const char *>self._data
        cdef int end = self._line.end
        cdef int at = skip_blank(text, self._line.name_end, end)
        cdef int stop
        found = {}
        problem = None
        while at < end and text[at] != 59:
            stop = number_end(text, at + 1, end)
            value = self._data[at + 1:stop]
            if stop == at + 1 and stop < end and text[stop] == 34:
                buffer = bytearray()
                stop = read_value(text, stop, end, buffer)
                value = bytes(buffer)
            if letter_of(text[at]) < 0 or stop < 0 or (
                stop < end and letter_of(text[stop]) < 0 and not is_space(text[stop])
                and text[stop] != 59 and text[stop] != 40
            ):
                stop = word_end(text, at, end)
                problem = problem or self._word_problem(at, stop, "")
            else:
                found[chr(text[at]).upper()] = value.decode("utf-8", "replace")
            at = skip_blank(text, max(stop, at + 1), end)
        return found, problem

    def _extended(self):
        cdef const uint8_t *text = <const uint8_t *><const char *>self._data
        cdef int end = self._line.end
        cdef int at = self._line.name_end
        cdef int equals, stop
        found = {}
        problem = None
        while True:
            while at < end and is_space(text[at]):
                at += 1
            if at >= end or text[at] == 59 or text[at] == 35:
                return found, problem
            equals = at
            while equals < end and text[equals] != 61 and not is_space(text[equals]) and text[equals] != 59:
                equals += 1
            if equals == at or equals >= end or text[equals] != 61:
                stop = max(word_end(text, at, end), at + 1)
                problem = problem or self._word_problem(at, stop, ": KEY=value is wanted")
                at = stop
                continue
            value = bytearray()
            stop = read_value(text, equals + 1, end, value)
            if stop < 0:
                problem = problem or self._word_problem(at, end, ": a quote is not closed")
                return found, problem
            key = self._data[at:equals].decode("utf-8", "replace").upper()
            found[key] = value.decode("utf-8", "replace")
            at = stop

    def __repr__(self):
        return f"<Line {self._data!r}>"


cdef Line make_line(bytes data, gcode_line *line, Py_ssize_t line_number, Py_ssize_t offset):
    cdef Line made = Line.__new__(Line)
    made._data = data
    made._line = line[0]
    made.line_number = line_number
    made.offset = offset
    return made


def parse_line(bytes data not None, Py_ssize_t line_number=1, Py_ssize_t offset=0):
    """One line, with or without its newline."""
    cdef gcode_line line
    lex_line(<const uint8_t *><const char *>data, <int>min(len(data), LINE_LIMIT), &line)
    return make_line(data, &line, line_number, offset)


def split_lines(bytes data not None):
    """All lines of a script, blank ones included."""
    offset = 0
    for number, text in enumerate(data.split(b"\n"), 1):
        yield parse_line(text, number, offset)
        offset += len(text) + 1


cdef class BlockReader:
    """Lines of a source that comes in blocks, see lexer.pyi."""

    def __init__(self, Py_ssize_t offset=0, Py_ssize_t line_number=0):
        self._data = b""
        self._base = offset
        self.line_number = line_number

    @property
    def offset(self):
        return self._base + self._start

    @property
    def end(self):
        return self._base + self._next

    def feed(self, bytes data not None):
        self._base += self._next
        self._data = self._data[self._next:] + data
        self._text, self._text_size = PyBytes_AS_STRING(self._data), PyBytes_GET_SIZE(self._data)
        self._next = self._start = self._size = 0

    def finish(self):
        self._finished = True

    def advance(self):
        return self.step()

    cdef int step(self) noexcept nogil:
        cdef const char *data = self._text
        cdef Py_ssize_t size = self._text_size
        cdef const char *newline
        cdef int kind, size_limit
        while self._next < size:
            newline = <const char *>memchr(data + self._next, 10, size - self._next)
            if newline == NULL and not self._finished and size - self._next < LINE_LIMIT:
                return 0
            self._start = self._next
            self._size = (newline - data if newline != NULL else size) - self._start
            self._next = self._start + self._size + (newline != NULL)
            self.line_number += 1
            size_limit = <int>min(self._size, LINE_LIMIT)
            kind = lex_line(<const uint8_t *>data + self._start, size_limit, &self._line)
            if kind == LINE_MOVE:
                # A numbered line's checksum is checked where errors are dealt with.
                return LINE_COMMAND if self._line.checksum_wrong else LINE_MOVE
            if kind != LINE_BLANK:
                return LINE_COMMAND
        return 0

    def line(self):
        data = self._data[self._start:self._start + self._size]
        return make_line(data, &self._line, self.line_number, self._base + self._start)

    def word(self, str letter):
        return word_of(&self._line, letter)

    def axes(self):
        return axes_of(&self._line)
