"""A simulated delta: rods hold the head, towers have endstops."""

from math import cos, hypot, radians, sin, sqrt

from .motion import ENDSTOP_X, Motors
from .rig import DELTA, SimTestCase
from .test_motion import steady

RADIUS, ROD = 120.0, 250.0
TOWERS = [(RADIUS * cos(radians(turn)), RADIUS * sin(radians(turn))) for turn in (210, 330, 90)]
START = (50.0, 60.0, 20.0)


def heights(head: tuple[float, float, float]) -> list[float]:
    """Of the carriages."""
    x, y, z = head
    return [z + sqrt(ROD**2 - (x - tx) ** 2 - (y - ty) ** 2) for tx, ty in TOWERS]


class DeltaTests(SimTestCase):
    def setUp(self) -> None:
        self.r = self.rig(DELTA)
        self.motors = Motors(self.r)

    def head(self) -> tuple[float, float, float]:
        axes = self.r.report()["axes"]
        return axes["x"]["position"], axes["y"]["position"], axes["z"]["position"]

    def assert_held(self, carriages: list[float]) -> None:
        """Rods of the right length lead from these heights to the head."""
        x, y, z = self.head()
        for (tx, ty), height in zip(TOWERS, carriages, strict=True):
            self.assertAlmostEqual(sqrt(hypot(x - tx, y - ty) ** 2 + (height - z) ** 2), ROD, 6)
            self.assertGreater(height, z)

    def test_rods_keep_their_length(self) -> None:
        self.assert_held(heights(START))
        self.motors.move(0, +1, steady(800, 4000))
        self.motors.move(1, +1, steady(1600, 4000))  # its direction pin is inverted
        self.motors.move(2, -1, steady(400, 4000))
        self.r.advance(1.0)
        ta, tb, tc = heights(START)
        self.assert_held([ta + 10, tb - 20, tc - 5])
        self.assertEqual(set(self.r.report()["faults"].values()), {0})

    def test_endstop_of_a_tower(self) -> None:
        """It triggers at a height of the carriage, wherever the head is."""
        way = 230 - heights(START)[0]
        self.motors.home(ENDSTOP_X, 1, (0,))
        self.motors.move(0, +1, steady(8000, 2000))
        self.r.advance(5.0)
        moved = self.r.report()["motors"]["x"]["net"] * 0.0125
        self.assertGreater(moved, way - 0.0126)
        self.assertLess(moved, way + 2000 * 0.0125 * 0.001 + 0.0126)

    def test_placed_by_hand(self) -> None:
        self.r.request(cmd="set", axis="x", position=-1.5)
        x, y, z = self.head()
        self.assertLess(abs(x + 1.5), 0.02)
        self.assertLess(hypot(y - START[1], z - START[2]), 0.02)

    def test_reach(self) -> None:
        """What the rods can't reach stalls the motor and is told."""
        self.motors.move(2, +1, steady(48000, 16000))
        self.r.advance(4.0)
        self.assertGreater(self.r.report()["motors"]["z"]["lost"], 0)
