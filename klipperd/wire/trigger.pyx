"""Trigger groups: what one MCU's trsync tells stops the steppers of all others, without Python in between.

Each member reports periodically while it can still be triggered.  As long as all of them do, every member's
timeout is extended; the first that tells of a trigger (or of its own expiry) ends the move for all.  See
trigger.pyi.
"""

from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free
from klipperd.wire.backlog cimport LANE_URGENT
from klipperd.wire.clockpage cimport page_now
from klipperd.wire.link cimport Link
from klipperd.wire.linkthread cimport (
    LINK_OK, clock_estimate, link_add_hook, link_estimate, link_post, link_remove_hook,
)
from klipperd.wire.posix cimport (
    pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock,
)
from klipperd.wire.vlq cimport vlq_get, vlq_put


# Send `id oid=.. value` to a member before all else.
cdef void tell(trigger_member *member, int64_t message_id, int64_t value) noexcept nogil:
    cdef uint8_t payload[16]
    cdef uint8_t *end = vlq_put(payload, message_id)
    end = vlq_put(end, member.oid)
    end = vlq_put(end, value)
    link_post(member.link, LANE_URGENT, payload, <int>(end - payload), 0, 0, 0)


# Let all members stop that have not told of a trigger themselves; the lock is held.
cdef void stop_all(trigger_group *group, int reason) noexcept nogil:
    cdef int i
    if group.fired:
        return
    group.fired = True
    for i in range(group.count):
        if group.members[i].reason == NO_REASON:
            tell(&group.members[i], group.members[i].trigger_id, reason)


# A time as a 32-bit clock of the member.
cdef uint32_t member_clock(const clock_estimate *estimate, double time) noexcept nogil:
    return <uint32_t><int64_t>(estimate.base_clock + (time - estimate.base_time) * estimate.freq)


# The time that a 32-bit clock of the member, read lately, stands for.
cdef double member_time(const clock_estimate *estimate, uint32_t clock, double now) noexcept nogil:
    cdef int32_t ago = <int32_t>(member_clock(estimate, now) - clock)
    return now - ago / estimate.freq


# The member told that it is still waiting; the lock is held.
cdef void extend(trigger_group *group, trigger_member *member, uint32_t clock) noexcept nogil:
    cdef clock_estimate estimate = link_estimate(member.link)
    cdef double deadline
    cdef int i
    if group.fired or not estimate.freq > 0:
        return
    member.reported = max(member.reported, member_time(&estimate, clock, page_now(member.link.page)))
    deadline = group.members[0].reported
    for i in range(1, group.count):
        deadline = min(deadline, group.members[i].reported)
    deadline += group.timeout
    if deadline <= group.deadline:
        return
    group.deadline = deadline
    for i in range(group.count):
        member = &group.members[i]
        estimate = link_estimate(member.link)
        if estimate.freq > 0:
            tell(member, member.timeout_id, member_clock(&estimate, deadline))


# A block came in on the member's link: if it is a report of its trsync, act on it.
cdef void on_message(void *context, const uint8_t *payload, int size) noexcept nogil:
    cdef trigger_member *member = <trigger_member *>context
    cdef const uint8_t *end = payload + size
    cdef const uint8_t *here = payload
    cdef int64_t fields[5]      # id, oid, can_trigger, trigger_reason, clock
    cdef int i
    for i in range(5):
        here = vlq_get(here, end, &fields[i])
        if here == NULL or (i == 0 and fields[0] != member.state_id) or (i == 1 and fields[1] != member.oid):
            return
    pthread_mutex_lock(&member.group.lock)
    if member.group.armed:
        if fields[2] != 0:
            extend(member.group, member, <uint32_t>fields[4])
        elif member.reason == NO_REASON:
            member.reason = <int>fields[3]
            stop_all(member.group, member.reason)
    pthread_mutex_unlock(&member.group.lock)


cdef class TriggerGroup:
    cdef trigger_group *_group
    cdef list _links            # keeps them alive

    def __cinit__(self, double timeout):
        self._group = <trigger_group *>calloc(1, sizeof(trigger_group))
        if self._group == NULL:
            raise MemoryError
        pthread_mutex_init(&self._group.lock, NULL)
        self._group.timeout = timeout
        self._links = []

    def __dealloc__(self):
        if self._group != NULL:
            self._forget_members()
            pthread_mutex_destroy(&self._group.lock)
            free(self._group)

    cdef _forget_members(self):
        cdef int i
        # Without the group's lock: a hook that is running takes it, and is waited for.
        with nogil:
            for i in range(self._group.count):
                link_remove_hook(self._group.members[i].link, on_message, &self._group.members[i])

    def add(self, Link link not None, int oid, *, int64_t state_id, int64_t trigger_id,
            int64_t timeout_id) -> None:
        cdef trigger_member *member
        if self._group.armed or self._group.count >= MOST_MEMBERS:
            raise ValueError(f"a group takes at most {MOST_MEMBERS} members, before it is armed")
        member = &self._group.members[self._group.count]
        member.group, member.link, member.oid = self._group, link.state, oid
        member.state_id, member.trigger_id, member.timeout_id = state_id, trigger_id, timeout_id
        member.reason = NO_REASON
        if link_add_hook(link.state, on_message, member) != LINK_OK:
            raise ValueError("too many trigger groups watch one link")
        self._group.count += 1
        self._links.append(link)

    def arm(self, double start_time) -> None:
        cdef int i
        pthread_mutex_lock(&self._group.lock)
        for i in range(self._group.count):
            self._group.members[i].reported = start_time
        self._group.deadline = start_time + self._group.timeout
        self._group.armed = True
        pthread_mutex_unlock(&self._group.lock)

    def trigger(self, int reason) -> None:
        with nogil:
            pthread_mutex_lock(&self._group.lock)
            stop_all(self._group, reason)
            pthread_mutex_unlock(&self._group.lock)

    @property
    def reasons(self) -> list:
        pthread_mutex_lock(&self._group.lock)
        told = [self._group.members[i].reason for i in range(self._group.count)]
        pthread_mutex_unlock(&self._group.lock)
        return [None if reason == NO_REASON else reason for reason in told]

    def close(self) -> None:
        self._forget_members()
        self._group.count = 0
        self._links.clear()
