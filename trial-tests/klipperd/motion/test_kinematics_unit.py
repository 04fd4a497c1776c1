"""Kinematics as objects: forward against inverse, workspaces, and what is wrong with configurations."""

import random
from math import hypot, isnan, nan, pi

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import ConfigError
from klipperd.motion.errors import MoveOutOfRange, NotHomed, OutOfReach
from klipperd.motion.geometry import Geometry
from klipperd.motion.kinematics.carriages import solve_rows
from klipperd.motion.kinematics.generic_cartesian import parse_carriages
from klipperd.motion.kinematics.towers import lower_meeting

from .kinematics_rig import SAMPLES, Rig, plan_of, sample

NAMES = sorted(path.stem for path in SAMPLES.glob("*.cfg") if path.stem != "none")


def reachable(name: str, source: random.Random) -> tuple[float, float, float]:
    """Somewhere that a sample's machine can go."""
    if name == "winch":
        return source.uniform(-300, 300), source.uniform(-300, 300), source.uniform(100, 400)
    return source.uniform(60, 160), source.uniform(60, 160), source.uniform(1, 60)


class RigCase(SynchronousTestCase):
    timeout = 60

    def rig(self, text: str) -> Rig:
        return Rig(text, self.mktemp())

    def assert_near(self, first: float, second: float, delta: float) -> None:
        self.assertLessEqual(abs(first - second), delta)


class Forward(RigCase):
    def test_motors_tell_the_position(self) -> None:
        """The place from which each motor's coordinate was computed is found again."""
        source = random.Random(5)
        for name in NAMES:
            made = self.rig(sample(name))
            for _ in range(10):
                place = reachable(name, source)
                made.pass_time(0.5)
                made.toolhead.set_position([*place, 0.0], "xyz")
                made.toolhead.settle()
                found = made.kinematics.position(lambda motor: motor.motion.commanded)
                for axis in range(3):
                    self.assert_near(found[axis], place[axis], 1e-9)

    def test_a_move_is_made_by_all_motors(self) -> None:
        """Steps that happened lead to where the move was to lead, within what a step is worth."""
        source = random.Random(6)
        for name in NAMES:
            made = self.rig(sample(name))
            start = reachable(name, source)
            made.toolhead.set_position([*start, 0.0], "xyz")
            made.toolhead.settle()
            before = {m: m.motion.commanded - made.turned(m.name) for m in made.kinematics.motors}
            for _ in range(3):
                place = reachable(name, source)
                made.go(*place)
                now = {motor: start_at + made.turned(motor.name) for motor, start_at in before.items()}
                found = made.kinematics.position(now.__getitem__)
                for axis in range(3):
                    self.assert_near(found[axis], place[axis], 0.1)
            self.assertEqual(made.late(), 0)
            self.assertEqual(made.host.faults, [])

    def test_nowhere(self) -> None:
        """Towers that can't be so are told by NaN, not by an exception."""
        for name in ("delta", "deltesian"):
            made = self.rig(sample(name))
            coordinates = iter((0.0, 5000.0, 10.0, 0.0))
            self.assertTrue(isnan(made.kinematics.position(lambda _, c=coordinates: next(c))[0]))
            self.assertTrue(isnan(made.kinematics.position(lambda _: nan)[0]))

    def test_spheres(self) -> None:
        centres = [(1.0, 2.0, 300.0), (-50.0, 40.0, 280.0), (30.0, -60.0, 310.0)]
        place = (5.0, 7.0, 20.0)
        radii = [hypot(*(c - p for c, p in zip(centre, place, strict=True))) for centre in centres]
        for found, wanted in zip(lower_meeting(centres, radii), place, strict=True):
            self.assertAlmostEqual(found, wanted, 9)
        self.assertTrue(isnan(lower_meeting([(0, 0, 0), (1, 0, 0), (2, 0, 0)], [5, 5, 5])[0]))

    def test_rows(self) -> None:
        """The first rows that tell something new count; what nobody tells is NaN."""
        rows = [((1.0, 1.0, 0.0), 7.0), ((2.0, 2.0, 0.0), 99.0), ((1.0, -1.0, 0.0), 3.0)]
        x, y, z = solve_rows(rows)
        self.assertEqual((x, y), (5.0, 2.0))
        self.assertTrue(isnan(z))
        x, y, z = solve_rows(rows[:1])
        self.assertTrue(isnan(x) and isnan(y) and isnan(z))


class Generic(RigCase):
    def test_expressions(self) -> None:
        self.assertEqual(parse_carriages("carriage_x+carriage_y"), {"carriage_x": 1.0, "carriage_y": 1.0})
        self.assertEqual(parse_carriages(" -0.5*z + x * 2 "), {"z": -0.5, "x": 2.0})
        for wrong in ("", "x y+", "x+", "x+x", "2*", "x**2", "0*x", "x+3", "x/2"):
            self.assertRaises(ValueError, parse_carriages, wrong)

    def test_the_same_as_corexy(self) -> None:
        """The motors of a CoreXY printer described by carriages step as those of corexy."""
        counts = []
        for name, motors in (
            ("corexy", ("stepper_x", "stepper_y", "stepper_z")),
            ("generic_cartesian", ("stepper a", "stepper b", "stepper z_left")),
        ):
            made = self.rig(sample(name))
            made.toolhead.set_position([10, 20, 5, 0], "xyz")
            for place in ((60, 33, 7), (12.5, 100, 7.1), (12, 99, 6)):
                made.toolhead.move([*place, 0.0], 150)
            made.run(made.toolhead.wait_moves())
            hardware = [made.motor(motor).hardware for motor in motors]
            counts.append([[(s.clock, s.direction) for s in h.log.steps] for h in hardware])
        self.assertGreater(len(counts[0][0]), 5000)
        self.assertEqual(counts[0], counts[1])


class Limits(RigCase):
    def homed(self, name: str, *place: float) -> Rig:
        made = self.rig(sample(name))
        made.toolhead.set_position([*place, 0.0], "xyz")
        return made

    def test_delta_cylinder(self) -> None:
        made = self.homed("delta", 0, 0, 10)
        made.toolhead.move([200, 200, 10, 0], 100)
        error = self.assertRaises(OutOfReach, made.toolhead.move, [230, 230, 10, 0], 100)
        self.assertEqual(
            str(error), "Move out of range: 230.000 230.000 10.000: 325.269 from the middle, at most 300.000"
        )
        self.assertEqual(made.toolhead.position, [200, 200, 10, 0])
        self.assertRaises(MoveOutOfRange, made.toolhead.move, [0, 0, -0.1, 0], 100)

    def test_delta_cone(self) -> None:
        """Towards a tower, its carriage meets the endstop below position_endstop."""
        made = self.homed("delta", 0, 0, 10)
        cone = made.commands.status(0.0).cone_start_z
        self.assert_near(cone, 400 + (660**2 - 300**2) ** 0.5 - 660, 1e-9)
        made.toolhead.move([0, 299.99, cone, 0], 100)
        error = self.assertRaises(MoveOutOfRange, made.toolhead.move, [0, 299.99, cone + 1, 0], 100)
        self.assertEqual(error.axis, "z")
        made.toolhead.move([0, 0, 0, 0], 100)
        made.toolhead.move([0, 0, 399, 0], 100)
        # Both ends are within reach, but not the way past a tower.
        made.toolhead.set_position([-250, 150, 350, 0])
        self.assertRaises(MoveOutOfRange, made.toolhead.move, [250, 150, 350, 0], 100)

    def test_unhomed(self) -> None:
        made = self.rig(sample("delta"))
        self.assertRaises(NotHomed, made.toolhead.move, [1, 0, 0, 0], 10)

    def test_slow_near_the_edge(self) -> None:
        """Where a rod lies flat, half the speed and a quarter."""
        text = sample("delta").replace("arm_length: 660", "arm_length: 500")
        made = self.rig(text)
        times = []
        for radius in (150.0, 180.0, 196.0):
            made.toolhead.set_position([0, -radius, 10, 0], "xyz")
            begin = made.toolhead.last_move_time()
            made.toolhead.move([0.001, -radius + 50, 10, 0], 300)
            times.append(made.toolhead.last_move_time() - begin)
            made.run(made.toolhead.wait_moves())
        self.assertGreater(times[1], times[0] * 1.3)
        self.assertGreater(times[2], times[1] * 1.3)

    def test_polar_middle(self) -> None:
        made = self.homed("polar", 100, 0, 10)
        self.assertRaises(OutOfReach, made.toolhead.move, [-100, 0, 10, 0], 100)
        self.assertRaises(OutOfReach, made.toolhead.move, [0, 0, 10, 0], 100)
        self.assertRaises(OutOfReach, made.toolhead.move, [250, 250, 10, 0], 100)
        made.toolhead.move([-100, 5, 10, 0], 100)
        made.toolhead.move([-100, 5, 20, 0], 100)

    def test_polar_turns_slowly(self) -> None:
        """max_angular_velocity bounds the bed's speed where the path passes the middle."""
        made = self.homed("polar", 50, 5, 10)
        made.toolhead.move([-50, 5, 10, 0], 300)
        made.run(made.toolhead.wait_moves())
        clocks = [step.clock for step in made.motor("stepper_bed").hardware.log.steps]  # type: ignore[attr-defined]
        turn = made.motor("stepper_bed").motion.step_distance
        fastest = max(turn / ((b - a) / 1e6) for a, b in zip(clocks, clocks[40:], strict=False)) * 40
        self.assertLess(fastest, 6.0 * 1.02)
        self.assertGreater(fastest, 5.5)

    def test_rotary_reach(self) -> None:
        made = self.homed("rotary_delta", 0, 0, 10)
        made.toolhead.move([150, 150, 0, 0], 100)
        self.assertRaises(OutOfReach, made.toolhead.move, [450, 450, 10, 0], 100)
        self.assertRaises((OutOfReach, MoveOutOfRange), made.toolhead.move, [0, 0, 300.1, 0], 100)

    def test_rotary_beyond_its_first_reach(self) -> None:
        """Where z = 0 is out of reach, the printer starts all the same."""
        text = sample("rotary_delta").replace("shoulder_height: 620", "shoulder_height: 1020")
        text = text.replace("position_endstop: 300", "position_endstop: 700\nangle: 30")
        made = self.rig(text.replace("shoulder_radius: 70", "shoulder_radius: 70\nminimum_z_position: 400"))
        self.assertEqual(made.toolhead.position[:3], [0, 0, 400])
        made.toolhead.set_position([0, 0, 410, 0], "xyz")
        self.assertRaises(MoveOutOfRange, made.toolhead.move, [0, 0, 390, 0], 50)

    def test_winch_is_not_checked(self) -> None:
        made = self.rig(sample("winch"))
        made.toolhead.move([100, 100, 50, 0], 100)
        made.run(made.toolhead.wait_moves())


class Troubles(RigCase):
    def problems(self, name: str, *changes: tuple[str, str]) -> str:
        text = sample(name)
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new, 1)
        return str(self.assertRaises(ConfigError, plan_of, text, self.mktemp()))

    def test_samples_are_right(self) -> None:
        for name in [*NAMES, "none"]:
            plan_of(sample(name), self.mktemp())

    def test_delta(self) -> None:
        found = self.problems("delta", ("arm_length: 660", "arm_length: 250"))
        self.assertIn("[stepper_a] arm_length: 250 must be greater than delta_radius = 300", found)
        self.assertIn("[stepper_a] arm_length: is missing", self.problems("delta", ("arm_length: 660\n", "")))
        self.assertIn(
            "[stepper_b] rotation_distance: is missing",
            self.problems("delta", ("rotation_distance: 40\nendstop_pin: ^PC1", "endstop_pin: ^PC1")),
        )
        self.assertIn(
            "[stepper_a] anchor_x: is no option of kinematics delta",
            self.problems("delta", ("arm_length: 660", "arm_length: 660\nanchor_x: 3")),
        )
        self.assertIn(
            "[stepper_a] angle: 330 is another",
            self.problems("delta", ("arm_length: 660", "arm_length: 660\nangle: 330")).replace(
                "stepper_b", "stepper_a"
            ),
        )
        self.assertIn("needs a section [stepper_c]", self.problems("delta", ("[stepper_c]", "[stepper_d]")))

    def test_rotary_delta(self) -> None:
        self.assertIn(
            "[stepper_a] gear_ratio: is missing",
            self.problems("rotary_delta", ("gear_ratio: 107:16, 60:16\n", "")),
        )
        found = self.problems("rotary_delta", ("lower_arm_length: 640", "lower_arm_length: 64"))
        self.assertIn("the arms can't hold the head in the middle", found)

    def test_deltesian(self) -> None:
        found = self.problems("deltesian", ("arm_length: 640", "arm_length: 200"))
        self.assertIn("[stepper_left] arm_length: 200 is too short for arm_x_length = 270", found)
        found = self.problems("deltesian", ("print_width: 500", "print_width: 900"))
        self.assertIn("[printer] print_width: 900 is more than min_angle allows", found)

    def test_polar(self) -> None:
        self.assertIn(
            "[stepper_bed] gear_ratio: is missing", self.problems("polar", ("gear_ratio: 80:16\n", ""))
        )
        self.assertIn(
            "[stepper_arm] position_min: -5 must be at least 0",
            self.problems("polar", ("position_max: 300", "position_max: 300\nposition_min: -5")),
        )

    def test_winch(self) -> None:
        line = [("anchor_x: 2000\nanchor_y: 1000", "anchor_x: 0\nanchor_y: 1000")]
        line += [("anchor_x: -2000\nanchor_y: 1000", "anchor_x: 0\nanchor_y: 2000")]
        self.assertIn("the first three anchors stand in one line", self.problems("winch", *line))
        self.assertIn("[stepper_b] anchor_y: is missing", self.problems("winch", ("anchor_y: 1000\n", "")))

    def test_generic(self) -> None:
        name = "generic_cartesian"
        self.assertIn(
            "[stepper a] carriages: there is no carriage 'carriage_q'",
            self.problems(name, ("carriage_x+carriage_y", "carriage_x+carriage_q")),
        )
        self.assertIn("is no sum of carriages", self.problems(name, ("carriage_x+carriage_y", "carriage_x+")))
        self.assertIn("x has [carriage carriage_x]", self.problems(name, ("axis: y", "axis: x")))
        self.assertIn(
            "[extra_carriage z1]: no [stepper] moves this carriage",
            self.problems(name, ("carriages: z1", "carriages: z")),
        )
        self.assertIn(
            "[extra_carriage z1] primary_carriage: there is no carriage 'zz'",
            self.problems(name, ("primary_carriage: z", "primary_carriage: zz")),
        )

    def test_second_carriage(self) -> None:
        found = self.problems("hybrid_corexy", ("axis: x", "axis: y"))
        self.assertIn("[dual_carriage] axis: with these kinematics only x may have a second carriage", found)
        found = self.problems("hybrid_corexy", ("kinematics: hybrid_corexy", "kinematics: corexy"))
        self.assertIn("these kinematics have no second carriage", found)


class GeometryFace(SynchronousTestCase):
    def test_parameters(self) -> None:
        shape = Geometry("delta", 1, 2, 300)
        self.assertEqual((shape.kind, shape.parameters, shape.axes), ("delta", (1.0, 2.0, 300.0), "xyz"))
        self.assertEqual(repr(shape), "Geometry('delta', 1.0, 2.0, 300.0)")
        self.assertEqual(Geometry("deltesian", 0, 300).axes, "xz")
        self.assertEqual(Geometry("linear", 0, 1, 0).axes, "y")
        for wrong in (("delta", 1, 2), ("delta", 1, 2, -3), ("delta", 1, nan, 3), ("wheel",)):
            self.assertRaises(ValueError, Geometry, *wrong)

    def test_angles_unwrap(self) -> None:
        shape = Geometry("polar_angle")
        self.assertAlmostEqual(shape.position(-1, 0.0, 0, near=9 * pi), 9 * pi)
        self.assertAlmostEqual(shape.position(-1, -1e-9, 0, near=9 * pi), 9 * pi)
        self.assertEqual(shape.position(0, 0, 0, near=1.25), 1.25)

    def test_out_of_reach(self) -> None:
        self.assertTrue(isnan(Geometry("delta", 0, 0, 100).position(101, 0, 0)))
        self.assertTrue(isnan(Geometry("rotary_delta", 30, 400, 100, 200, 0).position(0, 0, 0)))
