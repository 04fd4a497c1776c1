"""Steps of an extruder with pressure advance, smoothed by a triangular window.

The triangle of half width h is a box of width h applied twice, so the smoothed position is a second
difference: P(t) = (G(t + h) - 2 G(t) + G(t - h)) / h^2 with G'' = p, p = e + K e'. As e is piecewise
quadratic, P is a quartic between neighbouring breakpoints of e shifted by -h, 0 and h.
"""

from libc.math cimport fabs
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from klipperd.motion.motor cimport (
    GRAZE,
    SOLVE_EXPIRED,
    SOLVE_MEMORY,
    SOLVE_OK,
    motor_state,
    next_threshold,
    smoothing_window,
    source_piece,
    take_step,
)
from klipperd.motion.piece cimport motion_piece
from klipperd.motion.polynomial cimport find_turns, is_steady, solve_near, value_at
from klipperd.motion.runs cimport take_quadratic
from klipperd.motion.shaped cimport shape_piece, shaping_read, sum_components
from klipperd.motion.trapq cimport (
    TRAPEZOID_JUMP,
    TRAPEZOID_MOVE,
    queue_at,
    trapezoid,
)

cdef extern from *:
    """
    #define THIRD (1. / 3.)
    #define SIXTH (1. / 6.)
    #define TWELFTH (1. / 12.)
    """
    const double THIRD
    const double SIXTH
    const double TWELFTH

cdef enum:
    INITIAL_PIECES = 256

cdef double RESOLUTION = 1e-10    # s; rounding of t + half - half
cdef double FLAT = 1e-13          # mm; a quartic that is no further from a parabola is taken for one
cdef double LONG = 0.05           # s; longer pieces are cut before they are integrated, to keep digits


cdef inline source_piece *piece_at(const smoothing_window *window, int64_t index) noexcept nogil:
    return &window.pieces[index & window.mask]


cdef int window_open(smoothing_window *window, double half, double t, double where) noexcept nogil:
    window_close(window)
    window.pieces = <source_piece *>malloc(INITIAL_PIECES * sizeof(source_piece))
    if window.pieces == NULL:
        return SOLVE_MEMORY
    window.mask = INITIAL_PIECES - 1
    window.half = half
    window.read_until = t - half
    window.read_where = where
    window.based = -1
    return SOLVE_OK


cdef void window_close(smoothing_window *window) noexcept nogil:
    free(window.pieces)
    memset(window, 0, sizeof(smoothing_window))


# --- reading the queue ---

cdef int enlarge(smoothing_window *window) noexcept nogil:
    cdef int64_t capacity = 2 * (window.mask + 1), index
    cdef source_piece *pieces = <source_piece *>malloc(capacity * sizeof(source_piece))
    if pieces == NULL:
        return SOLVE_MEMORY
    for index in range(window.left, window.next):
        pieces[index & (capacity - 1)] = window.pieces[index & window.mask]
    free(window.pieces)
    window.pieces = pieces
    window.mask = capacity - 1
    return SOLVE_OK


cdef void integrate(smoothing_window *window, int64_t index) noexcept nogil:
    """Integrals at the begin of a piece from those at the begin of the one before."""
    cdef source_piece *before = piece_at(window, index - 1)
    cdef source_piece *piece = piece_at(window, index)
    cdef double u = before.end - before.begin, c0 = before.c0 - window.base
    piece.integral = before.integral + u * (c0 + u * (before.c1 * 0.5 + u * before.c2 * THIRD))
    piece.second_integral = before.second_integral + u * (
        before.integral + u * (c0 * 0.5 + u * (before.c1 * SIXTH + u * before.c2 * TWELFTH)))


cdef int add_piece(smoothing_window *window, double end, double c0, double c1, double c2) noexcept nogil:
    cdef source_piece *piece
    if end <= window.read_until:
        return SOLVE_OK
    if window.next - window.left > window.mask and enlarge(window) < 0:
        return SOLVE_MEMORY
    piece = piece_at(window, window.next)
    piece.begin, piece.end = window.read_until, end
    piece.c0, piece.c1, piece.c2 = c0, c1, c2
    piece.integral = piece.second_integral = 0.
    window.next += 1
    if window.based >= 0:
        integrate(window, window.next - 1)
    window.read_until = end
    return SOLVE_OK


cdef int read_move(smoothing_window *window, const trapezoid *move, double share) noexcept nogil:
    """Add the phases of a move: position plus advance times speed."""
    cdef double sign = 1. if move.end[0] >= move.start[0] else -1., accel = sign * move.accel
    cdef double k = share * move.advance, v = sign * move.start_v, t = move.print_time
    cdef double where = move.start[0] - window.jumps
    cdef int code
    code = add_piece(window, t + move.accel_t, where + k * v, v + k * accel, 0.5 * accel)
    t += move.accel_t
    where += 0.5 * sign * (move.start_v + move.cruise_v) * move.accel_t
    v = sign * move.cruise_v
    if code == SOLVE_OK:
        code = add_piece(window, t + move.cruise_t, where + k * v, v, 0.)
    t += move.cruise_t
    # Slowing down is measured from the end, so that no rounding adds up over many moves.
    where = move.end[0] - window.jumps - 0.5 * sign * (move.end_v + move.cruise_v) * move.decel_t
    if code == SOLVE_OK:
        code = add_piece(window, t + move.decel_t, where + k * v, v - k * accel, -0.5 * accel)
    window.read_where = move.end[0] - window.jumps
    return code


cdef int read_shaped(motor_state *motor, double limit) noexcept nogil:
    """Read shaped pieces beyond a time."""
    cdef smoothing_window *window = &motor.window
    cdef double[3] c
    cdef motion_piece piece
    cdef int code = shaping_read(motor, limit + motor.shaped.lead)
    while window.read_until < limit and code == SOLVE_OK:
        shape_piece(&motor.shaped, window.read_until, limit, &piece)
        sum_components(&motor.shaped, &piece, c)
        code = add_piece(window, piece.end, c[0] - window.jumps, c[1], c[2])
    return code


cdef int read_queue(motor_state *motor, double limit) noexcept nogil:
    """Read pieces beyond a time; where the queue has nothing the extruder rests."""
    cdef smoothing_window *window = &motor.window
    cdef const trapezoid *move
    cdef double end
    cdef int code = SOLVE_OK
    if motor.cursor < motor.queue.first:
        return SOLVE_EXPIRED
    while window.read_until < limit and code == SOLVE_OK:
        move = queue_at(motor.queue, motor.cursor) if motor.cursor < motor.queue.next else NULL
        if move == NULL or move.print_time > window.read_until:
            end = limit if move == NULL or move.print_time > limit else move.print_time
            code = add_piece(window, end, window.read_where, 0., 0.)
            continue
        if move.kind == TRAPEZOID_JUMP:
            window.jumps = move.start[0] - window.read_where
        elif move.kind == TRAPEZOID_MOVE:
            code = read_move(window, move, motor.advance_share)
        motor.cursor += 1
    return code


# --- solving ---

cdef void rebase(smoothing_window *window, double t) noexcept nogil:
    """Begin the integrals anew where the window begins: their growth would eat digits."""
    cdef source_piece *piece = piece_at(window, window.left)
    cdef double cut = t - window.half - piece.begin
    cdef int64_t index
    if cut > 0.:
        piece.c0 += cut * (piece.c1 + cut * piece.c2)
        piece.c1 += 2. * cut * piece.c2
        piece.begin += cut
    window.based = window.left
    window.base = piece.c0
    piece.integral = piece.second_integral = 0.
    for index in range(window.left + 1, window.next):
        integrate(window, index)


cdef inline void add_shifted(const smoothing_window *window, int64_t index, double t, double weight,
                             double *c) noexcept nogil:
    """Add weight * G around a time that lies within a piece, as a Taylor polynomial."""
    cdef const source_piece *piece = piece_at(window, index)
    cdef double u = t - piece.begin, c0 = piece.c0 - window.base
    c[0] += weight * (piece.second_integral + u * (piece.integral + u * (
        c0 * 0.5 + u * (piece.c1 * SIXTH + u * piece.c2 * TWELFTH))))
    c[1] += weight * (piece.integral + u * (c0 + u * (piece.c1 * 0.5 + u * piece.c2 * THIRD)))
    c[2] += weight * (c0 + u * (piece.c1 + u * piece.c2)) * 0.5
    c[3] += weight * (piece.c1 + 2. * u * piece.c2) * SIXTH
    c[4] += weight * piece.c2 * TWELFTH


cdef inline void smooth(smoothing_window *window, double t, double *c) noexcept nogil:
    """Quartic of the smoothed position around t, less window.base."""
    cdef const source_piece *piece = piece_at(window, window.middle)
    cdef double u = t - piece.begin, scale = 1. / (window.half * window.half)
    memset(c, 0, 5 * sizeof(double))
    if window.left == window.right:
        # A parabola keeps its shape and moves up by its curvature times the triangle's variance, h^2 / 6.
        window.base = piece.c0
        c[0] = u * (piece.c1 + u * piece.c2) + piece.c2 * window.half * window.half * SIXTH
        c[1] = piece.c1 + 2. * u * piece.c2
        c[2] = piece.c2
        window.based = -1
        return
    if (window.based < 0 or window.left - window.based > 8 + 2 * (window.right - window.left)
            or t - window.half - piece_at(window, window.left).begin > LONG):
        rebase(window, t)
    add_shifted(window, window.left, t - window.half, scale, c)
    add_shifted(window, window.middle, t, -2. * scale, c)
    add_shifted(window, window.right, t + window.half, scale, c)


cdef int solve_rise(motor_state *motor, double t, const double *c, double low, double high) noexcept nogil:
    """Steps between two times, between which the quartic doesn't turn."""
    cdef double base = motor.window.base
    cdef double first = value_at(c, low), last = value_at(c, high), threshold
    cdef int direction = 1 if last > first else -1, code
    if last == first:
        return SOLVE_OK
    threshold = next_threshold(motor, direction) - base
    while (last - threshold) * direction >= GRAZE:
        low = solve_near(c, threshold, low, high)
        code = take_step(motor, t + low, direction)
        if code < 0:
            return code
        threshold = next_threshold(motor, direction) - base
    return SOLVE_OK


cdef int solve_quartic(motor_state *motor, double t, double *c, double length) noexcept nogil:
    """Steps up to length s after t."""
    cdef double turns[4]
    cdef double low = 0.
    cdef double reach = fabs(c[2]) + length * (fabs(c[3]) + length * fabs(c[4]))
    cdef double here = motor.window.base + c[0]
    cdef int count, i, code = SOLVE_OK
    reach = length * (fabs(c[1]) + length * reach)
    if next_threshold(motor, 1) > here + reach and next_threshold(motor, -1) < here - reach:
        return SOLVE_OK
    if length * length * length * (fabs(c[3]) + length * fabs(c[4])) < FLAT:
        c[0] += motor.window.base
        return take_quadratic(motor, t, c, length, t + length)
    count = 0 if is_steady(c, length) else find_turns(c, length, turns)
    turns[count] = length
    for i in range(count + 1):
        if code == SOLVE_OK:
            code = solve_rise(motor, t, c, low, turns[i])
        low = turns[i]
    return code


cdef int solve_smoothed(motor_state *motor, double until) noexcept nogil:
    cdef smoothing_window *window = &motor.window
    cdef double t = motor.solved_until, end, left_end, middle_end, right_end
    cdef double c[5]
    cdef int code
    if motor.shaped.components > 0:
        code = read_shaped(motor, until + window.half)
    else:
        code = read_queue(motor, until + window.half)
    while t < until - RESOLUTION and window.right < window.next and code == SOLVE_OK:
        left_end = piece_at(window, window.left).end + window.half
        middle_end = piece_at(window, window.middle).end
        right_end = piece_at(window, window.right).end - window.half
        end = min(min(left_end, middle_end), min(right_end, until))
        if end > t:
            smooth(window, t, c)
            motor.where = window.base + value_at(c, end - t)
            code = solve_quartic(motor, t, c, end - t)
            t = end
        window.left += left_end <= t
        window.middle += middle_end <= t
        window.right += right_end <= t
    return code
