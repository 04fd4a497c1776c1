# Lines as Python objects; the scanner beneath them needs none (scan.pxd).
from klipperd.gcode.scan cimport gcode_line


cdef class Line:
    cdef bytes _data
    cdef gcode_line _line
    cdef object _name
    cdef readonly Py_ssize_t line_number
    cdef readonly Py_ssize_t offset
    cdef object _word_problem(self, int start, int end, str wanted)
    # Read the words as those of a move, whatever the command's name. @raise MalformedGcode
    cdef int need_words(self) except -1


cdef class BlockReader:
    cdef bytes _data
    cdef const char *_text      # what _data holds
    cdef Py_ssize_t _text_size
    cdef Py_ssize_t _next       # in _data: the next line's start
    cdef Py_ssize_t _start      # in _data: the present line's start
    cdef Py_ssize_t _size       # the present line's bytes, without its newline
    cdef Py_ssize_t _base       # bytes of the source before _data
    cdef bint _finished
    cdef gcode_line _line
    cdef readonly Py_ssize_t line_number
    # Go to the next line that is not blank; its kind, or 0 when more data is needed.
    cdef int step(self) noexcept nogil
