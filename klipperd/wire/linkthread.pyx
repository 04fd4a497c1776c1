"""The I/O thread of one MCU link: runs without the GIL and touches no Python object.

The thread owns the sequence machine, the parser and the backlog.  Commands come in through a mailbox, news
leave through the record queue.  Retransmission timers run in real time; all times that are reported are those
of the system's clock (which the clock page may scale).
"""

from libc.math cimport INFINITY
from libc.string cimport memcpy, memmove, memset
from klipperd.wire.backlog cimport (
    LANE_URGENT, backlog_blocked, backlog_destroy, backlog_grow, backlog_init, backlog_peek, backlog_put,
    backlog_release, backlog_set_move_count, backlog_take, command, list_append, list_take, pool_destroy,
    pool_get, pool_put,
)
from klipperd.wire.clockpage cimport LEASE_SLACK_MS, lease_store, page_now
from klipperd.wire.frames cimport (
    FRAME_HEADER, FRAME_MAX, FRAME_MIN, PAYLOAD_MAX, SEQUENCE_MASK, parser_filled, parser_init, parser_next,
    parser_room,
)
from klipperd.wire.posix cimport (
    EAGAIN, EINTR, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, SIG_SETMASK, errno, event_clear,
    event_raise, pollfd, ppoll, pthread_create, pthread_join, pthread_mutex_lock, pthread_mutex_unlock,
    pthread_sigmask, read, real_time, sigfillset, sigset_t, timespec, write,
)
from klipperd.wire.records cimport (
    REASON_END, REASON_ERROR, REASON_MEMORY, REASON_NONE, RECORD_CLOSED, RECORD_MESSAGE, RECORD_SENT,
    records_push,
)
from klipperd.wire.sequence cimport (
    ACTION_RELEASED, ACTION_RESEND, RESEND_ROOM, sent_block, sequencer_expire, sequencer_init,
    sequencer_receive, sequencer_release, sequencer_resend, sequencer_room, sequencer_send,
)

# The estimate of the MCU clock may be ahead of it by this much: a slot counts as free only so much later.
cdef double SLOT_MARGIN = 0.001     # s
cdef double LEASE_SLACK = LEASE_SLACK_MS * 0.001
cdef double LONGEST_HOLD = 2.0      # s of real time


# ---- any thread ----

cdef int link_post(link_state *link, int lane, const uint8_t *payload, int size, uint64_t req_clock,
                   uint64_t slot_until, uint32_t notify) noexcept nogil:
    cdef command *item
    cdef bint wake
    if size < 1 or size > PAYLOAD_MAX:
        return LINK_MISUSE
    pthread_mutex_lock(&link.lock)
    if link.closed or link.stopping:
        pthread_mutex_unlock(&link.lock)
        return LINK_CLOSED
    if lane < LANE_URGENT or lane >= link.settings.lane_count:
        pthread_mutex_unlock(&link.lock)
        return LINK_MISUSE
    item = NULL if link.pool.used >= MOST_COMMANDS and lane != LANE_URGENT else pool_get(&link.pool)
    if item == NULL:
        pthread_mutex_unlock(&link.lock)
        return LINK_FULL
    item.req_clock = req_clock
    item.slot_until = slot_until
    item.notify = notify
    item.lane = lane
    item.size = <uint8_t>size
    memcpy(item.data, payload, size)
    list_append(&link.mailbox, item)
    link.last_slot = max(link.last_slot, slot_until)
    wake = link.sleeping
    link.sleeping = False
    pthread_mutex_unlock(&link.lock)
    if wake:
        event_raise(link.wake_fd)
    return LINK_OK


cdef int link_add_hook(link_state *link, message_hook call, void *context) noexcept nogil:
    cdef int result = LINK_FULL
    pthread_mutex_lock(&link.hook_lock)
    if link.hook_count < MOST_HOOKS:
        link.hooks[link.hook_count].call = call
        link.hooks[link.hook_count].context = context
        link.hook_count += 1
        result = LINK_OK
    pthread_mutex_unlock(&link.hook_lock)
    return result


cdef void link_remove_hook(link_state *link, message_hook call, void *context) noexcept nogil:
    cdef int i
    pthread_mutex_lock(&link.hook_lock)
    for i in range(link.hook_count):
        if link.hooks[i].call == call and link.hooks[i].context == context:
            link.hook_count -= 1
            link.hooks[i] = link.hooks[link.hook_count]
            break
    pthread_mutex_unlock(&link.hook_lock)


cdef int link_take_posted(link_state *link, uint8_t *payload) noexcept nogil:
    cdef command *item
    cdef int size = 0
    pthread_mutex_lock(&link.lock)
    item = list_take(&link.mailbox)
    if item != NULL:
        size = item.size
        memcpy(payload, item.data, size)
        pool_put(&link.pool, item)
    pthread_mutex_unlock(&link.lock)
    return size


cdef clock_estimate link_estimate(link_state *link) noexcept nogil:
    cdef clock_estimate estimate
    pthread_mutex_lock(&link.lock)
    estimate = link.settings.estimate
    pthread_mutex_unlock(&link.lock)
    return estimate


cdef void link_wake(link_state *link) noexcept nogil:
    pthread_mutex_lock(&link.lock)
    link.sleeping = False
    pthread_mutex_unlock(&link.lock)
    event_raise(link.wake_fd)


# ---- the thread ----

cdef void link_fail(link_state *link, int reason, int detail) noexcept nogil:
    if link.failed:
        return
    link.failed = True
    pthread_mutex_lock(&link.lock)
    link.closed = True
    pthread_mutex_unlock(&link.lock)
    records_push(&link.records, RECORD_CLOSED, reason, <uint32_t>detail, page_now(link.page), NULL, 0)


# Exchange with the other threads: settings and commands in, counters and spent commands out.  False: stop.
cdef bint link_exchange(link_state *link) noexcept nogil:
    cdef command_list arrived
    cdef command *item
    cdef link_settings settings
    cdef bint go_on
    pthread_mutex_lock(&link.lock)
    link.sleeping = False
    arrived = link.mailbox
    link.mailbox.first = link.mailbox.last = NULL
    settings = link.settings
    go_on = not link.stopping
    while (item := list_take(&link.spent)) != NULL:
        pool_put(&link.pool, item)
    pthread_mutex_unlock(&link.lock)
    link.estimate = settings.estimate
    link.sending.window = settings.window
    if (backlog_grow(&link.waiting, settings.lane_count)
            or backlog_set_move_count(&link.waiting, settings.move_count)):
        link_fail(link, REASON_MEMORY, 0)
        return False
    while (item := list_take(&arrived)) != NULL:
        backlog_put(&link.waiting, item)
    return go_on


# 64-bit MCU clock at a time of the system's clock; 0 without an estimate.
cdef uint64_t clock_at(const clock_estimate *estimate, double time) noexcept nogil:
    cdef double clock = estimate.base_clock + (time - estimate.base_time) * estimate.freq
    return <uint64_t>clock if clock > 0 else 0


cdef void link_send_again(link_state *link) noexcept nogil:
    cdef int pending
    if link.output_start > 0:
        pending = link.output_end - link.output_start
        memmove(link.output, link.output + link.output_start, pending)
        link.output_start = 0
        link.output_end = pending
    # What was never written needs no second copy behind it; the timer comes again.
    if link.output_end > 0 and (link.sending.timeouts > 0 or link.output_end + RESEND_ROOM > OUTPUT_ROOM):
        return
    link.output_end += sequencer_resend(&link.sending, link.output + link.output_end, real_time())


cdef void link_release(link_state *link) noexcept nogil:
    cdef sent_block *block
    cdef command *item
    cdef command *after
    while (block := sequencer_release(&link.sending)) != NULL:
        item = <command *>block.tag
        while item != NULL:
            after = item.next
            records_push(&link.records, RECORD_SENT, REASON_NONE, item.notify, item.sent_time, NULL, 0)
            list_append(&link.spent, item)
            item = after


cdef void link_act(link_state *link, int actions) noexcept nogil:
    if actions & ACTION_RELEASED:
        link_release(link)
    if actions & ACTION_RESEND:
        link_send_again(link)


cdef void link_call_hooks(link_state *link, const uint8_t *payload, int size) noexcept nogil:
    cdef int i
    pthread_mutex_lock(&link.hook_lock)
    for i in range(link.hook_count):
        link.hooks[i].call(link.hooks[i].context, payload, size)
    pthread_mutex_unlock(&link.hook_lock)


cdef void link_parse(link_state *link, double now, double time) noexcept nogil:
    cdef uint8_t *frame = NULL
    cdef int size
    while (size := parser_next(&link.parser, &frame)) > 0:
        link.counters.blocks_read += 1
        link_act(link, sequencer_receive(&link.sending, frame[1] & SEQUENCE_MASK, size == FRAME_MIN, now))
        if size > FRAME_MIN:
            frame += FRAME_HEADER
            size -= FRAME_MIN
            link_call_hooks(link, frame, size)
            records_push(&link.records, RECORD_MESSAGE, REASON_NONE, 0, time, frame, size)


cdef void link_read(link_state *link) noexcept nogil:
    cdef int room = 0
    cdef uint8_t *data = parser_room(&link.parser, &room)
    cdef ssize_t got = read(link.fd, data, room)
    if got > 0:
        link.counters.bytes_read += got
        parser_filled(&link.parser, <int>got)
        link_parse(link, real_time(), page_now(link.page))
    elif got == 0:
        link_fail(link, REASON_END, 0)
    elif errno != EAGAIN and errno != EINTR:
        link_fail(link, REASON_ERROR, errno)


# Put the next commands into `payload`; *tag becomes the list of those that want a report.  Returns the bytes.
cdef int link_pack(link_state *link, uint8_t *payload, int room, double time, command **tag) noexcept nogil:
    cdef command *item
    cdef command_list reported
    cdef int size = 0
    cdef uint64_t clock = clock_at(&link.estimate, time)
    cdef double late
    reported.first = reported.last = NULL
    while (item := backlog_peek(&link.waiting)) != NULL and size + item.size <= room:
        backlog_take(&link.waiting)
        memcpy(payload + size, item.data, item.size)
        size += item.size
        link.counters.commands_write += 1
        if item.req_clock != 0 and item.req_clock < clock:
            link.counters.late_commands += 1
            late = (clock - item.req_clock) / link.estimate.freq
            link.counters.late_worst = max(link.counters.late_worst, late)
        if item.notify != 0:
            item.sent_time = time
            list_append(&reported, item)
        else:
            list_append(&link.spent, item)
    tag[0] = reported.first
    return size


# Time at which bytes written now have left a line of known speed, as (time of the system's clock).
cdef double link_occupy_line(link_state *link, int size, double now, double time) noexcept nogil:
    link.line_free = max(link.line_free, now) + size * link.byte_time
    return time + (link.line_free - now) * (link.page.speed if link.page != NULL else 1.0)


cdef void link_fill(link_state *link) noexcept nogil:
    cdef uint8_t payload[PAYLOAD_MAX]
    cdef double now = real_time(), time = page_now(link.page), left
    cdef command *tag = NULL
    cdef command *item
    cdef sent_block *block
    cdef int size, room
    if link.estimate.freq > 0:
        backlog_release(&link.waiting, clock_at(&link.estimate, time - SLOT_MARGIN))
    while link.output_end + FRAME_MAX <= OUTPUT_ROOM and (room := sequencer_room(&link.sending)) > 0:
        size = link_pack(link, payload, room, time, &tag)
        if size == 0:
            break
        block = sequencer_send(&link.sending, payload, size, now, tag)
        memcpy(link.output + link.output_end, block.frame, block.size)
        link.output_end += block.size
        link.counters.blocks_write += 1
        left = link_occupy_line(link, block.size, now, time)
        item = tag
        while item != NULL:
            item.sent_time = left
            item = item.next


cdef void link_flush(link_state *link) noexcept nogil:
    cdef ssize_t wrote
    while link.output_start < link.output_end:
        wrote = write(link.fd, link.output + link.output_start, link.output_end - link.output_start)
        if wrote < 0:
            if errno == EAGAIN or errno == EINTR:
                return
            link_fail(link, REASON_ERROR, errno)
            return
        link.output_start += <int>wrote
        link.counters.bytes_write += wrote
    link.output_start = link.output_end = 0


cdef void link_count(link_state *link) noexcept nogil:
    cdef link_counters *counters = &link.counters
    cdef uint64_t clock = 0
    cdef bint blocked = backlog_blocked(&link.waiting, &clock)
    counters.bytes_retransmit = link.sending.bytes_resent
    counters.blocks_retransmit = link.sending.blocks_resent
    counters.strays = link.sending.strays
    counters.bytes_invalid = link.parser.invalid_bytes
    counters.srtt = link.sending.trip.srtt
    counters.rttvar = link.sending.trip.rttvar
    counters.rto = link.sending.trip.rto
    counters.upcoming_bytes = link.waiting.bytes if blocked else 0
    counters.ready_bytes = 0 if blocked else link.waiting.bytes
    counters.slots_used = link.waiting.slots_used
    counters.phase = link.sending.phase


# Seconds of real time until the thread has something to do of itself.
cdef double link_patience(link_state *link) noexcept nogil:
    cdef double now = real_time(), time, patience, speed = 1.0
    cdef uint64_t clock = 0
    patience = link.sending.deadline - now
    if link.page != NULL:
        speed = link.page.speed
    if link.lease != NULL:
        patience = min(patience, LEASE_SLACK / 3 / speed)
    if link.estimate.freq > 0 and backlog_blocked(&link.waiting, &clock):
        time = link.estimate.base_time + (<double>clock - link.estimate.base_clock) / link.estimate.freq
        time += SLOT_MARGIN
        # Never spin: a wait that the scaled clock makes too short is repeated.
        patience = min(patience, max((time - page_now(link.page)) / speed, 0.0001))
    return max(patience, 0.0)


cdef void link_wait(link_state *link) noexcept nogil:
    cdef pollfd fds[2]
    cdef timespec limit
    cdef double patience = link_patience(link)
    cdef bint forever = patience == INFINITY
    fds[0].fd = link.fd
    fds[0].events = POLLIN | (POLLOUT if link.output_start < link.output_end else 0)
    fds[1].fd = link.wake_fd
    fds[1].events = POLLIN
    fds[0].revents = fds[1].revents = 0
    pthread_mutex_lock(&link.lock)
    link.published = link.counters
    link.sleeping = link.mailbox.first == NULL and not link.stopping
    if not link.sleeping:
        patience = 0.0
        forever = False
    pthread_mutex_unlock(&link.lock)
    if not forever:
        limit.tv_sec = <long>patience
        limit.tv_nsec = <long>((patience - <double>limit.tv_sec) * 1e9)
    ppoll(fds, 2, NULL if forever else &limit, NULL)
    if fds[1].revents & POLLIN:
        event_clear(link.wake_fd)
    if fds[0].revents & (POLLIN | POLLERR | POLLHUP | POLLNVAL):
        link_read(link)


# Let the scaled clock go on, but only from a moment at which the MCU had all that was due: while something is
# on its way, or must be sent again, time waits for it instead of making it late. Not for ever: the time-outs
# that deal with an MCU that never answers are of the scaled clock, too.
cdef void link_renew_lease(link_state *link) noexcept nogil:
    cdef uint64_t clock = 0
    cdef double now
    if link.lease == NULL:
        return
    if link.sending.in_flight != 0 or not (link.waiting.bytes == 0 or backlog_blocked(&link.waiting, &clock)):
        now = real_time()
        if link.held_since == 0.0:
            link.held_since = now
        if now - link.held_since < LONGEST_HOLD:
            return
    else:
        link.held_since = 0.0
    lease_store(link.lease, page_now(link.page) + LEASE_SLACK)


cdef void *link_run(void *context) noexcept nogil:
    cdef link_state *link = <link_state *>context
    while link_exchange(link) and not link.failed:
        link_act(link, sequencer_expire(&link.sending, real_time()))
        link_fill(link)
        link_flush(link)
        link_count(link)
        link_renew_lease(link)
        if not link.failed:
            link_wait(link)
    if link.lease != NULL:
        lease_store(link.lease, 0.0)
    return NULL


# Start the thread with all signals blocked: they belong to the main thread.
cdef int link_start(link_state *link) noexcept nogil:
    cdef sigset_t all_signals, before
    cdef int failed
    if link.lease != NULL:
        lease_store(link.lease, page_now(link.page) + LEASE_SLACK)
    sigfillset(&all_signals)
    pthread_sigmask(SIG_SETMASK, &all_signals, &before)
    failed = pthread_create(&link.thread, NULL, link_run, link)
    pthread_sigmask(SIG_SETMASK, &before, NULL)
    link.started = failed == 0
    return failed


cdef void link_stop(link_state *link) noexcept nogil:
    pthread_mutex_lock(&link.lock)
    link.stopping = True
    pthread_mutex_unlock(&link.lock)
    if link.started:
        link_wake(link)
        pthread_join(link.thread, NULL)
        link.started = False


cdef int link_renew(link_state *link, int fd) noexcept nogil:
    backlog_destroy(&link.waiting)
    if backlog_init(&link.waiting):
        return -1
    pthread_mutex_lock(&link.lock)
    # All commands belong to the pool, wherever they stand.
    pool_destroy(&link.pool)
    link.mailbox.first = link.mailbox.last = NULL
    link.spent.first = link.spent.last = NULL
    link.fd = fd
    link.settings.estimate.freq = 0.0
    link.settings.move_count = 0
    link.last_slot = 0
    link.failed = link.closed = link.stopping = False
    pthread_mutex_unlock(&link.lock)
    link.output_start = link.output_end = 0
    link.line_free = 0.0
    parser_init(&link.parser)
    sequencer_init(&link.sending, link.settings.window)
    memset(&link.counters, 0, sizeof(link_counters))
    return 0
