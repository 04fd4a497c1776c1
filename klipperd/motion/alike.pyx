"""Motors that are shaped alike, as towers of a delta are: their motion's pieces are put together once.

Each keeps all that it needs to go its own way: after a slice it takes over what was read for it. So whether
it is solved with others makes no difference to its steps.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

from klipperd.motion.geometry cimport GEOMETRY_LINEAR
from klipperd.motion.motor cimport SOLVE_MEMORY, SOLVE_OK, motor_state
from klipperd.motion.piece cimport motion_piece, piece_block
from klipperd.motion.shaped cimport (
    oldest,
    shape_block,
    shaping_read,
    slice_end,
    solve_block,
    solve_slice,
)
from klipperd.motion.shaping cimport piece_at, shaping, tap


cdef bint same_motion(const shaping *a, const shaping *b) noexcept nogil:
    """Whether what is still of use of what they have read is the same."""
    cdef const motion_piece *first
    cdef const motion_piece *second
    cdef int64_t index
    cdef int k
    if a.next != b.next or a.read_until != b.read_until:
        return False
    for index in range(oldest(a), a.next):
        first, second = piece_at(a, index), piece_at(b, index)
        if first.begin != second.begin or first.end != second.end:
            return False
        for k in range(a.components):
            if memcmp(&first.c[k][0], &second.c[k][0], sizeof(first.c[k])) != 0:
                return False
    return memcmp(a.where, b.where, a.components * sizeof(double)) == 0


cdef bint same_pulses(const shaping *a, const shaping *b) noexcept nogil:
    cdef const tap *first
    cdef const tap *second
    cdef int i
    if a.components != b.components or a.tap_count != b.tap_count or a.lead != b.lead:
        return False
    for i in range(a.tap_count):
        first, second = &a.taps[i], &b.taps[i]
        if not (first.shift == second.shift and first.amplitude == second.amplitude
                and first.first == second.first and first.after == second.after
                and first.at == second.at and first.until == second.until):
            return False
    return memcmp(a.blend, b.blend, sizeof(a.blend)) == 0


cdef bint shaped_alike(const motor_state *a, const motor_state *b) noexcept nogil:
    if a.queue != b.queue or a.cursor != b.cursor or a.solved_until != b.solved_until:
        return False
    if a.shape.kind == GEOMETRY_LINEAR or b.shape.kind == GEOMETRY_LINEAR or a.shaped.components == 0:
        return False
    if a.shaped.lost or b.shaped.lost:
        return False
    return same_pulses(&a.shaped, &b.shaped) and same_motion(&a.shaped, &b.shaped)


cdef piece_block *next_made(shaping *shaped) noexcept nogil:
    cdef piece_block *made
    cdef int room
    if shaped.made_count == shaped.made_room:
        room = max(4, 2 * shaped.made_room)
        made = <piece_block *>realloc(shaped.made, room * sizeof(piece_block))
        if made == NULL:
            return NULL
        shaped.made, shaped.made_room = made, room
    shaped.made_count += 1
    return &shaped.made[shaped.made_count - 1]


cdef int make_slice(motor_state *motor, double t, double end) noexcept nogil:
    """Keep the pieces of a slice."""
    cdef piece_block *block
    cdef int code = shaping_read(motor, end + motor.shaped.lead)
    motor.shaped.made_count = 0
    while t < end and code == SOLVE_OK:
        block = next_made(&motor.shaped)
        if block == NULL:
            return SOLVE_MEMORY
        t = shape_block(&motor.shaped, t, end, block)
    return code


cdef int adopt(motor_state *motor, const motor_state *leader) noexcept nogil:
    """Have read, and be, where the leader is; they were alike before."""
    cdef shaping *shaped = &motor.shaped
    cdef const shaping *source = &leader.shaped
    cdef int64_t index, first = oldest(source)
    cdef motion_piece *pieces
    cdef int i
    if shaped.mask < source.mask:
        pieces = <motion_piece *>malloc((source.mask + 1) * sizeof(motion_piece))
        if pieces == NULL:
            return SOLVE_MEMORY
        free(shaped.pieces)
        shaped.pieces, shaped.mask = pieces, source.mask
    else:
        # The newest may have become longer since.
        first = max(first, shaped.next - 1)
    for index in range(first, source.next):
        shaped.pieces[index & shaped.mask] = source.pieces[index & source.mask]
    for i in range(source.tap_count):
        shaped.taps[i].at, shaped.taps[i].until = source.taps[i].at, source.taps[i].until
    shaped.next, shaped.read_until = source.next, source.read_until
    memcpy(shaped.where, source.where, sizeof(shaped.where))
    motor.cursor = leader.cursor
    return SOLVE_OK


cdef int solve_alike(motor_state **motors, int count, double until, int *failed) noexcept nogil:
    cdef motor_state *leader = motors[0]
    cdef double t = leader.solved_until, end
    cdef int64_t jumps = leader.shaped.jumps
    cdef int i, k, code
    failed[0] = 0
    while t < until:
        end = slice_end(t, until)
        code = make_slice(leader, t, end)
        for i in range(count):
            failed[0] = i
            if i > 0 and leader.shaped.jumps != jumps:
                # It means something else for each.
                code = solve_slice(motors[i], t, end)
            elif i > 0 and code == SOLVE_OK:
                code = adopt(motors[i], leader)
            for k in range(leader.shaped.made_count if i == 0 or leader.shaped.jumps == jumps else 0):
                if code == SOLVE_OK:
                    code = solve_block(motors[i], &leader.shaped.made[k])
            if code < 0:
                return code
            motors[i].solved_until = end
        t = end
        if leader.shaped.jumps != jumps:
            return SOLVE_OK      # whether they are still alike remains to be seen
    return SOLVE_OK
