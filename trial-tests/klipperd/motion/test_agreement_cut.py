"""Steps are right however the time is cut: in slices of any length, by any number of threads."""

import random

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.workers import Workers

from .cases import check_motion, curved, extruder, line
from .machine import START, Machine
from .oracle import Limits, make_moves, plan
from .paths import random_path
from .reference.motion import Motion, Trapezoid
from .reference.pulses import pulses
from .sliced import sliced_lines, targets

LIMITS = Limits(pressure_advance=0.04)
SHAPED = (pulses("mzv", 50.0, 0.1), pulses("ei", 40.0, 0.1))
DRIVES = [
    line(1, 0, 0, 0.0125),
    line(1, -1, 0, 0.01),
    curved("linear", 0, 1, 0, distance=0.0125, shapers=SHAPED),
    curved("delta", 100.0, 300.0, 350.0, distance=0.0125),
    curved("delta", -50.0, 0.0, 350.0, distance=0.0125, shapers=SHAPED),
    curved("polar_angle", distance=5e-4),
    curved("winch", 0.0, -200.0, 0.0, distance=0.0125, shapers=SHAPED),
    extruder(0.002),
    extruder(0.002, 0.04),
]


class Cuts(SynchronousTestCase):
    timeout = 60

    def make(self, path) -> tuple[Machine, Motion]:
        """Planned, and nothing solved."""
        machine = Machine(LIMITS, START)
        machine.add_drives(DRIVES)
        for target in path:
            machine.lookahead.move(*target)
        machine.print_time = machine.lookahead.flush(machine.print_time)
        moves = plan(make_moves(START, path, LIMITS), LIMITS, 0.5)
        return machine, Motion.along(map(Trapezoid.of, moves))

    def check(self, path, seed: int) -> None:
        """Slices of milliseconds, and pauses of a stalled reactor."""
        machine, motion = self.make(path)
        draw, now, end = random.Random(seed), 0.4, machine.print_time + 0.5
        while now < end:
            now += draw.choice((0.001, 0.01, 0.1, 0.5)) * draw.uniform(0.5, 1.5)
            for motor in machine.motors:
                edge = now - motor.stepper.scan_time
                motor.stepper.generate(edge, edge - draw.uniform(0.0, 0.2))
        machine.generate(end, everything=True)
        check_motion(self, machine, DRIVES, motion)

    def test_slices(self) -> None:
        for seed in range(3):
            self.check(random_path(seed, 40), seed)
        self.check(list(targets(sliced_lines(4, size=4.0), START)), 5)

    def test_workers(self) -> None:
        """However many threads solve them, motors get the same commands, and those are right."""
        path, commands = random_path(8, 40), []
        for count in (0, 1, 3):
            machine, motion = self.make(path)
            crew = Workers(count)
            self.addCleanup(crew.stop)
            for motor in machine.motors:
                crew.add(motor.stepper)
            until = 0.4
            while until < machine.print_time + 1.0:
                until += 0.37
                crew.start(until, until - 0.1)
                crew.finish()
            commands.append([motor.sink.take() for motor in machine.motors])
            for motor, told in zip(machine.motors, commands[-1], strict=True):
                motor.log.feed(told)
            machine.generate(until, everything=True)
            check_motion(self, machine, DRIVES, motion)
        self.assertGreater(sum(map(len, commands[0])), 1000)
        self.assertEqual(commands[0], commands[1])
        self.assertEqual(commands[0], commands[2])
