"""Python's face of motors: one motor, and all motors of one MCU."""

from cython cimport no_gc_clear
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from klipperd.motion.alike cimport shaped_alike, solve_alike
from klipperd.motion.compress cimport (
    COMPRESS_CLOSED,
    COMPRESS_TOO_FAST,
    compressor_free,
    compressor_halt,
    compressor_init,
    compressor_send,
    history_expire,
    history_position,
    sent_batch,
)
from klipperd.motion.gate cimport gate_wait
from klipperd.motion.geometry cimport GEOMETRY_LINEAR, Geometry, geometry_axes, geometry_position
from klipperd.motion.motor cimport SOLVE_BROKEN, SOLVE_EXPIRED, look_ahead, motor_state
from klipperd.motion.pressure cimport solve_smoothed, window_close, window_open
from klipperd.motion.shaped cimport shaping_close, shaping_open, shaping_rest, solve_shaped
from klipperd.motion.shaping cimport shaping
from klipperd.motion.trapq cimport MotionQueue
from klipperd.motion.walk cimport solve_queue
from klipperd.wire.sink cimport message_sink

from klipperd.motion.errors import StepsLost

__all__ = ["StepperGroup", "StepperMotion"]

cdef enum:
    MOST_ALIKE = 8            # motors that share what shaping makes of their motion

LONGEST_SHAPER = 1.
"""s from the first pulse to the last."""


cdef int motor_generate(motor_state *motor, double until, double must_send) noexcept nogil:
    cdef int code = 0
    if until > motor.solved_until:
        if motor.queue == NULL:
            pass
        elif motor.window.half > 0.:
            code = solve_smoothed(motor, until)
        elif motor.shaped.components > 0:
            code = solve_shaped(motor, until)
        else:
            code = solve_queue(motor, until)
        if code < 0:
            return code
        motor.solved_until = until
    return compressor_send(&motor.out, must_send)


def check_pulses(pulses):
    """Pulses as (shift, amplitude): s from the mean, and a share of 1."""
    times = [float(time) for time, _ in pulses]
    amplitudes = [float(amplitude) for _, amplitude in pulses]
    if not times:
        return ()
    if not (abs(sum(amplitudes) - 1.) < 1e-6 and all([isfinite(value) for value in times + amplitudes])):
        raise ValueError(f"a shaper's amplitudes must add up to 1: {amplitudes}")
    if max(times) - min(times) > LONGEST_SHAPER:
        raise ValueError(f"a shaper of {max(times) - min(times)} s is longer than {LONGEST_SHAPER} s")
    total = sum(amplitudes)
    amplitudes = [amplitude / total for amplitude in amplitudes]
    mean = sum([time * amplitude for time, amplitude in zip(times, amplitudes, strict=True)])
    return tuple([(time - mean, amplitude) for time, amplitude in zip(times, amplitudes, strict=True)])


cdef raise_lost(StepperMotion stepper, int code):
    reasons = {
        COMPRESS_CLOSED: "its link is closed",
        COMPRESS_TOO_FAST: "steps follow each other within two ticks",
        SOLVE_EXPIRED: "the motion queue was expired before it was solved",
        SOLVE_BROKEN: "coordinates jumped without a set_position",
    }
    reason = reasons.get(code, "out of memory")
    raise StepsLost(f"{stepper.name} at print_time {stepper.state.solved_until:.6f}: {reason}")


@no_gc_clear
cdef class StepperMotion:
    def __cinit__(self, sink, int oid, double step_distance, int queue_step, int set_next_step_dir,
                  int reset_step_clock, int lane=0, bint invert_dir=False, double max_error=25e-6,
                  str name=""):
        memset(&self.state, 0, sizeof(motor_state))
        self.name = name or f"stepper oid {oid}"
        self.shapers = (), (), ()
        if not (1e-7 <= step_distance <= 1e4):
            raise ValueError(f"step_distance = {step_distance} mm must be within 1e-7 to 1e4")
        if not 0. <= max_error <= 0.1:
            raise ValueError(f"max_error = {max_error} s must be within 0 to 0.1")
        if compressor_init(&self.state.out) < 0:
            raise MemoryError
        self.sink = sink.sink_capsule(), sink
        self.state.out.sink = <message_sink *>PyCapsule_GetPointer(self.sink[0], "klipperd.message_sink")
        self.state.out.lane, self.state.out.oid, self.state.out.invert = lane, oid, invert_dir
        self.state.out.queue_step_id, self.state.out.direction_id = queue_step, set_next_step_dir
        self.state.out.reset_id = reset_step_clock
        self.state.out.max_error = max_error
        self.state.out.freq = 1e6
        self.state.step_distance = step_distance
        self.state.first_step = -1.
        self.state.advance_share = 1.

    def __dealloc__(self):
        gate_wait(self.state.gate)
        compressor_free(&self.state.out)
        window_close(&self.state.window)
        shaping_close(&self.state.shaped)

    cdef int attach(self, MotionQueue queue) except -1:
        """Follow a queue from its end on, taking its coordinate there for the present one."""
        gate_wait(self.state.gate)
        window_close(&self.state.window)
        self.followed = queue
        if self.workers is not None and queue is not None:
            self.workers.watch(queue)
        self.state.queue = NULL if queue is None else &queue.queue
        if queue is not None:
            self.state.cursor = queue.queue.next
        return 0

    def follow(self, MotionQueue queue, coefficients):
        cdef double before = self.commanded
        self.attach(queue)
        self.state.where = before
        self.state.shape.kind = GEOMETRY_LINEAR
        for axis in range(3):
            self.state.weights[axis] = coefficients[axis]
        self.begin()

    def follow_geometry(self, MotionQueue queue, Geometry shape not None):
        cdef double before = self.commanded
        if shape.kind == "linear":
            return self.follow(queue, shape.parameters)
        self.attach(queue)
        self.state.where = before
        self.state.shape = shape.shape
        self.begin()

    cdef int begin(self) except -1:
        """At rest where the queue ends; the steps so far stand for the coordinate there."""
        if self.followed is not None:
            self.note_position(self.coordinate_at(self.followed.queue.end_time))
        self.open_shaping()
        return 0

    def set_shapers(self, x=(), y=(), z=()):
        shapers = tuple([check_pulses(pulses) for pulses in (x, y, z)])
        if shapers != self.shapers or self.shaped_queue is not self.followed:
            self.shapers = shapers
            self.shaped_queue = self.followed
            self.open_shaping()

    cdef list shaping_rows(self):
        """Sums of x, y and z, each with the pulses that shape it."""
        x, y, z = self.shapers
        if self.followed is None:
            return []
        if self.followed.queue.split:
            # What is not moved along x and y; and what is.
            rows = [((1., -1., -1.), ()), ((0., 1., 0.), x), ((0., 0., 1.), y)]
        elif self.followed is not self.shaped_queue:
            return []
        elif self.state.shape.kind != GEOMETRY_LINEAR:
            return [((1., 0., 0.), x), ((0., 1., 0.), y), ((0., 0., 1.), z)]
        else:
            weights = self.state.weights[0], self.state.weights[1], self.state.weights[2]
            rows = [(tuple([weights[axis] * (axis == k) for axis in range(3)]), self.shapers[k])
                    for k in range(3) if weights[k] != 0.]
        # One sum for each shaper is enough.
        sums = {}
        for row, pulses in rows:
            sums[pulses] = tuple([a + b for a, b in zip(row, sums.get(pulses, (0., 0., 0.)), strict=True)])
        return [(row, pulses) for pulses, row in sums.items()]

    cdef int open_shaping(self) except -1:
        """Begin to shape, at rest; only axes that move the motor count."""
        cdef double where[3]
        cdef double rest[3]
        cdef shaping *shaped = &self.state.shaped
        cdef int k, axis
        rows = self.shaping_rows()
        gate_wait(self.state.gate)
        shaping_close(shaped)
        moved = self.axes if self.state.shape.kind != GEOMETRY_LINEAR else range(3)
        if not any([pulses for k, (_, pulses) in enumerate(rows) if k in moved]):
            return 0
        if shaping_open(shaped, sum([max(len(pulses), 1) for _, pulses in rows])) < 0:
            raise MemoryError
        self.followed.position(self.followed.queue.end_time, where)
        shaped.components = len(rows)
        for k in range(shaped.components):
            for axis in range(3):
                shaped.blend[k][axis] = rows[k][0][axis]
            rest[k] = sum([shaped.blend[k][axis] * where[axis] for axis in range(3)])
            if k > 0 and rows[k][1] == rows[k - 1][1]:
                self.widen_taps(k)
            else:
                self.add_taps(k, rows[k][1] or ((0., 1.),))
        shaping_rest(shaped, rest)
        return 0

    cdef widen_taps(self, int component):
        """The last taps shape this component, too."""
        for k in range(self.state.shaped.tap_count):
            if self.state.shaped.taps[k].after == component:
                self.state.shaped.taps[k].after = component + 1

    cdef add_taps(self, int component, pulses):
        cdef shaping *shaped = &self.state.shaped
        for shift, amplitude in pulses:
            shaped.taps[shaped.tap_count].shift, shaped.taps[shaped.tap_count].amplitude = shift, amplitude
            shaped.taps[shaped.tap_count].first = component
            shaped.taps[shaped.tap_count].after = component + 1
            shaped.tap_count += 1
            shaped.lead, shaped.tail = max(shaped.lead, -shift), max(shaped.tail, shift)

    @property
    def axes(self):
        if self.state.shape.kind != GEOMETRY_LINEAR:
            moved = geometry_axes(&self.state.shape)
            return tuple([axis for axis in range(3) if moved >> axis & 1])
        return tuple([axis for axis in range(3) if self.state.weights[axis] != 0.])

    def follow_extruder(self, MotionQueue queue, double smooth_time=0., double advance_share=1.):
        if not 0. <= smooth_time <= 1.:
            raise ValueError(f"smooth_time = {smooth_time} s must be within 0 to 1")
        # Unsmoothed pressure advance would jump, shaped or not.
        self.state.advance_share = advance_share if smooth_time > 0. else 0.
        self.follow(queue, (1., 0., 0.))
        if queue is not None and smooth_time > 0.:
            self.open_window(0.5 * smooth_time)

    cdef int open_window(self, double half) except -1:
        if window_open(&self.state.window, half, self.state.solved_until, self.state.where) < 0:
            raise MemoryError
        return 0

    def set_clock(self, double freq, double offset):
        if not (isfinite(freq + offset) and freq > 0.):
            raise ValueError(f"no clock of {freq} ticks/s at offset {offset}")
        gate_wait(self.state.gate)
        self.state.out.freq, self.state.out.offset = freq, offset

    def clock_at(self, double print_time):
        return round((print_time + self.state.out.offset) * self.state.out.freq)

    def generate(self, double until, must_send=None):
        cdef double must = until if must_send is None else must_send
        cdef int64_t before
        cdef int code
        gate_wait(self.state.gate)
        before = self.state.solved
        with nogil:
            code = motor_generate(&self.state, until, must)
        if code < 0:
            raise_lost(self, code)
        return self.state.solved - before

    def note_position(self, double coordinate):
        if not isfinite(coordinate):
            raise ValueError(f"coordinate = {coordinate} must be finite")
        gate_wait(self.state.gate)
        if self.state.window.half > 0.:
            self.state.window.jumps = coordinate - self.state.where
            return
        self.state.offset += coordinate - self.state.where
        self.state.where = coordinate

    def halted(self, int64_t mcu_position):
        cdef int64_t steps = -mcu_position if self.state.out.invert else mcu_position
        cdef double half = self.state.window.half
        gate_wait(self.state.gate)
        compressor_halt(&self.state.out, steps)
        self.state.steps = steps
        self.state.direction = 0
        self.state.where = self.coordinate_of(steps)
        self.state.offset = self.state.where - steps * self.state.step_distance
        if self.state.queue != NULL:
            self.state.cursor = self.state.queue.next
        if half > 0.:
            self.open_window(half)
        self.lose_place()
        return self.state.where

    cdef int lose_place(self) except -1:
        """Where x, y and z are will be known with the next jump."""
        cdef double rest[3]
        rest[0], rest[1], rest[2] = self.state.where, 0., 0.
        if self.state.shaped.components > 0:
            shaping_rest(&self.state.shaped, rest)
            self.state.shaped.lost = self.state.shape.kind != GEOMETRY_LINEAR
        return 0

    def position_at_clock(self, uint64_t clock):
        gate_wait(self.state.gate)
        return history_position(&self.state.out, clock)

    def coordinate_of(self, int64_t steps):
        gate_wait(self.state.gate)
        return self.state.offset + self.state.window.jumps + steps * self.state.step_distance

    def coordinate_at(self, double print_time):
        cdef double where[3]
        if self.followed is None:
            return self.commanded
        self.followed.position(print_time, where)
        if self.state.shape.kind != GEOMETRY_LINEAR:
            return geometry_position(&self.state.shape, where, self.state.where)
        return sum([self.state.weights[axis] * where[axis] for axis in range(3)])

    def expire_history(self, uint64_t clock):
        gate_wait(self.state.gate)
        history_expire(&self.state.out, clock)

    def dump(self, uint64_t start_clock, uint64_t end_clock, int limit=4096):
        cdef int64_t index
        cdef const sent_batch *batch
        found = []
        gate_wait(self.state.gate)
        index = self.state.out.history.next
        while index > self.state.out.history.first:
            index -= 1
            batch = &self.state.out.history.ring[index & self.state.out.history.mask]
            if batch.last_clock < start_clock:
                break
            if batch.first_clock < end_clock:
                found.append((batch.first_clock, batch.last_clock, batch.steps_before, batch.interval,
                              batch.count, batch.add))
        return found[::-1][:limit]

    def take_activity(self):
        gate_wait(self.state.gate)
        first, self.state.first_step = self.state.first_step, -1.
        return None if first < 0. else first

    @property
    def steps(self):
        gate_wait(self.state.gate)
        return self.state.steps

    @property
    def mcu_position(self):
        gate_wait(self.state.gate)
        return -self.state.steps if self.state.out.invert else self.state.steps

    @property
    def commanded(self):
        gate_wait(self.state.gate)
        return self.state.where + self.state.window.jumps

    @property
    def step_distance(self):
        return self.state.step_distance

    @step_distance.setter
    def step_distance(self, double value):
        gate_wait(self.state.gate)
        if not (1e-7 <= value <= 1e4):
            raise ValueError(f"step_distance = {value} mm must be within 1e-7 to 1e4")
        self.state.step_distance = value
        self.state.offset = self.state.where - self.state.steps * value

    @property
    def invert_dir(self):
        return bool(self.state.out.invert)

    @invert_dir.setter
    def invert_dir(self, bint value):
        gate_wait(self.state.gate)
        self.state.out.invert = value
        self.state.out.sent_direction = 0

    @property
    def last_clock(self):
        gate_wait(self.state.gate)
        return self.state.out.last_clock

    @property
    def solved_until(self):
        gate_wait(self.state.gate)
        return self.state.solved_until

    @property
    def scan_time(self):
        return self.state.window.half + max(self.state.shaped.lead, self.state.shaped.tail)

    @property
    def oid(self):
        return self.state.out.oid


cdef class StepperGroup:
    def __cinit__(self, steppers=()):
        self.members = []
        for stepper in steppers:
            self.add(stepper)

    def __dealloc__(self):
        free(self.states)

    def add(self, StepperMotion stepper not None):
        cdef size_t size = (self.count + 1) * sizeof(motor_state *)
        cdef motor_state **states = <motor_state **>realloc(self.states, size)
        if states == NULL:
            raise MemoryError
        self.states = states
        self.states[self.count] = &stepper.state
        self.members.append(stepper)
        self.count += 1

    def generate(self, double until, must_send=None):
        cdef double must = until if must_send is None else must_send
        cdef int64_t solved = 0
        cdef int code = 0, i = 0, k
        with nogil:
            for i in range(self.count):
                solved -= self.states[i].solved
            code = self.solve_company(until, &i)
            if code >= 0:
                i = 0
            while i < self.count and code >= 0:
                code = motor_generate(self.states[i], until - look_ahead(self.states[i]), must)
                i += 1 if code >= 0 else 0
            for k in range(self.count):
                solved += self.states[k].solved
        if code < 0:
            raise_lost(self.members[i], code)
        return solved

    cdef int solve_company(self, double until, int *failed) noexcept nogil:
        """Motors whose shaped motion is the same: put its pieces together once."""
        cdef motor_state *alike[MOST_ALIKE]
        cdef int members[MOST_ALIKE]
        cdef int first, k, count, code
        cdef double edge
        for first in range(self.count):
            edge = until - look_ahead(self.states[first])
            count = 0
            for k in range(first, self.count):
                if count < MOST_ALIKE and shaped_alike(self.states[first], self.states[k]):
                    alike[count], members[count] = self.states[k], k
                    count += 1
            if count > 1 and edge > self.states[first].solved_until:
                code = solve_alike(alike, count, edge, &k)
                if code < 0:
                    failed[0] = members[k]
                    return code
        return 0

    @property
    def scan_time(self):
        return max([member.scan_time for member in self.members], default=0.)
