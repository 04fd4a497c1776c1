"""Steps of motors whose axes are shaped.

A shaper is a sum of pulses: p(t) becomes the sum of A_i p(t - (T_i - Tm)) with Tm = sum A_i T_i, so that it
is not late on average. The motion in the queue is quadratic between its breakpoints, so the sum is quadratic
between theirs, each shifted by every pulse: coefficients are put together once for each such piece.
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from klipperd.motion.curved cimport solve_pieces
from klipperd.motion.geometry cimport GEOMETRY_LINEAR, geometry_position
from klipperd.motion.motor cimport (
    SOLVE_BROKEN,
    SOLVE_EXPIRED,
    SOLVE_MEMORY,
    SOLVE_OK,
    motor_state,
)
from klipperd.motion.parabolas cimport parabolas, take_parabolas
from klipperd.motion.piece cimport (
    BLOCK,
    motion_piece,
    piece_block,
    piece_of,
    piece_position,
    piece_rests,
)
from klipperd.motion.shaped cimport slice_end
from klipperd.motion.shaping cimport piece_at, shaping, tap
from klipperd.motion.trapq cimport (
    TRAPEZOID_JUMP,
    TRAPEZOID_MOVE,
    queue_at,
    trapezoid,
    trapezoid_time,
)

cdef enum:
    INITIAL_PIECES = 64

cdef double RESOLUTION = 1e-10    # s; breakpoints as near as that are one
cdef double BROKEN = 1e-6         # mm between the end of a move and the start of the next
cdef double ALWAYS = 1e9          # s


cdef int shaping_open(shaping *shaped, int taps) noexcept nogil:
    shaping_close(shaped)
    shaped.pieces = <motion_piece *>malloc(INITIAL_PIECES * sizeof(motion_piece))
    shaped.taps = <tap *>calloc(taps, sizeof(tap))
    if shaped.pieces == NULL or shaped.taps == NULL:
        shaping_close(shaped)
        return SOLVE_MEMORY
    shaped.mask = INITIAL_PIECES - 1
    return SOLVE_OK


cdef void shaping_close(shaping *shaped) noexcept nogil:
    free(shaped.pieces)
    free(shaped.taps)
    free(shaped.made)
    memset(shaped, 0, sizeof(shaping))


cdef void shaping_rest(shaping *shaped, const double *where) noexcept nogil:
    cdef motion_piece *piece = piece_at(shaped, 0)
    cdef int k
    memset(piece, 0, sizeof(motion_piece))
    for k in range(3):
        piece.c[k][0] = shaped.where[k] = where[k]
    piece.begin = -ALWAYS
    piece.end = shaped.read_until = -ALWAYS / 2.
    shaped.next = 1
    shaped.lost = 0
    for k in range(shaped.tap_count):
        shaped.taps[k].at = 0
        shaped.taps[k].until = piece.end + shaped.taps[k].shift


# --- reading the queue ---

cdef int64_t oldest(const shaping *shaped) noexcept nogil:
    cdef int64_t first = shaped.next
    cdef int k
    for k in range(shaped.tap_count):
        first = min(first, shaped.taps[k].at)
    return first


cdef int enlarge(shaping *shaped) noexcept nogil:
    cdef int64_t capacity = 2 * (shaped.mask + 1), index
    cdef motion_piece *pieces = <motion_piece *>malloc(capacity * sizeof(motion_piece))
    if pieces == NULL:
        return SOLVE_MEMORY
    for index in range(oldest(shaped), shaped.next):
        pieces[index & (capacity - 1)] = shaped.pieces[index & shaped.mask]
    free(shaped.pieces)
    shaped.pieces = pieces
    shaped.mask = capacity - 1
    return SOLVE_OK


cdef inline motion_piece *add_piece(shaping *shaped, double begin, double end) noexcept nogil:
    cdef motion_piece *piece
    if shaped.next > shaped.mask and oldest(shaped) + shaped.mask < shaped.next and enlarge(shaped) < 0:
        return NULL
    piece = piece_at(shaped, shaped.next)
    piece.begin, piece.end = begin, end
    shaped.next += 1
    shaped.read_until = end
    return piece


cdef int add_rest(shaping *shaped, double end) noexcept nogil:
    """It stays where it is."""
    cdef motion_piece *piece = piece_at(shaped, shaped.next - 1)
    cdef bint rests = True
    cdef int k
    for k in range(shaped.components):
        rests = rests and piece.c[k][1] == 0. and piece.c[k][2] == 0. and piece.c[k][0] == shaped.where[k]
    if rests:
        piece.end = shaped.read_until = end
        for k in range(shaped.tap_count):
            if shaped.taps[k].at == shaped.next - 1:
                shaped.taps[k].until = end + shaped.taps[k].shift
        return SOLVE_OK
    piece = add_piece(shaped, shaped.read_until, end)
    if piece == NULL:
        return SOLVE_MEMORY
    for k in range(shaped.components):
        piece.c[k][0], piece.c[k][1], piece.c[k][2] = shaped.where[k], 0., 0.
    return SOLVE_OK


cdef inline int add_phase(shaping *shaped, double begin, double time, const double *from_, double sign,
                          const double *per_mm, double s, double v, double half_accel,
                          double advance) noexcept nogil:
    """Motion from_ + sign s per_mm and on, with v and half_accel along the path, and pressure advance (s)."""
    cdef motion_piece *piece
    cdef int k
    if time <= 0.:
        return SOLVE_OK
    piece = add_piece(shaped, begin, begin + time)
    if piece == NULL:
        return SOLVE_MEMORY
    for k in range(shaped.components):
        piece.c[k][0] = from_[k] + (sign * s + advance * v) * per_mm[k]
        piece.c[k][1] = (v + 2. * advance * half_accel) * per_mm[k]
        piece.c[k][2] = half_accel * per_mm[k]
    return SOLVE_OK


cdef inline void blend(const shaping *shaped, const double *where, double *components) noexcept nogil:
    cdef int k
    for k in range(shaped.components):
        components[k] = (shaped.blend[k][0] * where[0] + shaped.blend[k][1] * where[1]
                         + shaped.blend[k][2] * where[2])


cdef int read_move(shaping *shaped, const trapezoid *move, double advance) noexcept nogil:
    cdef double[3] start, end, per_mm
    cdef double t = move.print_time, gone, left, scale = 1. / move.distance if move.distance > 0. else 0.
    cdef bint rests = True
    cdef int k, code
    blend(shaped, move.start, start)
    blend(shaped, move.end, end)
    for k in range(shaped.components):
        if fabs(start[k] - shaped.where[k]) > BROKEN:
            return SOLVE_BROKEN
        per_mm[k] = (end[k] - start[k]) * scale
        rests = rests and start[k] == end[k] == shaped.where[k]
    if rests:
        return add_rest(shaped, t + trapezoid_time(move))
    gone = 0.5 * (move.start_v + move.cruise_v) * move.accel_t
    # Slowing down is measured from the end, so that no rounding adds up over many moves.
    left = 0.5 * (move.end_v + move.cruise_v) * move.decel_t
    code = add_phase(shaped, t, move.accel_t, start, 1., per_mm, 0., move.start_v, 0.5 * move.accel, advance)
    t += move.accel_t
    if code == SOLVE_OK:
        code = add_phase(shaped, t, move.cruise_t, start, 1., per_mm, gone, move.cruise_v, 0., advance)
    t += move.cruise_t
    if code == SOLVE_OK:
        code = add_phase(shaped, t, move.decel_t, end, -1., per_mm, left, move.cruise_v, -0.5 * move.accel,
                         advance)
    for k in range(shaped.components):
        shaped.where[k] = end[k]
    return code


cdef void read_jump(motor_state *motor, const trapezoid *move) noexcept nogil:
    """Coordinates change: of all that was read, too, so that the sum of pulses is not torn."""
    cdef shaping *shaped = &motor.shaped
    cdef double[3] there
    cdef double change = 0.
    cdef int64_t index
    cdef int k
    blend(shaped, move.start, there)
    if motor.shape.kind != GEOMETRY_LINEAR:
        change = geometry_position(&motor.shape, there, motor.where)
        change -= motor.where if shaped.lost else geometry_position(&motor.shape, shaped.where, motor.where)
    for k in range(shaped.components):
        if motor.shape.kind == GEOMETRY_LINEAR:
            change += there[k] - shaped.where[k]
        for index in range(oldest(shaped), shaped.next):
            piece_at(shaped, index).c[k][0] += there[k] - shaped.where[k]
        shaped.where[k] = there[k]
    shaped.lost = 0
    shaped.jumps += 1
    if motor.window.half > 0.:
        motor.window.jumps += change
    else:
        motor.offset += change
        motor.where += change


cdef void forget_after(shaping *shaped, double t) noexcept nogil:
    """What was read beyond t will not happen: a homing move was given up."""
    cdef int64_t first = oldest(shaped)
    cdef motion_piece *last
    cdef double u
    cdef int k
    while shaped.next - 1 > first and piece_at(shaped, shaped.next - 1).begin >= t:
        shaped.next -= 1
    last = piece_at(shaped, shaped.next - 1)
    last.end = shaped.read_until = t
    u = t - last.begin
    for k in range(shaped.components):
        shaped.where[k] = last.c[k][0] + u * (last.c[k][1] + u * last.c[k][2])
    for k in range(shaped.tap_count):
        if shaped.taps[k].at >= shaped.next - 1:
            shaped.taps[k].at = shaped.next - 1
            shaped.taps[k].until = t + shaped.taps[k].shift


cdef int shaping_read(motor_state *motor, double limit) noexcept nogil:
    cdef shaping *shaped = &motor.shaped
    cdef const trapezoid *move
    cdef double advance
    cdef int code = SOLVE_OK
    if motor.cursor < motor.queue.first:
        return SOLVE_EXPIRED
    while code == SOLVE_OK:
        move = queue_at(motor.queue, motor.cursor) if motor.cursor < motor.queue.next else NULL
        if move != NULL and move.kind == TRAPEZOID_JUMP and move.print_time < shaped.read_until:
            forget_after(shaped, move.print_time)
        if shaped.read_until >= limit:
            break
        if move == NULL or move.print_time > shaped.read_until:
            code = add_rest(shaped, limit if move == NULL or move.print_time > limit else move.print_time)
            continue
        if move.kind == TRAPEZOID_JUMP:
            read_jump(motor, move)
        elif move.kind == TRAPEZOID_MOVE:
            advance = motor.advance_share * move.advance
            code = SOLVE_BROKEN if shaped.lost else read_move(shaped, move, advance)
        motor.cursor += 1
    return code


# --- shaping ---

cdef inline bint goes_on(const shaping *shaped, const tap *pulse) noexcept nogil:
    """Whether what a pulse shapes rests in its piece and in the next."""
    cdef const motion_piece *piece = piece_at(shaped, pulse.at)
    cdef const motion_piece *after = piece_at(shaped, pulse.at + 1)
    cdef int k
    for k in range(pulse.first, pulse.after):
        if not (piece_rests(piece, k) and piece_rests(after, k) and piece.c[k][0] == after.c[k][0]):
            return False
    return True


cdef void advance(const shaping *shaped, tap *pulse, double t) noexcept nogil:
    """To the piece at t; breakpoints between which it rests are none."""
    while pulse.at + 1 < shaped.next and (pulse.until <= t + RESOLUTION or goes_on(shaped, pulse)):
        pulse.at += 1
        pulse.until = piece_at(shaped, pulse.at).end + pulse.shift


cdef inline double place_taps(shaping *shaped, double t, double limit) noexcept nogil:
    """Where each pulse is at t; returns when that ends."""
    cdef tap *pulse
    cdef double end = limit
    cdef int i
    for i in range(shaped.tap_count):
        pulse = &shaped.taps[i]
        if pulse.until <= t + RESOLUTION:
            advance(shaped, pulse, t)
        if t < pulse.until < end:
            end = pulse.until
        pulse.piece = piece_at(shaped, pulse.at)
        pulse.u = t - pulse.shift - pulse.piece.begin
    return end


cdef inline void add_up(const shaping *shaped, int k, double *c0, double *c1, double *c2) noexcept nogil:
    """One component."""
    cdef double sum0 = 0., sum1 = 0., sum2 = 0., u, a
    cdef const double *c
    cdef const tap *pulse
    cdef int i
    for i in range(shaped.tap_count):
        pulse = &shaped.taps[i]
        if pulse.first <= k < pulse.after:
            a, u = pulse.amplitude, pulse.u
            c = &pulse.piece.c[k][0]
            sum0 += a * (c[0] + u * (c[1] + u * c[2]))
            sum1 += a * (c[1] + 2. * u * c[2])
            sum2 += a * c[2]
    c0[0], c1[0], c2[0] = sum0, sum1, sum2


cdef void shape_piece(shaping *shaped, double t, double limit, motion_piece *out) noexcept nogil:
    cdef int k
    out.begin, out.end = t, place_taps(shaped, t, limit)
    for k in range(shaped.components):
        add_up(shaped, k, &out.c[k][0], &out.c[k][1], &out.c[k][2])


cdef double shape_block(shaping *shaped, double t, double limit, piece_block *block) noexcept nogil:
    """The next pieces in which something moves; returns where they end."""
    cdef double end
    cdef bint moves
    cdef int k, i = 0
    while t < limit and i < BLOCK:
        end = place_taps(shaped, t, limit)
        moves = False
        for k in range(shaped.components):
            add_up(shaped, k, &block.c[k][0][i], &block.c[k][1][i], &block.c[k][2][i])
            moves = moves or block.c[k][1][i] != 0. or block.c[k][2][i] != 0.
        block.begin[i], block.end[i] = t, end
        t = end
        if moves:
            i += 1
    block.count = i
    return t


cdef void sum_block(const shaping *shaped, const piece_block *block, parabolas *sums) noexcept nogil:
    """A linear motor's coordinate."""
    cdef double u
    cdef int i, k
    for i in range(block.count):
        sums.begin[i], sums.end[i] = block.begin[i], block.end[i]
        sums.first[i], sums.rate[i], sums.bend[i] = block.c[0][0][i], block.c[0][1][i], block.c[0][2][i]
        sums.cubic[i] = 0.
    for k in range(1, shaped.components):
        for i in range(block.count):
            sums.first[i] += block.c[k][0][i]
            sums.rate[i] += block.c[k][1][i]
            sums.bend[i] += block.c[k][2][i]
    for i in range(block.count):
        u = block.end[i] - block.begin[i]
        sums.last[i] = sums.first[i] + u * (sums.rate[i] + u * sums.bend[i])


cdef double end_coordinate(const motor_state *motor, const piece_block *block) noexcept nogil:
    """Where the last piece of a block ends."""
    cdef double[3] where
    cdef double sum_ = 0.
    cdef motion_piece piece
    cdef int k
    piece_of(block, block.count - 1, &piece)
    for k in range(motor.shaped.components):
        where[k] = piece_position(&piece, k, piece.end - piece.begin)
        sum_ += where[k]
    if motor.shape.kind == GEOMETRY_LINEAR:
        return sum_
    return geometry_position(&motor.shape, where, motor.where)


cdef int solve_block(motor_state *motor, const piece_block *block) noexcept nogil:
    cdef parabolas sums
    cdef int code
    if block.count == 0:
        return SOLVE_OK
    if motor.shape.kind == GEOMETRY_LINEAR:
        sum_block(&motor.shaped, block, &sums)
        code = take_parabolas(motor, &sums, 0, block.count)
    else:
        code = solve_pieces(motor, block)
    motor.where = end_coordinate(motor, block)
    return code


cdef int solve_slice(motor_state *motor, double t, double end) noexcept nogil:
    cdef piece_block block
    cdef int code = shaping_read(motor, end + motor.shaped.lead)
    while t < end and code == SOLVE_OK:
        t = shape_block(&motor.shaped, t, end, &block)
        code = solve_block(motor, &block)
    return code


cdef int solve_shaped(motor_state *motor, double until) noexcept nogil:
    cdef double t = motor.solved_until, end
    cdef int code = SOLVE_OK
    while t < until and code == SOLVE_OK:
        end = slice_end(t, until)
        code = solve_slice(motor, t, end)
        t = end
    return code
