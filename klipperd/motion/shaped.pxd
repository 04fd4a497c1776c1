# Steps of motors whose axes are shaped.
from libc.math cimport floor
from libc.stdint cimport int64_t

from klipperd.motion.motor cimport motor_state
from klipperd.motion.piece cimport motion_piece, piece_block
from klipperd.motion.shaping cimport shaping

# Get room for pieces and taps; 0 or SOLVE_MEMORY.
cdef int shaping_open(shaping *shaped, int taps) noexcept nogil
cdef void shaping_close(shaping *shaped) noexcept nogil
# Begin at rest at components (mm).
cdef void shaping_rest(shaping *shaped, const double *where) noexcept nogil
# Read the queue up to a time (s); 0 or a negative solve_code.
cdef int shaping_read(motor_state *motor, double limit) noexcept nogil
# The shaped components from t up to their next breakpoint, or limit. The queue must be read up to limit +
# lead.
cdef void shape_piece(shaping *shaped, double t, double limit, motion_piece *out) noexcept nogil
# Sum of the components: a linear motor's coordinate c[0] + c[1] u + c[2] u^2.
cdef inline void sum_components(const shaping *shaped, const motion_piece *piece, double *c) noexcept nogil:
    cdef int k
    c[0], c[1], c[2] = piece.c[0][0], piece.c[0][1], piece.c[0][2]
    for k in range(1, shaped.components):
        c[0] += piece.c[k][0]
        c[1] += piece.c[k][1]
        c[2] += piece.c[k][2]
# Push all steps up to until (s); the queue must be complete up to until + lead.
cdef int solve_shaped(motor_state *motor, double until) noexcept nogil

# For `alike`, too: the oldest piece of use; the next pieces in which something moves (returns where
# they end); their steps; and those of all pieces between two times (s), for which the queue is read.
cdef int64_t oldest(const shaping *shaped) noexcept nogil
cdef double shape_block(shaping *shaped, double t, double limit, piece_block *block) noexcept nogil
cdef int solve_block(motor_state *motor, const piece_block *block) noexcept nogil
cdef int solve_slice(motor_state *motor, double t, double end) noexcept nogil

cdef extern from *:
    """
    #define SHAPED_SLICE 0.25    /* s that are made at a time */
    """
    const double SHAPED_SLICE

# Pieces are cut there, whoever asks for how much at a time.
cdef inline double slice_end(double t, double until) noexcept nogil:
    cdef double end = SHAPED_SLICE * (floor(t / SHAPED_SLICE) + 1.)
    return end if end < until else until
