# A stretch of motion of the tool head in which x, y and z are quadratic in time: what input shaping makes of
# trapezoids, and what solvers of curved kinematics take.

cdef struct motion_piece:
    double begin              # s, print_time
    double end                # s, print_time
    double c[3][3]            # mm; axis a is at c[a][0] + c[a][1] u + c[a][2] u^2, u = t - begin

# Coordinate (mm) of an axis u seconds after the begin.
cdef inline double piece_position(const motion_piece *piece, int axis, double u) noexcept nogil:
    return piece.c[axis][0] + u * (piece.c[axis][1] + u * piece.c[axis][2])

# Whether an axis rests.
cdef inline bint piece_rests(const motion_piece *piece, int axis) noexcept nogil:
    return piece.c[axis][1] == 0. and piece.c[axis][2] == 0.
