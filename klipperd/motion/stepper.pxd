# Python's face of motors.
from klipperd.motion.motor cimport motor_state
from klipperd.motion.trapq cimport MotionQueue

# Solve up to until (s) and send all that begins before must_send; 0 or a negative code.
cdef int motor_generate(motor_state *motor, double until, double must_send) noexcept nogil

# Raise what a negative code of it means.
cdef raise_lost(StepperMotion stepper, int code)

cdef class StepperMotion:
    cdef motor_state state
    cdef MotionQueue followed     # keeps the motion_queue alive
    cdef object workers           # keeps the state's work_gate alive
    cdef object sink              # keeps the message_sink alive
    cdef readonly str name        # for messages
    cdef tuple shapers            # of x, y, z: pulses as (shift s, amplitude)
    cdef MotionQueue shaped_queue   # that they are meant for
    cdef int attach(self, MotionQueue queue) except -1
    cdef int open_window(self, double half) except -1
    cdef int begin(self) except -1
    cdef int open_shaping(self) except -1
    cdef list shaping_rows(self)
    cdef widen_taps(self, int component)
    cdef add_taps(self, int component, pulses)
    cdef int lose_place(self) except -1

cdef class StepperGroup:
    cdef list members
    cdef motor_state **states     # of members, in order
    cdef int count
    cdef int solve_company(self, double until, int *failed) noexcept nogil
