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

cdef enum:
    BLOCK = 64

# Pieces that follow one another, side by side, so that compilers make vectors of what is done with them.
cdef struct piece_block:
    int count
    double begin[BLOCK]       # s, print_time
    double end[BLOCK]         # s
    double c[3][3][BLOCK]     # as of motion_piece: axis, power, piece

cdef inline void piece_of(const piece_block *block, int i, motion_piece *out) noexcept nogil:
    cdef int axis, power
    out.begin, out.end = block.begin[i], block.end[i]
    for axis in range(3):
        for power in range(3):
            out.c[axis][power] = block.c[axis][power][i]
