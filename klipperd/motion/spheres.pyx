"""Motors with rods and cables: where a path enters or leaves balls round a joint.

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
    geometry,
)
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.parabolas cimport parabolas
from klipperd.motion.piece cimport piece_block
from klipperd.motion.spheres cimport chord, joint
from klipperd.motion.trapq cimport trapezoid, trapezoid_time

cdef extern from *:
    """
    #include <math.h>

    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define BALL_CLONED __attribute__((target_clones("avx512f", "avx2", "default")))
    #else
    #define BALL_CLONED
    #endif

    enum { BALL_BLOCK = 64 };

    typedef struct {
        double *begin, *end, *c[9];
        double *to_begin, *to_end, *to_first, *to_last, *to_rate, *to_bend, *to_cubic, *spare;
    } ball_columns;

    typedef struct {
        double x, y, z, y_counts, z_counts, arm, side, rides, exact, slowest;
    } ball_joint;

    /* The root h of the square d of a rod's height (or a cable's length), as a series about the middle,
       where w = 0. The series H up to w^3 errs by h - H = (d - H^2) / (h + H), and of d - H^2 only w^4
       and on are left. The parabola has the ends of the cubic, c a^2 w instead of c w^3: it is off by
       0.385 c a^3 at most, and its rate by 2 c a^2. One of Newton's steps from there leaves the product
       over the rate, and what the parabola bends over such a step. */
    static BALL_CLONED void ball_parabolas(ball_columns p, ball_joint j, double low, double share,
                                           int count) {
        const double *cx0 = p.c[0], *cx1 = p.c[1], *cx2 = p.c[2];
        const double *cy0 = p.c[3], *cy1 = p.c[4], *cy2 = p.c[5];
        const double *cz0 = p.c[6], *cz1 = p.c[7], *cz2 = p.c[8], *begin = p.begin, *end = p.end;
        double to_begin[BALL_BLOCK], to_end[BALL_BLOCK], to_first[BALL_BLOCK], to_last[BALL_BLOCK];
        double to_rate[BALL_BLOCK], to_bend[BALL_BLOCK], to_cubic[BALL_BLOCK], spare[BALL_BLOCK];
        for (int k = 0; k < count; k++) {
            double a = 0.5 * share * (end[k] - begin[k]), m = low + a, a2 = a * a;
            double x2 = cx2[k], y2 = cy2[k], z2 = cz2[k];
            double x1 = cx1[k] + 2. * m * x2, y1 = cy1[k] + 2. * m * y2, z1 = cz1[k] + 2. * m * z2;
            double x = cx0[k] + m * (cx1[k] + m * x2) - j.x, y = cy0[k] + m * (cy1[k] + m * y2) - j.y;
            double z = cz0[k] + m * (cz1[k] + m * z2) - j.z;
            double d0 = j.arm + j.side * (x * x + j.y_counts * (y * y) + j.z_counts * (z * z));
            double d1 = 2. * j.side * (x * x1 + j.y_counts * (y * y1) + j.z_counts * (z * z1));
            double d2 = j.side * (x1 * x1 + 2. * x * x2 + j.y_counts * (y1 * y1 + 2. * y * y2)
                                  + j.z_counts * (z1 * z1 + 2. * z * z2));
            double d3 = 2. * j.side * (x1 * x2 + j.y_counts * (y1 * y2) + j.z_counts * (z1 * z2));
            double d4 = j.side * (x2 * x2 + j.y_counts * (y2 * y2) + j.z_counts * (z2 * z2));
            double h0 = sqrt(d0), half = 0.5 / h0, h1 = d1 * half, h2 = (d2 - h1 * h1) * half;
            double h3 = (d3 - 2. * h1 * h2) * half;
            double rate = h1 + h3 * a2 + j.rides * z1, bend = h2 + j.rides * z2;
            double middle = h0 + j.rides * (z + j.z), least = fabs(rate) - 2. * a * fabs(bend);
            double off = 0.385 * fabs(h3) * a2 * a, near, steady;
            double error = 2. * half * a2 * a2 * (
                fabs(2. * h1 * h3 + h2 * h2 - d4) + a * (2. * fabs(h2 * h3) + a * (h3 * h3)));
            error = error + off * (2. * fabs(h3) * a2 + fabs(bend) * off / least) / least;
            near = j.exact * least - error;
            near = least > j.slowest ? near : -1.;
            steady = 0.5 * h0 - a * (fabs(h1) + a * (fabs(h2) + a * fabs(h3)));
            to_begin[k] = begin[k] + low;
            to_end[k] = begin[k] + (low + 2. * a);
            to_first[k] = middle + a * (a * bend - rate);
            to_last[k] = middle + a * (a * bend + rate);
            to_rate[k] = rate - 2. * a * bend;
            to_bend[k] = bend;
            to_cubic[k] = h3;
            spare[k] = near < steady ? near : steady;
        }
        for (int k = 0; k < count; k++) {
            p.to_begin[k] = to_begin[k];
            p.to_end[k] = to_end[k];
            p.to_first[k] = to_first[k];
            p.to_last[k] = to_last[k];
            p.to_rate[k] = to_rate[k];
            p.to_bend[k] = to_bend[k];
            p.to_cubic[k] = to_cubic[k];
            p.spare[k] = spare[k];
        }
    }
    """
    ctypedef struct ball_columns:
        double *begin
        double *end
        double *c[9]
        double *to_begin
        double *to_end
        double *to_first
        double *to_last
        double *to_rate
        double *to_bend
        double *to_cubic
        double *spare
    ctypedef struct ball_joint:
        double x, y, z, y_counts, z_counts, arm, side, rides, exact, slowest
    void ball_parabolas(ball_columns p, ball_joint j, double low, double share, int count) noexcept nogil

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


cdef void bend(const joint *at, const piece_block *pieces, int i, int count, double low, double share,
               parabolas *way, double *spare) noexcept nogil:
    """`share` of each piece from low (s) on, from piece i on."""
    cdef ball_columns c
    cdef ball_joint j
    cdef int axis, power
    c.begin, c.end = <double *>&pieces.begin[i], <double *>&pieces.end[i]
    for axis in range(3):
        for power in range(3):
            c.c[3 * axis + power] = <double *>&pieces.c[axis][power][i]
    c.to_begin, c.to_end, c.to_first, c.to_last = &way.begin[i], &way.end[i], &way.first[i], &way.last[i]
    c.to_rate, c.to_bend, c.to_cubic, c.spare = &way.rate[i], &way.bend[i], &way.cubic[i], spare
    j.x, j.y, j.z, j.y_counts, j.z_counts = at.x, at.y, at.z, at.y_counts, at.z_counts
    j.arm, j.side, j.rides, j.exact, j.slowest = at.arm, at.side, at.rides, EXACT, SLOWEST
    ball_parabolas(c, j, low, share, count)


cdef bint bend_part(const joint *at, const piece_block *pieces, int i, double low, double share,
                    parabolas *way) noexcept nogil:
    cdef double spare
    bend(at, pieces, i, 1, low, share, way, &spare)
    return spare >= 0.


cdef void bend_all(const joint *at, const piece_block *pieces, parabolas *way, double *spare) noexcept nogil:
    bend(at, pieces, 0, pieces.count, 0., 1., way, spare)
