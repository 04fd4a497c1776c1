"""Steps along short parabolas that follow one another.

Few steps fall into each, so what a run of steps costs at its begin would be most of it. Where a motor goes
on in its direction, parabola after parabola, the steps of many are counted first, without branches, and
their times are worked out together.
"""

from libc.math cimport INFINITY

from klipperd.motion.compress cimport NEAREST, compressor_room, compressor_take
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.parabolas cimport parabolas
from klipperd.motion.runs cimport take_quadratic

cdef enum:
    MOST = 256                # steps at a time

cdef extern from *:
    """
    #include <math.h>

    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define PARABOLA_CLONED __attribute__((target_clones("avx512f", "avx2", "default")))
    #else
    #define PARABOLA_CLONED
    #endif

    enum { PARABOLA_BLOCK = 64, PARABOLA_MOST = 256, PARABOLA_FEW = 8 };

    typedef struct {
        const double *begin, *end, *first, *last, *rate, *bend, *cubic;
    } parabola_fields;

    typedef struct {
        double sign;          /* 1 or -1: the direction */
        double threshold;     /* mm, of the first step, times sign */
        double pitch;         /* mm */
        double graze;         /* mm */
        double freq, offset;  /* ticks/s, s */
        int room;             /* steps, PARABOLA_MOST at most */
        int next;             /* out: the first parabola that is not in it, or not to its end */
        double fastest;       /* out: mm/s */
    } parabola_run;

    /* Of each step, what its parabola is. */
    typedef struct {
        double zero[PARABOLA_MOST + PARABOLA_FEW];
        double first[PARABOLA_MOST + PARABOLA_FEW];
        double rate[PARABOLA_MOST + PARABOLA_FEW];
        double four[PARABOLA_MOST + PARABOLA_FEW];
        double cubic[PARABOLA_MOST + PARABOLA_FEW];
        double length[PARABOLA_MOST + PARABOLA_FEW];
    } parabola_steps;

    /* Times (ticks) of the steps in one direction, from parabola i up to before `after`; returns how many. As
       long as it goes one way, and no exact parabola comes near to rest, where digits would be lost. */
    static PARABOLA_CLONED int parabola_times(parabola_fields p, int i, int after, parabola_run *run,
                                              double *restrict due) {
        double sign = run->sign, pitch = run->pitch, inverse = 1. / pitch, freq = run->freq, fastest = 0.;
        double threshold = run->threshold, beyond = pitch - run->graze - threshold, offset = run->offset;
        double speed[PARABOLA_BLOCK];
        int until[PARABOLA_BLOCK], count = 0, j;
        parabola_steps at;
        for (j = i; j < after; j++) {
            double v = p.rate[j] * sign, w = v + 2. * p.bend[j] * sign * (p.end[j] - p.begin[j]);
            double slower = v < w ? v : w, faster = v < w ? w : v;
            double reach = (p.last[j] * sign + beyond) * inverse;
            double least = p.cubic[j] != 0. ? 0. : 0.0625 * faster;
            reach = reach > 0. ? reach : 0.;
            reach = reach < 1e9 ? reach : 1e9;
            until[j - i] = (int)reach;
            speed[j - i] = slower > least ? faster : -1.;
        }
        for (j = i; j < after && speed[j - i] > 0.; j++) {
            double zero = p.begin[j] + offset, first = p.first[j] * sign, rate = p.rate[j] * sign;
            double four = 4. * sign * p.bend[j], cubic = sign * p.cubic[j], length = p.end[j] - p.begin[j];
            int to = until[j - i] > count ? until[j - i] : count;
            fastest = speed[j - i] > fastest ? speed[j - i] : fastest;
            for (int some = count; some == count || (some < to && some < run->room); some += PARABOLA_FEW)
                for (int k = some; k < some + PARABOLA_FEW; k++) {
                    at.zero[k] = zero;
                    at.first[k] = first;
                    at.rate[k] = rate;
                    at.four[k] = four;
                    at.cubic[k] = cubic;
                    at.length[k] = length;
                }
            if (to > run->room) {
                count = run->room;
                break;
            }
            count = to;
        }
        for (int k = 0; k < count; k++) {
            double s = threshold + k * pitch - at.first[k], v = at.rate[k], length = at.length[k];
            double root = sqrt(v * v + at.four[k] * s), inverted = 1. / (root * (v + root));
            double t = 2. * s * root * inverted;
            t -= at.cubic[k] * t * (t - 0.5 * length) * (t - length) * (v + root) * inverted;
            due[k] = (at.zero[k] + t) * freq;
        }
        run->next = j;
        run->fastest = fastest;
        return count;
    }
    """
    ctypedef struct parabola_fields:
        const double *begin
        const double *end
        const double *first
        const double *last
        const double *rate
        const double *bend
        const double *cubic
    ctypedef struct parabola_run:
        double sign
        double threshold
        double pitch
        double graze
        double freq
        double offset
        int room
        int next
        double fastest
    int parabola_times(parabola_fields p, int i, int after, parabola_run *run, double *due) noexcept nogil


cdef inline int step_parabola(const parabolas *p, int i, int after, double threshold,
                              int direction) noexcept nogil:
    """The parabola, from i on, on which the first step is; there is one."""
    while i + 1 < after and p.last[i] * direction - threshold < GRAZE:
        i += 1
    return i


cdef int take_one(motor_state *motor, const parabolas *p, int i) noexcept nogil:
    cdef double[3] c
    c[0], c[1], c[2] = p.first[i], p.rate[i], p.bend[i]
    return take_quadratic(motor, p.begin[i], c, p.end[i] - p.begin[i], INFINITY)


cdef void take_run(motor_state *motor, const parabola_run *run, int count) noexcept nogil:
    if motor.first_step < 0.:
        motor.first_step = motor.out.due[motor.out.tail] / motor.out.freq - motor.out.offset
    compressor_take(&motor.out, count, run.fastest * NEAREST * 1.001 > motor.step_distance * motor.out.freq)
    motor.direction = 1 if run.sign > 0. else -1
    motor.steps += motor.direction * count
    motor.solved += count


cdef int take_parabolas(motor_state *motor, parabolas *p, int i, int after) noexcept nogil:
    cdef int direction, count, code
    cdef parabola_fields fields
    cdef parabola_run run
    cdef double first
    fields.begin, fields.end, fields.first, fields.last = p.begin, p.end, p.first, p.last
    fields.rate, fields.bend, fields.cubic = p.rate, p.bend, p.cubic
    run.pitch, run.graze, run.freq, run.offset = motor.step_distance, GRAZE, motor.out.freq, motor.out.offset
    while i < after:
        direction = 1 if p.rate[i] > 0. else -1
        run.sign, run.threshold = direction, next_threshold(motor, direction) * direction
        if direction == motor.direction:
            run.room = compressor_room(&motor.out, direction)
            if run.room < 0:
                return run.room
            run.room = run.room if run.room < MOST else MOST
            count = parabola_times(fields, i, after, &run, &motor.out.due[motor.out.tail])
        else:
            # The first step after a turn is not as far from the next one as others are.
            run.room = 1
            count = parabola_times(fields, i, after, &run, &first)
            if count > 0:
                code = compressor_room(&motor.out, direction)
                if code < 0:
                    return code
                motor.out.due[motor.out.tail] = first
                # The parabola of that step goes on.
                run.next = step_parabola(p, i, after, run.threshold, direction)
        if count > 0:
            take_run(motor, &run, count)
        elif run.next == i:
            code = take_one(motor, p, i)
            if code < 0:
                return code
            run.next = i + 1
        i = run.next
    return SOLVE_OK
