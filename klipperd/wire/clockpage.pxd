# The scaled clock that simulators, links and the reactor share through one page of memory (see
# klipperd/clock.py).
from libc.stdint cimport uint64_t
from klipperd.wire.posix cimport real_time

cdef enum:
    CLOCK_PAGE_LEASES = 32

# 0.1 s of virtual time: how far a participant lets the clock run ahead of what it has handled.
cdef enum:
    LEASE_SLACK_MS = 15

cdef struct clock_page:
    uint64_t magic
    uint64_t reserved
    double real_anchor          # CLOCK_MONOTONIC at creation, s
    double virtual_anchor       # virtual time at creation, s
    double speed                # virtual seconds per real second
    double unused[3]
    double lease[32]            # virtual time until which a participant lets the clock run, s; 0 = unused


cdef extern from *:
    """
    static inline double lease_load(const double *slot)
    {
        double value;
        __atomic_load(slot, &value, __ATOMIC_ACQUIRE);
        return value;
    }
    static inline void lease_store(double *slot, double value)
    {
        __atomic_store(slot, &value, __ATOMIC_RELEASE);
    }
    """
    double lease_load(const double *slot) noexcept nogil
    void lease_store(double *slot, double value) noexcept nogil


# The clock of the whole system: virtual seconds, or CLOCK_MONOTONIC when there is no page.
cdef inline double page_now(const clock_page *page) noexcept nogil:
    cdef double now = real_time(), lease
    cdef int i
    if page == NULL:
        return now
    now = page.virtual_anchor + (now - page.real_anchor) * page.speed
    for i in range(CLOCK_PAGE_LEASES):
        lease = lease_load(&page.lease[i])
        if lease != 0.0 and lease < now:
            now = lease
    return now
