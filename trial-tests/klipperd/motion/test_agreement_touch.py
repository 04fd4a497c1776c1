"""Moves that end within nanometres of where a step is due: made or not as documented, by every solver."""

import random

from twisted.trial.unittest import SynchronousTestCase

from .cases import Drive, Pulses, check_drives, curved, extruder, line
from .oracle import Limits
from .paths import Target
from .reference.pulses import pulses

START = (50.0, 0.0, 10.0, 0.0)
DISTANCE = 0.0125
LIMITS = Limits(max_velocity=300.0, max_accel=3000.0, pressure_advance=0.05)
SHAPED = (pulses("mzv", 50.0, 0.1), pulses("ei", 40.0, 0.1), pulses("zv", 60.0, 0.0))
NEAR = (-1e-6, -1e-7, -2e-8, -2e-9, -5e-10, 0.0, 5e-10, 2e-9, 2e-8, 1e-7, 1e-6)


def touching(seed: int, axis: int, count: int = 120) -> list[Target]:
    """Along one axis, to thresholds either way and a little before or beyond, with rests in between.

    While it rests another axis moves, for longer than shaping and smoothing last.
    """
    draw = random.Random(seed)
    where, path = list(START), []
    other = 2 if axis == 3 else 3
    for _ in range(count):
        halves = draw.choice((-0.5625, -0.5, 0.5, 0.5625))
        where[axis] = (
            START[axis]
            + (draw.choice((1, 1, 25)) * draw.randint(-3, 3) + halves) * DISTANCE
            + draw.choice(NEAR)
        )
        path.append((where[0], where[1], where[2], where[3], draw.choice((0.5, 5.0, 50.0))))
        if draw.random() < 0.5:
            where[other] += 1.0
            path.append((where[0], where[1], where[2], where[3], 15.0))
    return path


class Touches(SynchronousTestCase):
    timeout = 60

    def check(self, axis: int, *drives: Drive) -> None:
        for seed in range(3):
            check_drives(self, touching(seed, axis), drives, LIMITS, START)

    def test_linear(self) -> None:
        self.check(0, line(1, 0, 0, DISTANCE), line(1, -1, 0, DISTANCE), line(-1, 0, 0, DISTANCE))

    def test_extruders(self) -> None:
        self.check(3, extruder(DISTANCE), extruder(DISTANCE, 0.04), extruder(DISTANCE, 0.005))

    def curves(self, *shapers: Pulses) -> None:
        """Along ways on which their coordinate is that of the axis."""
        self.check(2, curved("delta", 50.0, 0.0, 200.0, distance=DISTANCE, shapers=shapers))
        self.check(2, curved("delta", 140.0, 30.0, 300.0, distance=DISTANCE, shapers=shapers))
        self.check(2, curved("deltesian", 100.0, 200.0, distance=DISTANCE, shapers=shapers))
        self.check(0, curved("polar_radius", distance=DISTANCE, shapers=shapers))
        self.check(0, curved("winch", -200.0, 0.0, 10.0, distance=DISTANCE, shapers=shapers))

    def test_curved(self) -> None:
        self.curves()

    def test_shaped(self) -> None:
        self.check(0, curved("linear", 1, 0, 0, distance=DISTANCE, shapers=SHAPED))
        self.curves(*SHAPED)
