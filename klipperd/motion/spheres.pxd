# Motors with rods and cables: where a path enters or leaves balls round a joint; see docs/motion.md, "Curved
# kinematics".
from klipperd.motion.geometry cimport geometry
from klipperd.motion.motor cimport motor_state
from klipperd.motion.parabolas cimport parabolas
from klipperd.motion.piece cimport piece_block
from klipperd.motion.trapq cimport trapezoid

# A line and the balls round a joint: a s^2 + 2 b s + c = 0, where it goes in and out.
cdef struct chord:
    double a                      # square of the direction's length in the space that counts
    double b                      # direction . (start - joint) while the motor is where the move starts
    double rise                   # by how much b falls for each mm of the motor
    double reach                  # c = sign d (2 reach + d), d = mm of the motor from where the move starts
    int sign                      # 1: the motor goes up where the line goes in; -1: down
    double turn                   # mm of the way, where the coordinate turns

# Steps of a move in one direction: from coordinate `start`, where the move starts, to `end`. `edge` is the
# coordinate at `until` (s), or end when that is later.
cdef int take_chord(motor_state *motor, const trapezoid *move, const chord *line, double start, double end,
                    double edge, int direction, double until) noexcept nogil

# The joint of a rod or a cable, which is at the root of `arm` +- the square of the distance from it.
cdef struct joint:
    double x, y, z                # mm
    double y_counts, z_counts     # 1 when that axis is part of the distance
    double arm                    # mm^2, square of the rod's length; 0 for cables
    double side                   # -1: rod; 1: cable
    double rides                  # 1: z is added to the coordinate

# Fill from a shape; 0 when it is no rod and no cable.
cdef bint read_joint(const geometry *shape, joint *to) noexcept nogil
# The coordinate over a share of piece i from low (s from its begin) on, as parabola i: within a quarter of a
# nanosecond's way, or False.
cdef bint bend_part(const joint *at, const piece_block *pieces, int i, double low, double share,
                    parabolas *way) noexcept nogil
# The same of whole pieces; spare: not below 0 where it is true.
cdef void bend_all(const joint *at, const piece_block *pieces, parabolas *way, double *spare) noexcept nogil
