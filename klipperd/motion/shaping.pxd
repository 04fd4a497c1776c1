# Input shaping: motion as a sum of shifted copies of what the queue holds, quadratic between breakpoints.
from libc.stdint cimport int64_t

from klipperd.motion.piece cimport motion_piece, piece_block

# One pulse of a shaper: amplitude * motion at t - shift, for some components.
cdef struct tap:
    double shift              # s
    double amplitude          # of 1
    int first                 # component
    int after                 # one past the last component
    int64_t at                # piece that holds t - shift
    double until              # s, when that piece ends, shifted
    const motion_piece *piece   # the same piece, while its motion is looked at
    double u                  # s since its begin

# What is read of the queue, as pieces of components: what a motor needs of x, y and z, put together where one
# shaper serves several axes.
cdef struct shaping:
    int components            # 0: no shaping
    double blend[3][3]        # component = blend . (x, y, z)
    double lead               # s that it looks ahead
    double tail               # s that it looks back
    int tap_count
    tap *taps
    motion_piece *pieces      # capacity is mask + 1
    int64_t mask
    int64_t next              # one past the newest piece
    double read_until         # s
    double where[3]           # mm, components there
    int lost                  # 1: where it stands is not known until the next jump
    int64_t jumps             # that were read
    piece_block *made         # pieces of the last slice, for motors that are shaped alike
    int made_count
    int made_room

cdef inline motion_piece *piece_at(const shaping *shaped, int64_t index) noexcept nogil:
    return &shaped.pieces[index & shaped.mask]
