"""Steps of motors whose coordinate is curved in x, y and z: deltas, polar printers, winches.

A straight move has closed forms. Each step of a rod, an arm or a cable is where the path enters or leaves a
ball round the joint, a root of a quadratic in the way s along the path; the trapezoid turns s into time.
Along a straight line such a coordinate turns once at most.
"""

from libc.math cimport INFINITY, cos, fabs, sin, sqrt

from klipperd.motion.geometry cimport (
    GEOMETRY_DELTA,
    GEOMETRY_DELTESIAN,
    GEOMETRY_POLAR_ANGLE,
    GEOMETRY_POLAR_RADIUS,
    GEOMETRY_ROTARY_DELTA,
    geometry,
    geometry_bend,
    geometry_position,
    geometry_rate,
)
from klipperd.motion.motor cimport GRAZE, SOLVE_BROKEN, SOLVE_OK, motor_state, next_threshold, take_step
from klipperd.motion.parabolas cimport parabolas, take_parabolas
from klipperd.motion.piece cimport BLOCK, motion_piece, piece_block, piece_of, piece_position
from klipperd.motion.spheres cimport bend_all, bend_part, chord, joint, read_joint, take_chord
from klipperd.motion.trapq cimport trapezoid, trapezoid_distance, trapezoid_time

cdef enum:
    MOST_ROUNDS = 60              # of a bracketed search; more than a double has bits
    MOST_HALVINGS = 40            # of a piece

cdef double TURN_EXACT = 1e-7     # mm; a turning point's height is off by the square of this
cdef double TIME_EXACT = 1e-11    # s
cdef double FLAT = 1e-10          # mm; what bends less over its length counts as straight
cdef double SHORTEST = 1e-9       # s; no piece is halved beyond that
cdef double FEW_STEPS = 0.0005    # s, too short for runs
cdef double LONGER = 1.4          # so much longer than the last one a parabola may be


# Straight moves

# A move's speed over its way.
cdef struct pace:
    double begin                  # s, print_time
    double time                   # s
    double distance               # mm
    double accel_t                # s
    double accel_d                # mm
    double decel_d                # mm
    double start_v                # mm/s
    double end_v                  # mm/s
    double accel2                 # twice the acceleration, mm/s^2
    double slowness               # s/mm while cruising


cdef inline void read_pace(const trapezoid *move, pace *p) noexcept nogil:
    p.begin = move.print_time
    p.time = trapezoid_time(move)
    p.distance = move.distance
    p.accel_t = move.accel_t
    p.accel_d = 0.5 * (move.start_v + move.cruise_v) * move.accel_t
    p.decel_d = 0.5 * (move.end_v + move.cruise_v) * move.decel_t
    p.start_v, p.end_v = move.start_v, move.end_v
    p.accel2 = 2. * move.accel
    p.slowness = 1. / move.cruise_v


cdef inline double time_at(const pace *p, double s) noexcept nogil:
    """print_time at s mm of the way; these forms of the roots lose no digits."""
    cdef double left = p.distance - s
    if s <= 0.:
        return p.begin
    if s < p.accel_d:
        return p.begin + 2. * s / (p.start_v + sqrt(p.start_v * p.start_v + p.accel2 * s))
    if left > p.decel_d:
        return p.begin + p.accel_t + (s - p.accel_d) * p.slowness
    if left <= 0.:
        return p.begin + p.time
    return p.begin + p.time - 2. * left / (p.end_v + sqrt(p.end_v * p.end_v + p.accel2 * left))


cdef void hang(const double *from_joint, const double *u, int plane, double arm, chord *c) noexcept nogil:
    """A carriage on a tower: a rod of length arm below it, seen in the first `plane` axes and z."""
    cdef double h0 = 0., h1 = 0., h2 = 0.
    cdef int axis
    for axis in range(plane):
        h0 += from_joint[axis] * from_joint[axis]
        h1 += from_joint[axis] * u[axis]
        h2 += u[axis] * u[axis]
    c.reach = sqrt(arm * arm - h0)
    c.a = h2 + u[2] * u[2]
    c.b = h1 - u[2] * c.reach
    c.rise = u[2]
    c.sign = 1
    if h2 > 0.:
        # There the way is at right angles to the rod.
        c.turn = (u[2] * sqrt((c.reach * c.reach * h2 + h1 * h1) / c.a) - h1) / h2
    else:
        c.turn = INFINITY if u[2] > 0. else -INFINITY


cdef void pull(const double *from_joint, const double *u, int axes, chord *c) noexcept nogil:
    """A cable to a point: its length grows where the line leaves a ball."""
    cdef double square = 0.
    cdef int axis
    c.a = c.b = c.rise = 0.
    for axis in range(axes):
        square += from_joint[axis] * from_joint[axis]
        c.b += from_joint[axis] * u[axis]
        c.a += u[axis] * u[axis]
    c.reach = sqrt(square)
    c.sign = -1
    c.turn = -c.b / c.a if c.a > 0. else 0.


cdef int read_chord(const geometry *shape, const trapezoid *move, const double *u, chord *c) noexcept nogil:
    cdef const double *k = &shape.parameters[0]
    cdef double[3] d
    d[0], d[1], d[2] = move.start[0], move.start[1], move.start[2]
    if shape.kind == GEOMETRY_DELTA:
        d[0] -= k[0]
        d[1] -= k[1]
        hang(d, u, 2, k[2], c)
    elif shape.kind == GEOMETRY_DELTESIAN:
        d[0] -= k[0]
        hang(d, u, 1, k[1], c)
    elif shape.kind == GEOMETRY_POLAR_RADIUS:
        pull(d, u, 2, c)
    else:
        d[0] -= k[0]
        d[1] -= k[1]
        d[2] -= k[2]
        pull(d, u, 3, c)
    return 0


cdef inline double way_in(double a, double b, double c) noexcept nogil:
    """The smaller root of a s^2 + 2 b s + c = 0."""
    cdef double root = sqrt(max(b * b - a * c, 0.)) - b
    return c / root if root > 0. else 0.


cdef inline double way_out(double a, double b, double c) noexcept nogil:
    """The larger root."""
    cdef double root = sqrt(max(b * b - a * c, 0.))
    return -c / (b + root) if b > 0. else (root - b) / a


cdef inline double knee(const geometry *shape, double angle, const double *start, const double *u,
                        double *b) noexcept nogil:
    """Square of the distance from a rotary delta's knee to the start, less the lower arm's; b as in chord."""
    cdef const double *k = &shape.parameters[0]
    cdef double out = k[0] + k[2] * cos(angle)
    cdef double x = start[0] - out * k[5], y = start[1] - out * k[6], z = start[2] - k[1] - k[2] * sin(angle)
    b[0] = x * u[0] + y * u[1] + z * u[2]
    return x * x + y * y + z * z - k[3] * k[3]


cdef int knee_steps(motor_state *motor, const pace *p, const trapezoid *move, const double *u, double end,
                    int direction, double until) noexcept nogil:
    cdef double threshold = next_threshold(motor, direction), b, k, t
    cdef int code
    while (end - threshold) * direction >= GRAZE:
        k = knee(&motor.shape, threshold, move.start, u, &b)
        t = time_at(p, way_in(1., b, k) if direction > 0 else way_out(1., b, k))
        if t > until:
            break
        code = take_step(motor, t, direction)
        if code < 0:
            return code
        threshold = next_threshold(motor, direction)
    return SOLVE_OK


cdef double approach(const geometry *shape, const double *start, const double *u, double s) noexcept nogil:
    """Below 0 while the arm rises along the way."""
    cdef double[3] where
    cdef double b
    where[0], where[1], where[2] = start[0] + s * u[0], start[1] + s * u[1], start[2] + s * u[2]
    knee(shape, geometry_position(shape, where, 0.), where, u, &b)
    return b


cdef double knee_turn(const geometry *shape, const trapezoid *move, const double *u) noexcept nogil:
    """Where along the way a rotary delta's arm turns: regula falsi (Illinois)."""
    cdef double low = 0., high = move.distance, middle, value
    cdef double first = approach(shape, move.start, u, low), last = approach(shape, move.start, u, high)
    cdef int _round
    if first >= 0.:
        return 0.
    if last <= 0.:
        return high
    for _round in range(MOST_ROUNDS):
        middle = high - last * (high - low) / (last - first)
        value = approach(shape, move.start, u, middle)
        if value > 0.:
            high, last = middle, value
            first *= 0.5
        else:
            low, first = middle, value
            last *= 0.5
        if high - low < TURN_EXACT or fabs(value) < TURN_EXACT:
            return middle
    return middle


cdef int angle_steps(motor_state *motor, const pace *p, const trapezoid *move, const double *u, double start,
                     double end, double until) noexcept nogil:
    """Steps of a polar printer's bed: the angle never turns along a line."""
    cdef double r = sqrt(move.start[0] * move.start[0] + move.start[1] * move.start[1])
    cdef double along, across, threshold, d, t
    cdef int direction = 1 if end > start else -1, code
    if r <= 0.:
        return SOLVE_OK
    along = (move.start[0] * u[0] + move.start[1] * u[1]) / r
    across = (move.start[0] * u[1] - move.start[1] * u[0]) / r
    threshold = next_threshold(motor, direction)
    while (end - threshold) * direction >= GRAZE:
        d = threshold - start
        t = time_at(p, r * sin(d) / (across * cos(d) - along * sin(d)))
        if t > until:
            break
        code = take_step(motor, t, direction)
        if code < 0:
            return code
        threshold = next_threshold(motor, direction)
    return SOLVE_OK


cdef int solve_straight(motor_state *motor, const trapezoid *move, double until) noexcept nogil:
    cdef const geometry *shape = &motor.shape
    cdef double start = geometry_position(shape, move.start, motor.where)
    cdef double end = geometry_position(shape, move.end, start), turn, top, edge = end, reached
    cdef double[3] u, where
    cdef int axis, direction, code = SOLVE_OK
    cdef chord c
    cdef pace p
    if move.distance <= 0. or (move.start[0] == move.end[0] and move.start[1] == move.end[1]
                               and move.start[2] == move.end[2]):
        return SOLVE_OK
    if not fabs(start) + fabs(end) < INFINITY:
        return SOLVE_BROKEN      # out of the machine's reach
    read_pace(move, &p)
    for axis in range(3):
        u[axis] = (move.end[axis] - move.start[axis]) / move.distance
    if shape.kind == GEOMETRY_POLAR_ANGLE:
        return angle_steps(motor, &p, move, u, start, end, until)
    if shape.kind == GEOMETRY_ROTARY_DELTA:
        turn, direction = knee_turn(shape, move, u), 1
    else:
        read_chord(shape, move, u, &c)
        turn, direction = min(max(c.turn, 0.), move.distance), c.sign
    for axis in range(3):
        where[axis] = move.start[axis] + turn * u[axis]
    top = geometry_position(shape, where, start) if 0. < turn < move.distance else end if turn > 0. else start
    reached = move.distance
    if p.begin + p.time > until:
        reached = trapezoid_distance(move, max(until - p.begin, 0.))
        for axis in range(3):
            where[axis] = move.start[axis] + reached * u[axis]
        edge = geometry_position(shape, where, start)
    # A part that was solved to its end must not be walked again: behind it the other way is open.
    if turn > 0. and time_at(&p, turn) > motor.solved_until:
        if shape.kind == GEOMETRY_ROTARY_DELTA:
            code = knee_steps(motor, &p, move, u, top, direction, until)
        else:
            code = take_chord(motor, move, &c, start, top, edge if reached < turn else top, direction, until)
    if code < 0 or turn >= move.distance or reached <= turn:
        return code
    if shape.kind == GEOMETRY_ROTARY_DELTA:
        return knee_steps(motor, &p, move, u, end, -direction, until)
    edge = edge if reached < move.distance else end
    return take_chord(motor, move, &c, start, end, edge, -direction, until)


# Pieces of quadratic motion

# One motor's coordinate over a piece.
cdef struct glimpse:
    double u                      # s since the piece's begin
    double where                  # mm or rad
    double rate                   # mm/s or rad/s


cdef inline void look(const geometry *shape, const motion_piece *piece, double u, double near,
                      glimpse *seen) noexcept nogil:
    cdef double[3] where, velocity
    cdef int axis
    for axis in range(3):
        where[axis] = piece_position(piece, axis, u)
        velocity[axis] = piece.c[axis][1] + 2. * piece.c[axis][2] * u
    seen.u = u
    seen.where = geometry_rate(shape, where, velocity, near, &seen.rate)


cdef double piece_bend(const geometry *shape, const motion_piece *piece, double low,
                       double high) noexcept nogil:
    """Bound of the coordinate's second derivative between two times."""
    cdef double[3] where, speed, accel
    cdef int axis
    for axis in range(3):
        where[axis] = piece_position(piece, axis, low)
        accel[axis] = 2. * fabs(piece.c[axis][2])
        speed[axis] = max(fabs(piece.c[axis][1] + 2. * piece.c[axis][2] * low),
                          fabs(piece.c[axis][1] + 2. * piece.c[axis][2] * high))
    return geometry_bend(shape, where, speed, accel, high - low)


cdef double newton(const geometry *shape, const motion_piece *piece, double threshold, int direction,
                   double bend, double low, double high, double guess, double *rate) noexcept nogil:
    """When the coordinate, monotone between low and high (s), passes the threshold; and the rate there."""
    cdef double error, step
    cdef glimpse seen
    cdef int _round
    if not low < guess < high:
        guess = 0.5 * (low + high)
    for _round in range(MOST_ROUNDS):
        look(shape, piece, guess, threshold, &seen)
        error = threshold - seen.where
        if error * direction > 0.:
            low = guess
        else:
            high = guess
        step = error / seen.rate if seen.rate != 0. else INFINITY
        rate[0] = seen.rate
        if low <= guess + step <= high:
            guess += step
            # What is left after a step is bend / (2 rate) times its square.
            if 0.5 * bend * step * step <= TIME_EXACT * fabs(seen.rate) or fabs(step) < TIME_EXACT:
                return guess
        else:
            guess = 0.5 * (low + high)
        if high - low < TIME_EXACT:
            return guess
    return guess


cdef int monotone_steps(motor_state *motor, const motion_piece *piece, const glimpse *first,
                        const glimpse *last, double bend) noexcept nogil:
    """Steps of a part in which the coordinate does not turn."""
    cdef int direction = 1 if last.where > first.where else -1, code
    cdef double threshold = next_threshold(motor, direction), u = first.u, where = first.where
    cdef double rate = first.rate, guess, before = u, change = 0., slope
    while (last.where - threshold) * direction >= GRAZE:
        slope = rate
        if (threshold - where) * direction > 0.:
            # As far as rate and its last change tell.
            guess = (threshold - where) / rate if rate * direction > 0. else INFINITY
            guess = u + guess * (1. - 0.5 * guess * change / rate)
            before, u = u, newton(&motor.shape, piece, threshold, direction, bend, u, last.u, guess, &slope)
            where = threshold
        change = (slope - rate) / (u - before) if u > before else 0.
        rate = slope
        code = take_step(motor, piece.begin + u, direction)
        if code < 0:
            return code
        threshold = next_threshold(motor, direction)
    return SOLVE_OK


cdef bint reaches(const motor_state *motor, const glimpse *first, const glimpse *last,
                  double bend) noexcept nogil:
    """Whether a step can be due between two instants."""
    cdef double span = last.u - first.u, beyond = 0.125 * bend * span * span
    return not (max(first.where, last.where) + beyond < next_threshold(motor, 1)
                and min(first.where, last.where) - beyond > next_threshold(motor, -1))


cdef int part_steps(motor_state *motor, const motion_piece *piece, const glimpse *first, const glimpse *last,
                    int depth) noexcept nogil:
    """Steps between two instants, halved until the coordinate surely turns nowhere inside."""
    cdef double span = last.u - first.u, bend = piece_bend(&motor.shape, piece, first.u, last.u)
    cdef bint one_way = (first.rate > 0.) == (last.rate > 0.)
    cdef glimpse middle
    cdef int code
    if not reaches(motor, first, last, bend):
        return SOLVE_OK
    if (one_way and fabs(first.rate) + fabs(last.rate) > bend * span
            or bend * span * span < 8. * FLAT or span < SHORTEST or depth >= MOST_HALVINGS):
        return monotone_steps(motor, piece, first, last, bend)
    look(&motor.shape, piece, first.u + 0.5 * span, first.where, &middle)
    code = part_steps(motor, piece, first, &middle, depth + 1)
    return part_steps(motor, piece, &middle, last, depth + 1) if code == SOLVE_OK else code


cdef int search_part(motor_state *motor, const motion_piece *piece, double low, double high) noexcept nogil:
    """Steps between two instants (s from the piece's begin), one by one."""
    cdef glimpse first, last
    look(&motor.shape, piece, low, motor.where, &first)
    look(&motor.shape, piece, high, first.where, &last)
    if not fabs(first.where) + fabs(last.where) < INFINITY:
        return SOLVE_BROKEN      # out of the machine's reach
    motor.where = last.where
    return part_steps(motor, piece, &first, &last, 0)


cdef int bent_steps(motor_state *motor, const joint *at, const piece_block *pieces, int i,
                    parabolas *way) noexcept nogil:
    """Of a rod or a cable in one piece: parabolas as long as they are good, single steps where it turns."""
    cdef double u = 0., length = pieces.end[i] - pieces.begin[i], span = length
    cdef int code = SOLVE_OK
    cdef motion_piece piece
    piece_of(pieces, i, &piece)
    while u < length and code == SOLVE_OK:
        if u + span > length:
            span = length - u
        if bend_part(at, pieces, i, u, span / length, way):
            code = take_parabolas(motor, way, i, i + 1)
        elif span > FEW_STEPS:
            span *= 0.5
            continue
        else:
            code = search_part(motor, &piece, u, u + span)
        u += span
        span *= LONGER
    return code


cdef int solve_joint(motor_state *motor, const joint *at, const piece_block *pieces) noexcept nogil:
    cdef double[BLOCK] spare
    cdef int i = 0, after, code = SOLVE_OK
    cdef parabolas way
    bend_all(at, pieces, &way, spare)
    while i < pieces.count and code == SOLVE_OK:
        after = i
        while after < pieces.count and spare[after] >= 0.:
            after += 1
        if way.rate[i] == way.bend[i] == way.cubic[i] == 0.:
            # Only axes move that are none of its own.
            i += 1
        elif after > i:
            code = take_parabolas(motor, &way, i, after)
            i = after
        else:
            code = bent_steps(motor, at, pieces, i, &way)
            i += 1
    return code


cdef int solve_pieces(motor_state *motor, const piece_block *pieces) noexcept nogil:
    cdef int i, code = SOLVE_OK
    cdef motion_piece piece
    cdef joint at
    if read_joint(&motor.shape, &at):
        return solve_joint(motor, &at, pieces)
    for i in range(pieces.count):
        piece_of(pieces, i, &piece)
        code = search_part(motor, &piece, 0., piece.end - piece.begin)
        if code < 0:
            break
    return code
