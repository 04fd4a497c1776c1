"""What moves may not do on the way, however right their ends are; and what is known after M84."""

import random
from math import degrees, inf, isfinite, pi
from typing import ClassVar

from numpy import dtype, frombuffer
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.lexer import split_lines
from klipperd.motion.errors import ArmTooHigh, JointOutOfReach, MoveOutOfRange, OutOfReach
from klipperd.motion.geometry import Geometry
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.trapq import RECORD, MotionQueue
from klipperd.motion.workspace import Workspace
from klipperd.printer.get_position import GetPosition

from .kinematics_rig import Call, Rig, sample
from .test_kinematics_unit import RigCase

ARM = ("rotary_delta", 40.0, 400.0, 150.0, 330.0)
PLACES = 3000


def arms() -> list[Geometry]:
    return [Geometry(*ARM, pi * (1 / 6 + 2 / 3 * i)) for i in range(3)]


def inside(shape: Geometry, start: list[float], end: list[float]) -> bool:
    """Whether an arm reaches all places along a way: each by itself."""
    for k in range(PLACES + 1):
        place = [a + (b - a) * k / PLACES for a, b in zip(start, end, strict=True)]
        if not isfinite(shape.position(*place)):
            return False
    return True


class Arms(SynchronousTestCase):
    timeout = 60

    def planner(self, ceiling: float = inf) -> Lookahead:
        lookahead = Lookahead(MotionQueue(), 300.0, 3000.0, 5.0, 0.5)
        space = Workspace(1000.0, ceilings=[(shape, ceiling) for shape in arms()], open_below=-inf)
        space.active = True
        for axis in range(3):
            lookahead.set_unbounded(axis)
        lookahead.set_check(space)
        return lookahead

    def test_each_place_of_the_way(self) -> None:
        """A move is refused just when one of its places is out of an arm's reach."""
        source = random.Random(3)
        shapes, count, refused, folded = arms(), 0, 0, 0
        while count < 60:
            ends = [
                [source.uniform(-250, 250), source.uniform(-250, 250), source.uniform(40, 420)] for _ in "ab"
            ]
            if not all(isfinite(shape.position(*end)) for shape in shapes for end in ends):
                continue
            count += 1
            lookahead = self.planner()
            lookahead.set_position(*ends[0], 0.0)
            right = all(inside(shape, *ends) for shape in shapes)
            try:
                lookahead.move(*ends[1], 0.0, 100.0)
            except JointOutOfReach as error:
                refused += 1
                self.assertFalse(right, (ends, str(error)))
                self.assertFalse(error.minimum <= error.value <= error.maximum)
                self.assertEqual(lookahead.position, (*ends[0], 0.0))
                self.assertEqual(len(lookahead), 0)
                folded += error.value < error.minimum
            else:
                self.assertTrue(right, ends)
        # Both kinds came up, and among the refused ones such that only the way is out of reach.
        self.assertGreater(refused, 3)
        self.assertGreater(folded, 3)
        self.assertLess(refused, count)

    def test_too_high(self) -> None:
        """Where an arm would be beyond its endstop."""
        lookahead = self.planner(0.3)
        lookahead.set_position(0.0, 0.0, 100.0, 0.0)
        error = self.assertRaises(ArmTooHigh, lookahead.move, -60.0, 10.0, 150.0, 0.0, 50.0)
        found = max(shape.position(-60.0, 10.0, 150.0) for shape in arms())
        self.assertAlmostEqual(error.value, found)
        self.assertIn(f"would rise to {degrees(found):.3f} degrees, at most 17.189", str(error))
        self.assertEqual(lookahead.position, (0.0, 0.0, 100.0, 0.0))

    def test_message(self) -> None:
        lookahead = self.planner()
        lookahead.set_position(0.0, 0.0, 100.0, 0.0)
        error = self.assertRaises(JointOutOfReach, lookahead.move, 0.0, 0.0, -300.0, 0.0, 50.0)
        self.assertRegex(
            str(error),
            r"Move out of range: 0.000 0.000 -300.000: the arm of stepper_a would reach \d+\.\d+ from its "
            r"shoulder, allowed 180.000 to 480.000",
        )


class PolarShaped(RigCase):
    """Shaping cuts corners, but never across the middle of a polar printer's bed."""

    def made(self) -> Rig:
        made = self.rig(sample("polar"))
        made.toolhead.set_position([40.0, 0.5, 5.0, 0.0], "xyz")
        made.toolhead.settle()
        return made

    def test_hairpin_round_the_middle(self) -> None:
        """It slows down to pass, and the bed is never asked for more than it may do."""
        made = self.made()
        pulses = [(0.0, 0.25), (0.01, 0.5), (0.02, 0.25)]
        for motor in made.kinematics.motors:
            motor.motion.set_shapers(pulses, pulses, ())
        made.kinematics.workspace.shaping_time = 0.01
        bed = made.kinematics.bed
        before = made.turned(bed.name)
        for place in ((-0.5, 0.5), (-0.5, -0.5), (40.0, -0.5)):
            made.toolhead.move([*place, 5.0, 0.0], 200.0)
        made.run(made.toolhead.wait_moves())
        made.pass_time(0.5)
        turned = made.turned(bed.name) - before
        self.assert_near(abs(turned), 2 * pi - 2 * 0.0125, 0.01)
        self.assertEqual(made.late(), 0)
        self.assertEqual(made.host.faults, [])

    def test_pace(self) -> None:
        """A half of what is nearest, in a shaper's time."""
        made = self.made()
        made.kinematics.workspace.shaping_time = 0.5
        made.toolhead.move([-40.0, 0.5, 5.0, 0.0], 200.0)
        made.toolhead.last_move_time()
        moves = made.toolhead.queue.records(made.toolhead.queue.next - 1)[0]
        self.assert_near(frombuffer(moves, dtype(RECORD))["cruise_v"][-1], 0.5 * 0.5 / 0.5, 1e-6)

    def test_through_the_middle(self) -> None:
        made = self.made()
        error = self.assertRaises(OutOfReach, made.toolhead.move, [-40.0, -0.5, 5.0, 0.0], 200.0)
        self.assertIn("where the bed can't turn", str(error))
        self.assertEqual(made.toolhead.position, [40.0, 0.5, 5.0, 0.0])


class MotorsOff(RigCase):
    def test_second_carriage(self) -> None:
        """After M84 nobody knows where a carriage is, whichever was active."""
        made = self.rig(sample("idex"))
        made.switch("x", -60.0)
        made.switch("1", 110.0)
        made.home(X="")
        carriages = made.kinematics.carriages.values()
        self.assertTrue(all(c.known for c in carriages if c.rail.axis == "x"))
        made.toolhead.clear_homed()
        self.assertEqual([c.name for c in carriages if c.known], [])
        duals = made.built.objects["dual_carriage"]
        made.run(duals.set_mode(Call(), carriage="1"))
        self.assertEqual((made.toolhead.homed_axes, [c.name for c in carriages if c.known]), ("", []))
        self.assertRaises(CommandError, made.toolhead.move, [200.0, 0.0, 0.0, 0.0], 50.0)

    def test_other_axes_stay(self) -> None:
        made = self.rig(sample("idex"))
        made.switch("x", -60.0)
        made.switch("1", 110.0)
        made.home(X="")
        made.toolhead.clear_homed("yz")
        self.assertTrue(made.kinematics.carriages["x"].known)


class FurtherRange(RigCase):
    LIMITS: ClassVar = {"limit_velocity": inf, "limit_accel": inf, "instantaneous_corner_velocity": 1.0}
    TEXT = sample("cartesian") + (
        "[manual_stepper feeder]\nstep_pin: PF1\ndir_pin: PF2\nmicrosteps: 16\nrotation_distance: 8\n"
        "position_min: -2\nposition_max: 30\n"
    )

    def test_as_an_axis_of_g1(self) -> None:
        """Its travel holds for G1, too: the error names the letter, and nothing has moved."""
        made = self.rig(self.TEXT)
        made.toolhead.set_position([10.0, 10.0, 10.0, 0.0], "xyz")
        serve = made.built.objects["manual_steppers"].serve
        made.run(serve(Call(), stepper="feeder", set_position=50.0, **self.LIMITS))
        made.run(serve(Call(), stepper="feeder", gcode_axis="A", **self.LIMITS))
        moves = made.built.objects["gcode_move"]
        self.line(moves, "G1 X20 F3000")
        self.line(moves, "G1 A25")
        before = made.toolhead.position
        error = self.assertRaises(MoveOutOfRange, self.line, moves, "G1 X30 A-3")
        self.assertIn("A = -3.000, allowed -2.000 to 30.000", str(error))
        self.assertEqual((made.toolhead.position, moves.coordinates.position[0]), (before, 20.0))
        self.line(moves, "G1 X30 A30")

    def line(self, moves, text: str) -> None:
        call = Call()
        call.line = next(iter(split_lines(text.encode())))
        work = moves.move(call)
        self.addCleanup(work.close)
        try:
            work.send(None)
        except StopIteration:
            return


class Where(RigCase):
    def test_get_position_after_each_change(self) -> None:
        """However soon it is asked, the motors know of every change of position."""
        made = self.rig(sample("delta"))
        moves = made.built.objects["gcode_move"]
        report = GetPosition(made.toolhead, moves)
        for x, y, z in ((10.0, 20.0, 5.0), (30.0, -40.0, 6.0), (31.0, 41.0, 7.0), (1.0, 2.0, 1.0)):
            made.toolhead.set_position([x, y, z, 0.0], "xyz")
            call = Call()
            work = report.report(call)
            self.assertRaises(StopIteration, work.send, None)
            found = next(line for line in "\n".join(call.lines).splitlines() if line.startswith("kinematic"))
            self.assertEqual(found, f"kinematic: X:{x:.6f} Y:{y:.6f} Z:{z:.6f}")
