# Axes that move together with x, y, z, e: a manual_stepper that G-code has given a letter. Each has a motion
# queue of its own, whose first axis it is.
from libc.stdint cimport uint32_t

from klipperd.motion.limits cimport move_fault
from klipperd.motion.plan cimport planned_move
from klipperd.motion.trapq cimport motion_queue, trapezoid

cdef enum:
    FURTHER_MOST = 12

cdef struct further_axis:
    motion_queue *queue
    double instant_velocity   # mm/s, largest jump of its speed at a junction
    double velocity           # mm/s, inf: no limit
    double accel              # mm/s^2
    double minimum            # mm, -inf: no limit
    double maximum            # mm

# What a planned_move does with them.
cdef struct further_move:
    double start[FURTHER_MOST]   # mm
    double end[FURTHER_MOST]     # mm
    double ratio[FURTHER_MOST]   # mm per mm of path, signed
    uint32_t moving              # bit k: axis k moves

# The longest way of any, from where they are to `target` (count values).
cdef double further_distance(const double *where, const double *target, int count) noexcept nogil
# 0, or -1 with fault filled: one would leave its range. One that stands beyond it may stay there.
cdef int further_check(const further_axis *axes, int count, const double *where, const double *target,
                       move_fault *fault) noexcept nogil
# Fill `others` once the move's distance is known, and cap its speed and acceleration.
cdef void further_measure(const further_axis *axes, int count, const double *where, const double *target,
                          planned_move *move, further_move *others) noexcept nogil
# S that a junction allows them.
cdef double further_limit(const further_axis *axes, int count, const further_move *before,
                          const further_move *after) noexcept nogil
# Append their motion; shape is that of the path. 0, or -1 when memory is out.
cdef int further_emit(const further_axis *axes, int count, const further_move *others,
                      const trapezoid *shape) noexcept nogil
