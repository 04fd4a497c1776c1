# What the link's I/O thread needs of POSIX and Linux, beyond what Cython ships.
from libc.stdint cimport uint64_t

cdef extern from "<errno.h>" nogil:
    int errno
    enum: EAGAIN, EINTR, EIO, EPIPE, ECONNRESET

cdef extern from "<time.h>" nogil:
    ctypedef int clockid_t
    struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(clockid_t clock, timespec *now)
    enum: CLOCK_MONOTONIC

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int sigfillset(sigset_t *signals)
    int pthread_sigmask(int how, const sigset_t *signals, sigset_t *old)
    enum: SIG_SETMASK

cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_t:
        pass
    ctypedef struct pthread_attr_t:
        pass
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_mutexattr_t:
        pass
    int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                       void *(*run)(void *) noexcept nogil, void *context)
    int pthread_join(pthread_t thread, void **result)
    int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes)
    int pthread_mutex_destroy(pthread_mutex_t *mutex)
    int pthread_mutex_lock(pthread_mutex_t *mutex)
    int pthread_mutex_unlock(pthread_mutex_t *mutex)

cdef extern from "<poll.h>" nogil:
    struct pollfd:
        int fd
        short events
        short revents
    int ppoll(pollfd *fds, unsigned long count, const timespec *timeout, const sigset_t *signals)
    enum: POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int value, int flags)
    enum: EFD_NONBLOCK, EFD_CLOEXEC

cdef extern from "<unistd.h>" nogil:
    ssize_t read(int fd, void *data, size_t size)
    ssize_t write(int fd, const void *data, size_t size)
    int close(int fd)


# Seconds of CLOCK_MONOTONIC.
cdef inline double real_time() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec + now.tv_nsec * 1e-9


# Make an eventfd readable.
cdef inline void event_raise(int fd) noexcept nogil:
    cdef uint64_t one = 1
    cdef ssize_t written = write(fd, &one, sizeof(one))
    if written < 0:
        pass        # full: it is readable already, which is all that is asked


# Make an eventfd unreadable until the next event_raise.
cdef inline void event_clear(int fd) noexcept nogil:
    cdef uint64_t count
    cdef ssize_t got = read(fd, &count, sizeof(count))
    if got < 0:
        pass        # it was clear
