# Runs of steps where a path enters or leaves balls round a joint, in vectors; see docs/motion.md, "Curved
# kinematics".
from klipperd.motion.motor cimport motor_state
from klipperd.motion.piece cimport motion_piece
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

# The balls round a motor's joint along a piece: E(u) = s(u) - 2 c z(u) + square is 0 where the motor is at c.
cdef struct balls:
    double s[5]                   # mm^2, square of the distance from the joint's foot, over u
    double z[3]                   # mm, height over the piece's begin; 0 for cables
    double foot                   # mm, height of the piece's begin, which c is measured from; 0 for cables
    double arm                    # mm^2, square of the rod's length; 0 for cables
    int rod                       # 1: square = c^2 - arm; 0: -c^2

# Fill from a piece; 0 when its motor is no rod and no cable.
cdef bint read_balls(const motor_state *motor, const motion_piece *piece, balls *b) noexcept nogil
# Steps between two instants (s from the piece's begin), over which the rate (mm/s) changes by less than half.
cdef int take_balls(motor_state *motor, const motion_piece *piece, const balls *b, double low, double high,
                    double first, double last, double rate) noexcept nogil
