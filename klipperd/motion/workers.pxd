# Threads that solve steps.
from klipperd.motion.gate cimport work_gate
from klipperd.motion.motor cimport motor_state
from klipperd.wire.posix cimport pthread_t

cdef enum:
    MOST_WORKERS = 8

# One motor's share of the work.
cdef struct job:
    motor_state *motor
    double until              # s, as of motor_generate
    double must_send          # s
    int code                  # what it gave

cdef struct crew:
    work_gate gate
    pthread_t threads[8]
    int count                 # threads that run
    int stopping
    job *jobs                 # one a motor
    int job_count
    int next                  # the next job that nobody has taken

cdef class Workers:
    cdef crew crew
    cdef list members
    cdef int take(self) except -1
