# What is known of one motor, and how it takes a step; the solvers work on this.
from libc.stdint cimport int64_t

from klipperd.motion.compress cimport compressor, compressor_push
from klipperd.motion.gate cimport work_gate
from klipperd.motion.geometry cimport geometry
from klipperd.motion.shaping cimport shaping
from klipperd.motion.trapq cimport motion_queue

cdef enum solve_code:
    SOLVE_OK = 0
    SOLVE_EXPIRED = -10       # the queue forgot moves that were not solved
    SOLVE_BROKEN = -11        # coordinates jumped without a set_position
    SOLVE_MEMORY = -12

# The first step after a change of direction comes this part of a step later than others.
cdef extern from *:
    """
    #define TURN_BACKLASH 0.0625
    #define GRAZE 1e-9    /* mm; a motion that ends this near to a threshold has not reached it */
    """
    const double TURN_BACKLASH
    const double GRAZE

# A stretch of source motion: p = c0 + c1 u + c2 u^2 with u = t - begin (s), in mm.
cdef struct source_piece:
    double begin              # s
    double end                # s
    double c0, c1, c2
    double integral           # integral of p - base over time since the window's base (mm s)
    double second_integral    # and of that (mm s^2)

# Source motion around the instant being solved; smoothing averages over [t - half, t + half].
cdef struct smoothing_window:
    double half               # s
    double read_until         # s, up to where pieces were read from the queue
    double read_where         # mm, position there, jumps taken out
    double jumps              # mm, sum of coordinate jumps read so far
    double base               # mm, taken off positions while integrating
    source_piece *pieces      # capacity is mask + 1
    int64_t mask
    int64_t based             # piece at whose begin the integrals are 0; -1: integrals are of no use
    int64_t left              # piece that holds t - half
    int64_t middle            # t
    int64_t right             # t + half
    int64_t next              # one past the newest piece

cdef struct motor_state:
    compressor out
    work_gate *gate           # to wait at before it is looked at; NULL: nobody else works on it
    motion_queue *queue       # NULL: follows nothing
    int64_t cursor            # index of the trapezoid under way
    geometry shape            # how x, y, z become the motor's coordinate
    double weights[3]         # of a linear one: coordinate = weights . (x, y, z)
    double step_distance      # mm
    double offset             # mm; n steps stand for the coordinate offset + n * step_distance
    double where              # mm, coordinate reached
    int64_t steps             # solved so far, up minus down
    int direction             # of the last step, 0 before any
    double solved_until       # s
    double first_step         # s, first step since it was last asked for; < 0 without
    int64_t solved            # steps (either way) solved since the start
    shaping shaped            # of use when it has components
    smoothing_window window   # of use when window.half > 0
    double advance_share      # part of the moves' pressure advance that this motor makes

# Seconds beyond an instant on which the motor depends.
cdef inline double look_ahead(const motor_state *motor) noexcept nogil:
    return motor.window.half + motor.shaped.lead

# Coordinate (mm) at which the next step in a direction (1 or -1) is due.
cdef inline double next_threshold(const motor_state *motor, int direction) noexcept nogil:
    cdef double halves = 0.5 if motor.direction != -direction else 0.5 + TURN_BACKLASH
    return motor.offset + (motor.steps + halves * direction) * motor.step_distance

# Take the step that is due at print_time t; a compress_code.
cdef inline int take_step(motor_state *motor, double t, int direction) noexcept nogil:
    motor.steps += direction
    motor.direction = direction
    motor.solved += 1
    if motor.first_step < 0.:
        motor.first_step = t
    return compressor_push(&motor.out, t, direction)
