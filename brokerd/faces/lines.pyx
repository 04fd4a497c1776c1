"""The same message to many websockets, at little more than the kernel's own price for each.

What goes to hundreds of clients costs what is done once for each of them: here that is one system call, and
no look at the state of the connection. A Line knows beforehand whether its socket may be written to
straight. Whatever puts that in doubt ends it (something waits to be written, the connection closes); then
each message goes the careful way, which finds out whether the line is free again.
"""

from cpython.mem cimport PyMem_Free, PyMem_Malloc

from brokerd.faces.frames import frame_of
from brokerd.faces.straight import is_straight

__all__ = ["Line", "send_all"]

cdef extern from "sys/socket.h" nogil:
    const int MSG_DONTWAIT
    const int MSG_NOSIGNAL
    ssize_t send(int fd, const void *data, size_t size, int flags)


cdef void send_parcels(Parcel *parcels, Py_ssize_t count) noexcept nogil:
    """Write each, one after another. An error counts as nothing sent: Twisted will meet and report it."""
    cdef Py_ssize_t i
    cdef Parcel *parcel
    for i in range(count):
        parcel = &parcels[i]
        parcel.sent = 0
        if parcel.fd >= 0:
            parcel.sent = max(send(parcel.fd, parcel.data, parcel.size, MSG_DONTWAIT | MSG_NOSIGNAL), 0)


cdef class Line:
    def __init__(self, transport):
        self.transport = transport
        self.fd = -1

    def write(self, bytes data not None):
        cdef Parcel parcel
        if self.free or self.look():
            parcel.fd, parcel.data, parcel.size = self.fd, data, len(data)
            with nogil:
                send_parcels(&parcel, 1)
            if parcel.sent == <ssize_t>parcel.size:
                return
            data, self.free = data[parcel.sent:], False
        self.transport.write(data)

    cdef bint look(self):
        if not self.closing and is_straight(self.transport):
            # The socket is open for as long as the line is free: who closes it tells us at once (see close).
            self.fd, self.free = self.transport.fileno(), True
        return self.free

    def close(self):
        self.closing, self.free, self.fd = True, False, -1


def send_all(clients, *messages):
    cdef Py_ssize_t count = len(clients), i
    cdef Line line
    cdef bytes frame
    cdef dict frames = {}  # by kind of client; they stay until all is sent
    cdef Parcel *parcels = <Parcel *>PyMem_Malloc((count + 1) * sizeof(Parcel))
    if parcels == NULL:
        raise MemoryError
    try:
        for i in range(count):
            line = clients[i].line
            frame = frames.get(line.window_bits)
            if frame is None:
                frame = b"".join([frame_of(each, line.window_bits) for each in messages])
                frames[line.window_bits] = frame
            parcels[i].fd = line.fd if line.free else -1
            parcels[i].data, parcels[i].size = frame, len(frame)
        with nogil:
            send_parcels(parcels, count)
        for i in range(count):
            if parcels[i].sent == <ssize_t>parcels[i].size:
                continue
            line = clients[i].line
            line.free = False
            frame = frames[line.window_bits]
            clients[i].send_frame(frame[parcels[i].sent:])
    finally:
        PyMem_Free(parcels)
