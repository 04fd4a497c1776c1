cdef struct Parcel:
    int fd             # socket to write to; -1: none
    const char *data   # what to write
    size_t size        # how much that is (bytes)
    ssize_t sent       # how much the kernel took; 0 if nothing


cdef void send_parcels(Parcel *parcels, Py_ssize_t count) noexcept nogil


cdef class Line:
    cdef public int window_bits  # of a client that wants messages compressed (9 to 15); 0 for others
    cdef readonly bint free      # whether fd may be written to straight
    cdef int fd                  # the socket, while free
    cdef bint closing            # whether nothing more is to be said but what closes the connection
    cdef object transport        # Twisted's, for all that can't go straight

    cdef bint look(self)
