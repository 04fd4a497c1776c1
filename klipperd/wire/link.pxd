# One MCU's wire as a Python object; compiled senders use `sink`.
from libc.stdint cimport uint32_t, uint64_t
from klipperd.wire.linkthread cimport link_state
from klipperd.wire.sink cimport message_sink


cdef class Link:
    cdef link_state *state
    cdef message_sink sink      # valid while this object lives

    cdef _attach_clock(self, page, slot)
    cdef _post(self, bytes payload, int lane, uint64_t req_clock, uint64_t slot_until, uint32_t notify)
