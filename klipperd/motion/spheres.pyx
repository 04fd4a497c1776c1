"""Runs of steps where a path enters or leaves balls round a joint.

The times of a run are worked out without branches, so that compilers make vectors of them, and go straight to
where the compressor keeps them.
"""

from libc.math cimport sqrt

from klipperd.motion.compress cimport compressor_room, compressor_take
from klipperd.motion.geometry cimport (
    GEOMETRY_DELTA,
    GEOMETRY_DELTESIAN,
    GEOMETRY_POLAR_RADIUS,
    GEOMETRY_WINCH,
)
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.piece cimport motion_piece
from klipperd.motion.spheres cimport balls, chord
from klipperd.motion.trapq cimport trapezoid, trapezoid_time

cdef double NOTHING = 1e-300      # mm; keeps 0 / 0 away


cdef inline int run_length(motor_state *motor, double end, double edge, int direction) noexcept nogil:
    """Most steps that may follow in one run; 0 without any, or a compress_code."""
    cdef double threshold = next_threshold(motor, direction), most
    cdef int room
    if (end - threshold) * direction < GRAZE:
        return 0
    most = ((end - threshold) * direction - GRAZE) / motor.step_distance
    most = min(most, (edge - threshold) * direction / motor.step_distance + 2.)
    if most < 0.:
        return 0
    room = compressor_room(&motor.out, direction)
    # The first step after a turn is not as far from the next one as others are.
    if room < 0 or motor.direction == -direction:
        return min(room, 1)
    return <int>most + 1 if most < room else room


cdef inline void take_run(motor_state *motor, int direction, int count) noexcept nogil:
    cdef const double *due = &motor.out.due[motor.out.tail]
    if count > 0:
        if motor.first_step < 0.:
            motor.first_step = due[0] / motor.out.freq - motor.out.offset
        compressor_take(&motor.out, count, True)
        motor.steps += direction * count
        motor.direction = direction
        motor.solved += count


# Straight moves

cdef inline void chord_ways(const chord *line, double first, double pitch, double side, double *due,
                            int count) noexcept nogil:
    """mm of the way at which the motor has gone first, first + pitch and so on; side: 1 out, -1 in."""
    cdef double a = line.a, whole = line.b, rise = line.rise, twice = 2. * line.reach, inverse = 1. / line.a
    cdef double sign = line.sign, d, b, square
    cdef int k
    for k in range(count):
        d = first + k * pitch
        b = whole - rise * d
        square = b * b - a * sign * d * (twice + d)
        square = square if square > 0. else 0.
        due[k] = (side * sqrt(square) - b) * inverse


cdef inline int ways_below(const double *due, double way, int count) noexcept nogil:
    cdef int low = 0, high = count, middle
    while low < high:
        middle = (low + high) // 2
        if due[middle] < way:
            low = middle + 1
        else:
            high = middle
    return low


cdef void ways_to_ticks(const motor_state *motor, const trapezoid *move, double *due,
                        int count) noexcept nogil:
    """From mm of the way, in order, to times; the forms of the roots lose no digits."""
    cdef double freq = motor.out.freq, zero = (move.print_time + motor.out.offset) * freq
    cdef double accel_d = 0.5 * (move.start_v + move.cruise_v) * move.accel_t
    cdef double decel_s = move.distance - 0.5 * (move.end_v + move.cruise_v) * move.decel_t
    cdef double v = move.start_v, square = v * v, twice = 2. * move.accel, s, ticks = freq / move.cruise_v
    cdef int ramp = ways_below(due, accel_d, count), cruise = ways_below(due, decel_s, count), k
    for k in range(ramp):
        s = due[k] if due[k] > NOTHING else NOTHING
        due[k] = zero + 2. * freq * s / (v + sqrt(square + twice * s))
    for k in range(ramp, cruise):
        due[k] = zero + move.accel_t * freq + (due[k] - accel_d) * ticks
    zero += trapezoid_time(move) * freq
    v = move.end_v
    square = v * v
    for k in range(max(ramp, cruise), count):
        s = move.distance - due[k]
        s = s if s > NOTHING else NOTHING
        due[k] = zero - 2. * freq * s / (v + sqrt(square + twice * s))


cdef int take_chord(motor_state *motor, const trapezoid *move, const chord *line, double start, double end,
                    double edge, int direction, double until) noexcept nogil:
    cdef double limit = (until + motor.out.offset) * motor.out.freq
    cdef double *due
    cdef int count, done
    while True:
        count = run_length(motor, end, edge, direction)
        if count <= 0:
            return count
        due = &motor.out.due[motor.out.tail]
        chord_ways(line, next_threshold(motor, direction) - start, direction * motor.step_distance,
                   -1. if direction == line.sign else 1., due, count)
        ways_to_ticks(motor, move, due, count)
        done = count
        while done > 0 and due[done - 1] > limit:
            done -= 1
        take_run(motor, direction, done)
        if done < count:
            return SOLVE_OK


# Pieces of quadratic motion

cdef inline void add_square(double *s, const double *c, double joint) noexcept nogil:
    cdef double p = c[0] - joint
    s[0] += p * p
    s[1] += 2. * p * c[1]
    s[2] += c[1] * c[1] + 2. * p * c[2]
    s[3] += 2. * c[1] * c[2]
    s[4] += c[2] * c[2]


cdef bint read_balls(const motor_state *motor, const motion_piece *piece, balls *b) noexcept nogil:
    cdef const double *k = &motor.shape.parameters[0]
    cdef int kind = motor.shape.kind, i
    b.rod = kind == GEOMETRY_DELTA or kind == GEOMETRY_DELTESIAN
    if not (b.rod or kind == GEOMETRY_WINCH or kind == GEOMETRY_POLAR_RADIUS):
        return False
    for i in range(5):
        b.s[i] = 0.
    b.z[0] = b.z[1] = b.z[2] = b.foot = b.arm = 0.
    if kind == GEOMETRY_POLAR_RADIUS:
        add_square(b.s, piece.c[0], 0.)
        add_square(b.s, piece.c[1], 0.)
        return True
    add_square(b.s, piece.c[0], k[0])
    if kind != GEOMETRY_DELTESIAN:
        add_square(b.s, piece.c[1], k[1])
    if not b.rod:
        add_square(b.s, piece.c[2], k[2])
        return True
    b.foot = piece.c[2][0]
    add_square(b.s, piece.c[2], b.foot)
    b.z[1], b.z[2] = piece.c[2][1], piece.c[2][2]
    b.arm = k[2] * k[2] if kind == GEOMETRY_DELTA else k[1] * k[1]
    return True


cdef inline void ball_times(const balls *b, double low, double first, double at, double pitch,
                            double rate, double bend, double zero, double freq, double *due,
                            int count) noexcept nogil:
    """Times of coordinates first + at, first + at + pitch and so on: from first + rate t + bend t^2 / 4;
    two of Newton's steps for E mend them."""
    cdef double base = first - b.foot, sign = 1. if b.rod else -1., tied = -2. if b.rod else 0.
    cdef double s0 = b.s[0] - b.arm, s1 = b.s[1], s2 = b.s[2], s3 = b.s[3], s4 = b.s[4]
    cdef double z1 = b.z[1], z2 = b.z[2], square = rate * rate, side = 1. if rate > 0. else -1.
    cdef double d, c, root, u, e0, e1, e2, slope
    cdef int k
    for k in range(count):
        d = at + k * pitch
        c = base + d
        root = square + bend * d
        root = root if root > 0. else 0.
        u = low + 2. * d / (rate + side * sqrt(root))
        e0 = s0 + sign * c * c
        e1 = s1 + tied * c * z1
        e2 = s2 + tied * c * z2
        slope = ((4. * s4 * u + 3. * s3) * u + 2. * e2) * u + e1
        u -= ((((s4 * u + s3) * u + e2) * u + e1) * u + e0) / slope
        slope = ((4. * s4 * u + 3. * s3) * u + 2. * e2) * u + e1
        u -= ((((s4 * u + s3) * u + e2) * u + e1) * u + e0) / slope
        due[k] = zero + u * freq


cdef int take_balls(motor_state *motor, const motion_piece *piece, const balls *b, double low, double high,
                    double first, double last, double rate) noexcept nogil:
    cdef int direction = 1 if last > first else -1, count
    cdef double span = high - low, freq = motor.out.freq, zero = (piece.begin + motor.out.offset) * freq
    cdef double bend = 4. * (last - first - rate * span) / (span * span)
    while True:
        count = run_length(motor, last, last, direction)
        if count <= 0:
            return count
        ball_times(b, low, first, next_threshold(motor, direction) - first, direction * motor.step_distance,
                   rate, bend, zero, freq, &motor.out.due[motor.out.tail], count)
        take_run(motor, direction, count)
