"""Runs of steps along motion that is quadratic in time and does not turn.

s mm after a speed v, gaining speed at a, t = 2 s / (v + sqrt(v^2 + 2 a s)): this form of the root loses no
digits. Slowing down is solved backwards from the end. The times of a run are worked out without branches, so
that compilers make vectors of them, and go straight to where the compressor keeps them.
"""

from libc.math cimport sqrt

from klipperd.motion.compress cimport NEAREST, compressor_room, compressor_take
from klipperd.motion.motor cimport GRAZE, SOLVE_OK, motor_state, next_threshold
from klipperd.motion.runs cimport rise

# Steps beyond a distance, as times in ticks.
cdef struct course:
    double zero               # ticks at s = 0
    double freq               # ticks/s; negative when s is the way left to the end
    double v                  # mm/s where s is 0
    double twice              # mm/s^2, twice the acceleration with which the speed grows with s
    double s                  # mm, of the first step
    double pitch              # mm from step to step; negative when s is the way left


cdef inline void steady_times(const course *way, double *due, int count) noexcept nogil:
    cdef double zero = way.zero, s = way.s, pitch = way.pitch, ticks = way.freq / way.v if way.v > 0. else 0.
    cdef int k
    for k in range(count):
        due[k] = zero + (s + k * pitch) * ticks


cdef inline void ramp_times(const course *way, double *due, int count) noexcept nogil:
    cdef double zero = way.zero, s, pitch = way.pitch, v = way.v, square = v * v, twice = way.twice
    cdef double start = way.s, double_freq = 2. * way.freq
    cdef int k
    for k in range(count):
        s = start + k * pitch
        due[k] = zero + double_freq * s / (v + sqrt(square + twice * s))
    # Rounding may put the first step a hair before the motion.
    if square + twice * start <= 0.:
        due[0] = zero


cdef inline void read_course(const motor_state *motor, const rise *way, double ahead, double left,
                             course *to) noexcept nogil:
    """ahead: mm from the begin to the first step; left: from there to the end."""
    to.twice = 2. * way.accel
    to.s, to.pitch, to.v, to.freq = ahead, motor.step_distance, way.v_first, motor.out.freq
    to.zero = (way.begin + motor.out.offset) * motor.out.freq
    if way.v_last < way.v_first:
        to.s, to.pitch, to.v, to.freq = left, -motor.step_distance, way.v_last, -motor.out.freq
        to.zero = (way.begin + way.length + motor.out.offset) * motor.out.freq


cdef inline double way_until(const rise *way, double t) noexcept nogil:
    """mm gone t seconds after the begin."""
    if way.v_last < way.v_first:
        return (way.v_first - 0.5 * way.accel * t) * t
    return (way.v_first + 0.5 * way.accel * t) * t


cdef int take_rise(motor_state *motor, const rise *way, double until) noexcept nogil:
    cdef int direction = 1 if way.last > way.first else -1, count, room, done
    cdef double threshold, left, ahead, most, reach = -1., limit = (until + motor.out.offset) * motor.out.freq
    cdef double *due
    cdef bint crowded
    cdef course to
    if way.begin + way.length > until:
        reach = way_until(way, until - way.begin)
    crowded = max(way.v_first, way.v_last) * NEAREST * 1.001 > motor.step_distance * motor.out.freq
    while True:
        threshold = next_threshold(motor, direction)
        left = (way.last - threshold) * direction
        if left < GRAZE:
            return SOLVE_OK
        ahead = (threshold - way.first) * direction
        most = (left - GRAZE) / motor.step_distance
        if reach >= 0.:
            most = min(most, (reach - ahead) / motor.step_distance + 2.)
            if most < 0.:
                return SOLVE_OK
        room = compressor_room(&motor.out, direction)
        if room < 0:
            return room
        # The first step after a turn is not as far from the next one as others are.
        count = 1 if motor.direction == -direction else <int>most + 1 if most < room else room
        due = &motor.out.due[motor.out.tail]
        read_course(motor, way, ahead, left, &to)
        if way.accel > 0. and way.v_first != way.v_last:
            ramp_times(&to, due, count)
        else:
            steady_times(&to, due, count)
        done = count
        while reach >= 0. and done > 0 and due[done - 1] > limit:
            done -= 1
        if done > 0 and motor.first_step < 0.:
            motor.first_step = due[0] / motor.out.freq - motor.out.offset
        compressor_take(&motor.out, done, crowded)
        if done > 0:
            motor.steps += direction * done
            motor.direction = direction
            motor.solved += done
        if done < count:
            return SOLVE_OK


cdef int take_quadratic(motor_state *motor, double begin, const double *c, double length,
                        double until) noexcept nogil:
    cdef double end = c[0] + length * (c[1] + length * c[2]), v_last = c[1] + 2. * length * c[2]
    cdef double turn, peak
    cdef rise way
    cdef int code
    way.begin, way.length, way.first, way.last = begin, length, c[0], end
    way.v_first, way.v_last, way.accel = c[1], v_last, 2. * c[2]
    if (c[1] > 0. and v_last < 0.) or (c[1] < 0. and v_last > 0.):
        turn = -0.5 * c[1] / c[2]
        peak = c[0] + 0.5 * turn * c[1]
        way.length, way.last, way.v_last = turn, peak, 0.
        code = take_sided(motor, &way, until)
        if code < 0:
            return code
        way.begin, way.length, way.first, way.last = begin + turn, length - turn, peak, end
        way.v_first, way.v_last = 0., v_last
    return take_sided(motor, &way, until)


cdef inline int take_sided(motor_state *motor, rise *way, double until) noexcept nogil:
    """Take a rise whose speeds still have the direction's sign."""
    cdef int direction = 1 if way.last > way.first else -1
    if (way.last - next_threshold(motor, direction)) * direction < GRAZE or way.begin > until:
        return SOLVE_OK
    way.v_first = max(way.v_first * direction, 0.)
    way.v_last = max(way.v_last * direction, 0.)
    way.accel = way.accel if way.accel >= 0. else -way.accel
    return take_rise(motor, way, until)
