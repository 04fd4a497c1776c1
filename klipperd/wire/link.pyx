"""One MCU's wire as a Python object: settings, sending, and the records that the I/O thread leaves.

Each method is described in link.pyi.
"""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdlib cimport calloc, free
from libc.stdint cimport uint8_t
from klipperd.wire.backlog cimport LANE_URGENT, backlog_destroy, backlog_init, pool_destroy, pool_init
from klipperd.wire.clockpage cimport CLOCK_PAGE_LEASES
from klipperd.wire.clockpage cimport clock_page as page_layout
from klipperd.wire.frames cimport PAYLOAD_MAX, parser_init
from klipperd.wire.linkthread cimport (
    LINK_CLOSED, LINK_FULL, LINK_MISUSE, MOST_COMMANDS, clock_estimate, link_counters, link_post,
    link_renew, link_start, link_stop, link_wake,
)
from klipperd.wire.posix cimport (
    EFD_CLOEXEC, EFD_NONBLOCK, close, eventfd, pthread_mutex_destroy, pthread_mutex_init, pthread_mutex_lock,
    pthread_mutex_unlock,
)
from klipperd.wire.records cimport (
    REASON_END, REASON_MEMORY, RECORD_MESSAGE, RECORD_SENT, record, records_destroy, records_init,
    records_recycle, records_take,
)
from klipperd.wire.sequence cimport sequencer_init

import os

from klipperd.wire.errors import LinkClosed, LinkFull


cdef int sink_post(void *context, int lane, const uint8_t *payload, int size, uint64_t req_clock,
                   uint64_t slot_until) noexcept nogil:
    return link_post(<link_state *>context, lane, payload, size, req_clock, slot_until, 0)


REASONS = {
    REASON_END: "end of file: the device was unplugged or the process behind it ended",
    REASON_MEMORY: "no memory",
}
PHASES = ("syncing", "flowing", "recovering")
Record = tuple      # what drain() gives; its forms are in link.pyi


cdef class Link:
    """One MCU's wire: a thread that sends, acknowledges, retransmits and receives (see link.pyi)."""

    def __cinit__(self, int fd, *, clock_page: int | None = None, lease_slot: int | None = None,
                  int receive_window=0, int baud=0):
        cdef link_state *link = <link_state *>calloc(1, sizeof(link_state))
        if link == NULL:
            raise MemoryError
        self.state = link
        link.fd = fd
        link.records.event_fd = -1
        link.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)
        pthread_mutex_init(&link.lock, NULL)
        pthread_mutex_init(&link.hook_lock, NULL)
        pool_init(&link.pool)
        parser_init(&link.parser)
        sequencer_init(&link.sending, receive_window)
        if link.wake_fd < 0 or records_init(&link.records) or backlog_init(&link.waiting):
            raise MemoryError
        link.settings.window = receive_window
        link.settings.lane_count = 1
        # A byte is ten bits on a serial line.
        link.byte_time = 10.0 / baud if baud > 0 else 0.0
        self.sink.post = sink_post
        self.sink.context = link
        self._attach_clock(clock_page, lease_slot)

    cdef _attach_clock(self, page, slot):
        if page is None:
            return
        self.state.page = <const page_layout *><size_t>page
        if slot is not None:
            if not 0 <= slot < CLOCK_PAGE_LEASES:
                raise ValueError(f"lease slot {slot} is not in 0..{CLOCK_PAGE_LEASES - 1}")
            self.state.lease = <double *>&self.state.page.lease[<int>slot]

    def __dealloc__(self):
        cdef link_state *link = self.state
        if link == NULL:
            return
        with nogil:
            link_stop(link)
        backlog_destroy(&link.waiting)
        pool_destroy(&link.pool)
        records_destroy(&link.records)
        if link.wake_fd >= 0:
            close(link.wake_fd)
        pthread_mutex_destroy(&link.lock)
        pthread_mutex_destroy(&link.hook_lock)
        free(link)

    def start(self) -> None:
        if self.state.started or self.state.stopping:
            raise RuntimeError("a link is started once; reopen it")
        os.set_blocking(self.state.fd, False)
        cdef int failed = link_start(self.state)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def stop(self) -> None:
        with nogil:
            link_stop(self.state)

    def reopen(self, int fd) -> None:
        self.stop()
        self.drain()
        if link_renew(self.state, fd):
            raise MemoryError
        self.start()

    def sink_capsule(self) -> object:
        return PyCapsule_New(&self.sink, "klipperd.message_sink", NULL)

    @property
    def busy_until(self) -> int:
        pthread_mutex_lock(&self.state.lock)
        clock = self.state.last_slot
        pthread_mutex_unlock(&self.state.lock)
        return clock

    def new_lane(self) -> int:
        pthread_mutex_lock(&self.state.lock)
        lane = self.state.settings.lane_count
        self.state.settings.lane_count += 1
        pthread_mutex_unlock(&self.state.lock)
        return lane

    def send(self, payload: bytes, int lane=0, uint64_t req_clock=0, uint64_t slot_until=0,
             uint32_t notify=0) -> None:
        if lane < 0:
            raise ValueError(f"no lane {lane}")
        self._post(payload, lane, req_clock, slot_until, notify)

    def send_urgent(self, payload: bytes, uint32_t notify=0) -> None:
        self._post(payload, LANE_URGENT, 0, 0, notify)

    cdef _post(self, bytes payload, int lane, uint64_t req_clock, uint64_t slot_until, uint32_t notify):
        cdef int size = <int>len(payload)
        cdef int result = link_post(self.state, lane, payload, size, req_clock, slot_until, notify)
        if result == LINK_CLOSED:
            raise LinkClosed("the link is closed")
        if result == LINK_FULL:
            raise LinkFull(f"{MOST_COMMANDS} commands wait already: the MCU takes none")
        if result == LINK_MISUSE:
            raise ValueError(f"no lane {lane}, or a command of {len(payload)} bytes (1 to {PAYLOAD_MAX})")

    @property
    def event_fd(self) -> int:
        return self.state.records.event_fd

    def drain(self) -> list:
        cdef uint64_t lost = 0
        cdef record *first = records_take(&self.state.records, &lost)
        cdef record *item = first
        news = []
        if lost:
            news.append(("error", f"{lost} messages of the MCU were dropped: nobody took them in time"))
        while item != NULL:
            if item.kind == RECORD_MESSAGE:
                news.append(("message", (<uint8_t *>item.data)[:item.size], item.time))
            elif item.kind == RECORD_SENT:
                news.append(("sent", item.detail, item.time))
            else:
                reason = REASONS.get(item.reason) or os.strerror(item.detail)
                news.append(("closed", reason))
            item = item.next
        records_recycle(&self.state.records, first)
        return news

    def set_clock_estimate(self, double freq, double base_time, base_clock) -> None:
        cdef clock_estimate estimate = clock_estimate(freq, base_time, <double>base_clock)
        if not freq > 0:
            raise ValueError(f"a clock of {freq} Hz")
        pthread_mutex_lock(&self.state.lock)
        self.state.settings.estimate = estimate
        pthread_mutex_unlock(&self.state.lock)
        # The thread may wait for a slot whose time has changed.
        link_wake(self.state)

    def set_move_count(self, int move_count) -> None:
        pthread_mutex_lock(&self.state.lock)
        self.state.settings.move_count = max(move_count, 0)
        pthread_mutex_unlock(&self.state.lock)
        link_wake(self.state)

    def set_receive_window(self, int window) -> None:
        pthread_mutex_lock(&self.state.lock)
        self.state.settings.window = max(window, 0)
        pthread_mutex_unlock(&self.state.lock)
        link_wake(self.state)

    def stats(self) -> dict:
        cdef link_counters counters
        pthread_mutex_lock(&self.state.lock)
        counters = self.state.published
        pthread_mutex_unlock(&self.state.lock)
        figures = dict(counters)
        figures["phase"] = PHASES[counters.phase]
        return figures

    @property
    def closed(self) -> bool:
        pthread_mutex_lock(&self.state.lock)
        closed = self.state.closed or self.state.stopping
        pthread_mutex_unlock(&self.state.lock)
        return closed
