"""Steps along short parabolas that follow one another.

Few steps fall into each, so what a run of steps costs at its begin would be most of it. Where a motor goes
on in its direction, parabola after parabola, the steps of many are counted first, without branches, and
their times are worked out together.
"""

from libc.math cimport INFINITY, sqrt

from klipperd.motion.compress cimport NEAREST, compressor_room, compressor_take
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.parabolas cimport parabolas
from klipperd.motion.runs cimport take_quadratic

cdef enum:
    FEW = 8                   # steps of one parabola that are counted without branches
    MOST = 1024               # steps at a time

# Which parabola each step is on.
cdef struct tally:
    int count
    int next                  # the first parabola that is not in it, or not to its end
    double fastest            # mm/s
    int at[MOST + FEW]


cdef void count_steps(const parabolas *p, int i, int after, int direction, double threshold, double pitch,
                      int room, tally *steps) noexcept nogil:
    """As long as it goes one way, and no exact parabola comes near to rest, where digits would be lost."""
    cdef double inverse = 1. / pitch, sign = direction, beyond = pitch - GRAZE - threshold * sign
    cdef double v, change, fastest = 0., slower, faster
    cdef int count = 0, until, k
    while i < after:
        v = p.rate[i] * sign
        change = 2. * p.bend[i] * sign * (p.end[i] - p.begin[i])
        slower, faster = (v, v + change) if change > 0. else (v + change, v)
        if not 16. * slower > faster and (p.cubic[i] == 0. or not slower > 0.):
            break
        until = <int>((p.last[i] * sign + beyond) * inverse)
        until = until if until > count else count
        fastest = faster if faster > fastest else fastest
        if until > room:
            for k in range(count, room):
                steps.at[k] = i
            count = room
            break
        for k in range(FEW):
            steps.at[count + k] = i
        for k in range(count + FEW, until):
            steps.at[k] = i
        count = until
        i += 1
    steps.count, steps.next, steps.fastest = count, i, fastest


cdef inline void step_times(const motor_state *motor, const parabolas *p, const tally *steps, int direction,
                            double threshold, double *due) noexcept nogil:
    cdef double freq = motor.out.freq, offset = motor.out.offset, pitch = motor.step_distance
    cdef double sign = direction, four = 4. * sign, s, v, root, inverse, t, length
    cdef int k, i
    threshold *= sign
    for k in range(steps.count):
        i = steps.at[k]
        s = threshold + k * pitch - p.first[i] * sign
        v = p.rate[i] * sign
        root = sqrt(v * v + four * p.bend[i] * s)
        inverse = 1. / (root * (v + root))
        t = 2. * s * root * inverse
        length = p.end[i] - p.begin[i]
        t -= sign * p.cubic[i] * t * (t - 0.5 * length) * (t - length) * (v + root) * inverse
        due[k] = (p.begin[i] + offset + t) * freq


cdef int take_one(motor_state *motor, const parabolas *p, int i) noexcept nogil:
    cdef double[3] c
    c[0], c[1], c[2] = p.first[i], p.rate[i], p.bend[i]
    return take_quadratic(motor, p.begin[i], c, p.end[i] - p.begin[i], INFINITY)


cdef int take_tally(motor_state *motor, const parabolas *p, const tally *steps, int direction,
                    double threshold) noexcept nogil:
    cdef int room = compressor_room(&motor.out, direction)
    cdef double *due = &motor.out.due[motor.out.tail]
    if room < 0:
        return room
    step_times(motor, p, steps, direction, threshold, due)
    if motor.first_step < 0.:
        motor.first_step = due[0] / motor.out.freq - motor.out.offset
    compressor_take(&motor.out, steps.count, steps.fastest * NEAREST * 1.001
                    > motor.step_distance * motor.out.freq)
    motor.steps += direction * steps.count
    motor.solved += steps.count
    motor.direction = direction
    return SOLVE_OK


cdef int take_parabolas(motor_state *motor, const parabolas *p, int i, int after) noexcept nogil:
    cdef int direction, room, code = SOLVE_OK
    cdef double threshold
    cdef bint turns
    cdef tally steps
    while i < after and code == SOLVE_OK:
        direction = 1 if p.rate[i] > 0. else -1
        threshold = next_threshold(motor, direction)
        # The first step after a turn is not as far from the next one as others are.
        turns = direction != motor.direction
        room = 1 if turns else compressor_room(&motor.out, direction)
        if room < 0:
            return room
        count_steps(p, i, after, direction, threshold, motor.step_distance, min(room, MOST), &steps)
        if steps.count > 0:
            code = take_tally(motor, p, &steps, direction, threshold)
            i = steps.at[0] if turns else steps.next
        elif steps.next > i:
            i = steps.next
        else:
            code = take_one(motor, p, i)
            i += 1
    return code
