# A wire that ends in a file: commands wait in lanes as in a Link, and leave in order of their clocks.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from klipperd.wire.link cimport Link

cdef enum:
    RATE_BINS = 96          # of a motor's step rates
    RATES_A_DOUBLING = 4    # bins; bin 0 begins at 1 step a second

# Commands of one lane that are not written yet: records of (req_clock, size, payload) one after the other.
cdef struct file_lane:
    uint8_t *data
    size_t head             # first record
    size_t tail             # end of the last one
    size_t room

# What the MCU would know of one stepper.
cdef struct file_stepper:
    int64_t position        # steps with dir = 1 less steps with dir = 0
    int direction           # of the next steps: 1 or -1
    uint64_t steps
    uint64_t clock          # of the last step, ticks
    uint32_t shortest       # interval between two steps, ticks; 0 = none yet
    uint64_t rates[RATE_BINS]

cdef struct file_sink:
    file_lane *lanes
    int lane_count
    file_stepper *steppers  # by oid; 256 of them
    int64_t queue_step_id   # message ids that are followed
    int64_t direction_id
    int64_t reset_id
    double freq             # ticks/s
    int fd                  # -1: nothing is written
    uint8_t *output
    size_t filled
    uint8_t payload[64]     # of the block being filled
    int payload_size
    int sequence
    int failed              # errno of a write that failed
    uint64_t commands
    uint64_t blocks
    uint64_t bytes


cdef class FileLink(Link):
    cdef file_sink *file

    cdef add_lane(self)
