# Stopping a homing move on several MCUs at once, from the links' threads (Multi_MCU_Homing.md).
from libc.stdint cimport int64_t, uint8_t, uint32_t
from klipperd.wire.linkthread cimport link_state
from klipperd.wire.posix cimport pthread_mutex_t

cdef enum:
    MOST_MEMBERS = 16
    NO_REASON = -1

cdef struct trigger_member:
    trigger_group *group
    link_state *link
    int oid                 # of its trsync
    int64_t state_id        # id of trsync_state
    int64_t trigger_id      # id of trsync_trigger
    int64_t timeout_id      # id of trsync_set_timeout
    double reported         # time of its last report, by its own clock, s
    int reason              # first one that it told, or NO_REASON

cdef struct trigger_group:
    pthread_mutex_t lock
    trigger_member members[MOST_MEMBERS]
    int count
    bint armed
    bint fired              # the stop was passed on; nothing more to do
    double timeout          # s that a member goes on without news of the others
    double deadline         # when the members stop of themselves, s
