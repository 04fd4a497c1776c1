"""The compiled motion core against the oracle: speeds, times, and every single step."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from .machine import START, Machine, check_steps
from .oracle import Limits, linear_steps, make_moves, plan
from .paths import random_path, vase_path, zigzag_path

CARTESIAN = [((1.0, 0.0, 0.0, 0.0), 0.0125), ((0.0, 1.0, 0.0, 0.0), 0.0125), ((0.0, 0.0, 1.0, 0.0), 0.0025)]
COREXY = [((1.0, 1.0, 0.0, 0.0), 0.01), ((1.0, -1.0, 0.0, 0.0), 0.01)]
EXTRUDER = [((0.0, 0.0, 0.0, 1.0), 0.00237)]
PRINTER = Limits(axis_velocity=(float("inf"),) * 2 + (15.0,), axis_accel=(float("inf"),) * 2 + (100.0,))


class Agreement(SynchronousTestCase):
    timeout = 120

    def check(self, path, limits=PRINTER, motors=CARTESIAN + COREXY + EXTRUDER, lazy=True) -> Machine:
        machine = Machine(limits)
        for weights, distance in motors:
            machine.add(weights, distance)
        machine.print(path, lazy=lazy)
        moves = plan(make_moves(START, path, limits), limits, 0.5)
        self.check_speeds(machine, moves, limits)
        for motor in machine.motors:
            steps = linear_steps(moves, motor.weights, motor.stepper.step_distance)
            check_steps(self, motor.log, steps)
            self.assertEqual(motor.stepper.steps, motor.log.position())
        return machine

    def check_speeds(self, machine: Machine, moves, limits: Limits) -> None:
        end = float(moves[-1].begins + moves[-1].duration()) if moves else 0.5
        self.assertLessEqual(abs(machine.print_time - end), 1e-7 * max(end, 1))
        in_space = [move for move in moves if move.in_space]
        phases = machine.queue.dump(0.25, 1e9, 10**6)
        starts = {move.start[:3] for move in in_space}
        self.assertLessEqual(starts, {phase[4] for phase in phases})
        for _, duration, speed, accel, _, _ in phases:
            self.assertLessEqual(max(speed, speed + accel * duration), limits.max_velocity * (1 + 1e-9))
            self.assertLessEqual(abs(accel), limits.max_accel * (1 + 1e-9))

    def test_random(self) -> None:
        for seed in range(3):
            self.check(random_path(seed, 120))

    def test_all_at_once_is_the_same(self) -> None:
        path = random_path(99, 80)
        logs = [[m.log.position() for m in self.check(path, lazy=lazy).motors] for lazy in (False, True)]
        self.assertEqual(*logs)

    def test_vase(self) -> None:
        self.check(vase_path(1.5))

    def test_zigzag(self) -> None:
        for ratio in (0.0, 0.5, 0.9):
            limits = Limits(max_velocity=500.0, max_accel=10000.0, minimum_cruise_ratio=ratio)
            self.check(zigzag_path(60), limits)

    def test_slow_and_far(self) -> None:
        self.check([(100.5, 100, 10, 0, 0.05), (0, 100, 10, 0, 1000), (200, 0, 10, -2, 1000)])

    def test_half_step_ends(self) -> None:
        """Moves that end where a step is just due, again and again."""
        path = []
        for i in range(40):
            path.append((100 + (0.00625 if i % 2 else 0.0), 100 + 0.01875 * (i % 3), 10, 0, 20))
        self.check(path)


coordinates = st.one_of(
    st.floats(0, 200, allow_subnormal=False),
    st.sampled_from([100.0, 100.00625, 100.0125, 100 + 1e-10, 100 + 1e-8, 100.001, 99.999, 0.0, 200.0]),
)
extrusions = st.one_of(st.just(0.0), st.floats(-3, 3), st.sampled_from([1e-12, 1e-8, 0.001]))
speeds = st.one_of(st.floats(0.5, 600), st.sampled_from([1.0, 5.0, 300.0, 1e6]))
targets = st.lists(
    st.tuples(coordinates, coordinates, st.one_of(st.just(10.0), st.floats(9, 11)), extrusions, speeds),
    min_size=1,
    max_size=8,
)
limit_sets = st.builds(
    Limits,
    max_velocity=st.floats(10, 1000),
    max_accel=st.floats(100, 50000),
    square_corner_velocity=st.floats(0, 20),
    minimum_cruise_ratio=st.one_of(st.just(0.5), st.floats(0, 0.99)),
    instant_velocity=st.floats(0.01, 10),
)
COARSE = [((1.0, 0.0, 0.0, 0.0), 0.05), ((0.0, 0.0, 1.0, 0.0), 0.02), ((1.0, -1.0, 0.0, 0.0), 0.05)]


class NastyMoves(SynchronousTestCase):
    timeout = 300

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(targets, limit_sets, st.booleans())
    def test_agreement(self, path, limits, lazy) -> None:
        Agreement.check(self, path, limits, [*COARSE, ((0.0, 0.0, 0.0, 1.0), 0.01)], lazy)  # type: ignore

    check_speeds = Agreement.check_speeds
