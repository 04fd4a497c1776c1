"""Motors with rods and cables: where a path enters or leaves balls round a joint.

The times of a run are worked out without branches, so that compilers make vectors of them, and go straight to
where the compressor keeps them.
"""

from libc.math cimport fabs, sqrt

from klipperd.motion.compress cimport compressor_room, compressor_take
from klipperd.motion.geometry cimport (
    GEOMETRY_DELTA,
    GEOMETRY_DELTESIAN,
    GEOMETRY_POLAR_RADIUS,
    GEOMETRY_WINCH,
    geometry,
)
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.parabolas cimport parabolas
from klipperd.motion.piece cimport BLOCK, piece_block
from klipperd.motion.spheres cimport chord, joint
from klipperd.motion.trapq cimport trapezoid, trapezoid_time

cdef double NOTHING = 1e-300      # mm; keeps 0 / 0 away
cdef double EXACT = 2.5e-10       # s; what errs by less at each step is taken for the motion
cdef double SLOWEST = 1e-3        # mm/s


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

cdef bint read_joint(const geometry *shape, joint *to) noexcept nogil:
    cdef const double *k = &shape.parameters[0]
    cdef int kind = shape.kind
    to.x, to.y, to.z, to.y_counts, to.z_counts, to.arm, to.side, to.rides = 0., 0., 0., 1., 0., 0., 1., 0.
    if kind == GEOMETRY_DELTA:
        to.x, to.y, to.arm, to.side, to.rides = k[0], k[1], k[2] * k[2], -1., 1.
    elif kind == GEOMETRY_DELTESIAN:
        to.x, to.arm, to.side, to.y_counts, to.rides = k[0], k[1] * k[1], -1., 0., 1.
    elif kind == GEOMETRY_WINCH:
        to.x, to.y, to.z, to.z_counts = k[0], k[1], k[2], 1.
    else:
        return kind == GEOMETRY_POLAR_RADIUS
    return True


cdef void bend_spans(const joint *at, const piece_block *pieces, int i, int count, double low, double share,
                     parabolas *way, double *spare) noexcept nogil:
    """The root h of the square d of its height (or length), as a series about the middle, where w = 0.

    From low (s) on, `share` of each piece. The series H up to w^3 errs by h - H = (d - H^2) / (h + H), and of
    d - H^2 only w^4 and on are left. The parabola has the ends of the cubic, c a^2 w instead of c w^3: it is
    off by 0.385 c a^3 at most, and its rate by 2 c a^2. One of Newton's steps from there leaves the product
    over the rate, and what the parabola bends over such a step.
    """
    cdef const double *begin = &pieces.begin[i]
    cdef const double *end = &pieces.end[i]
    cdef const double *cx0 = &pieces.c[0][0][i]
    cdef const double *cx1 = &pieces.c[0][1][i]
    cdef const double *cx2 = &pieces.c[0][2][i]
    cdef const double *cy0 = &pieces.c[1][0][i]
    cdef const double *cy1 = &pieces.c[1][1][i]
    cdef const double *cy2 = &pieces.c[1][2][i]
    cdef const double *cz0 = &pieces.c[2][0][i]
    cdef const double *cz1 = &pieces.c[2][1][i]
    cdef const double *cz2 = &pieces.c[2][2][i]
    cdef double[BLOCK] to_begin, to_end, to_first, to_last, to_rate, to_bend, to_cubic, to_spare
    cdef double joint_x = at.x, joint_y = at.y, joint_z = at.z, y_counts = at.y_counts, z_counts = at.z_counts
    cdef double arm = at.arm, side = at.side, rides = at.rides
    cdef double a, m, x, y, z, x1, y1, z1, x2, y2, z2, d0, d1, d2, d3, d4, h0, half, h1, h2, h3, a2
    cdef double off, error, rate, bend, middle, least, spare_, steady
    cdef int k
    for k in range(count):
        a = 0.5 * share * (end[k] - begin[k])
        m = low + a
        x2 = cx2[k]
        y2 = cy2[k]
        z2 = cz2[k]
        x = cx0[k] + m * (cx1[k] + m * x2) - joint_x
        y = cy0[k] + m * (cy1[k] + m * y2) - joint_y
        z = cz0[k] + m * (cz1[k] + m * z2) - joint_z
        x1 = cx1[k] + 2. * m * x2
        y1 = cy1[k] + 2. * m * y2
        z1 = cz1[k] + 2. * m * z2
        d0 = arm + side * (x * x + y_counts * (y * y) + z_counts * (z * z))
        d1 = 2. * side * (x * x1 + y_counts * (y * y1) + z_counts * (z * z1))
        d2 = side * (x1 * x1 + 2. * x * x2 + y_counts * (y1 * y1 + 2. * y * y2)
                     + z_counts * (z1 * z1 + 2. * z * z2))
        d3 = 2. * side * (x1 * x2 + y_counts * (y1 * y2) + z_counts * (z1 * z2))
        d4 = side * (x2 * x2 + y_counts * (y2 * y2) + z_counts * (z2 * z2))
        h0 = sqrt(d0)
        half = 0.5 / h0
        h1 = d1 * half
        h2 = (d2 - h1 * h1) * half
        h3 = (d3 - 2. * h1 * h2) * half
        a2 = a * a
        rate = h1 + h3 * a2 + rides * z1
        bend = h2 + rides * z2
        middle = h0 + rides * (z + joint_z)
        least = fabs(rate) - 2. * a * fabs(bend)
        off = 0.385 * fabs(h3) * a2 * a
        error = 2. * half * a2 * a2 * (
            fabs(2. * h1 * h3 + h2 * h2 - d4) + a * (2. * fabs(h2 * h3) + a * (h3 * h3)))
        error = error + off * (2. * fabs(h3) * a2 + fabs(bend) * off / least) / least
        spare_ = EXACT * least - error
        spare_ = spare_ if least > SLOWEST else -1.
        steady = 0.5 * h0 - a * (fabs(h1) + a * (fabs(h2) + a * fabs(h3)))
        to_begin[k] = begin[k] + low
        to_end[k] = begin[k] + (low + 2. * a)
        to_first[k] = middle + a * (a * bend - rate)
        to_last[k] = middle + a * (a * bend + rate)
        to_rate[k] = rate - 2. * a * bend
        to_bend[k] = bend
        to_cubic[k] = h3
        to_spare[k] = spare_ if spare_ < steady else steady
    for k in range(count):
        way.begin[i + k], way.end[i + k] = to_begin[k], to_end[k]
        way.first[i + k], way.last[i + k] = to_first[k], to_last[k]
        way.rate[i + k], way.bend[i + k] = to_rate[k], to_bend[k]
        way.cubic[i + k], spare[k] = to_cubic[k], to_spare[k]


cdef bint bend_part(const joint *at, const piece_block *pieces, int i, double low, double share,
                    parabolas *way) noexcept nogil:
    cdef double spare
    bend_spans(at, pieces, i, 1, low, share, way, &spare)
    return spare >= 0.


cdef void bend_all(const joint *at, const piece_block *pieces, parabolas *way, double *spare) noexcept nogil:
    bend_spans(at, pieces, 0, pieces.count, 0., 1., way, spare)
