"""Homing of all kinematics, second carriages, and motors that move by themselves, on a fake board."""

from math import cos, hypot, inf, radians, sin, sqrt

from klipperd.errors import CommandError
from klipperd.gcode.lexer import parse_line
from klipperd.motion.errors import MoveOutOfRange, NotHomed

from .kinematics_rig import Call, sample
from .test_kinematics_unit import RigCase

FEEDER = """
[manual_stepper feeder]
step_pin: PG0
dir_pin: !PG1
rotation_distance: 8
microsteps: 16
endstop_pin: PG2
position_max: 100
"""


class Homing(RigCase):
    def test_delta(self) -> None:
        """Carriages that hang anywhere are all at their endstops afterwards, whose heights may differ."""
        text = sample("delta").replace("[stepper_b]", "[stepper_b]\nposition_endstop: 401.5")
        made = self.rig(text)
        hung = {"a": 150.0, "b": 37.0, "c": 211.0}
        for name, way in hung.items():
            made.switch(name, way)
        made.home(Z="")
        self.assertEqual(made.toolhead.homed_axes, "xyz")
        self.assertEqual(made.late(), 0)
        made.go(30, -50, 20)
        root = sqrt(660**2 - 300**2)
        for name, angle, end in (("a", 210, 400), ("b", 330, 401.5), ("c", 90, 400)):
            tower = 300 * cos(radians(angle)), 300 * sin(radians(angle))
            height = 20 + sqrt(660**2 - hypot(30 - tower[0], -50 - tower[1]) ** 2)
            self.assert_near(made.turned(f"stepper_{name}") - hung[name], height - (end + root), 0.03)

    def test_rotary_delta(self) -> None:
        made = self.rig(sample("rotary_delta"))
        hung = {"a": 0.5, "b": 0.62, "c": 0.3}
        for name, way in hung.items():
            made.switch(name, way)
        made.home()
        self.assertEqual(made.toolhead.homed_axes, "xyz")
        made.go(0, 0, 100)
        motors = {motor.name: shape for motor, shape in made.kinematics.shapes.items()}
        for name, way in hung.items():
            shape = motors[f"stepper_{name}"]
            wanted = shape.position(0, 0, 100) - shape.position(0, 0, 300)
            self.assert_near(made.turned(f"stepper_{name}") - way, wanted, 2e-4)
        self.assertEqual(made.late(), 0)

    def test_deltesian(self) -> None:
        made = self.rig(sample("deltesian"))
        for name, way in (("left", 120.0), ("right", 60.0)):
            made.switch(name, way)
        made.home(X="")
        self.assertEqual(made.toolhead.homed_axes, "xz")
        self.assertRaises(NotHomed, made.toolhead.move, [0, 5, 250, 0], 50)
        made.switch("y", -30.0)
        made.home()
        made.go(100, 20, 50)
        for name, x, way in (("left", -270, 120.0), ("right", 270, 60.0)):
            wanted = 50 + sqrt(640**2 - (100 - x) ** 2) - (300 + sqrt(640**2 - 270**2))
            self.assert_near(made.turned(f"stepper_{name}") - way, wanted, 0.03)
        self.assert_near(made.turned("stepper_y") + 30, 20, 0.02)

    def test_polar(self) -> None:
        """The arm homes outwards; the bed keeps its angle, which counts as 0."""
        made = self.rig(sample("polar"))
        made.switch("arm", 140.0)
        made.home(Y="")
        self.assertEqual(made.toolhead.homed_axes, "xy")
        self.assertEqual(made.turned("stepper_bed"), 0.0)
        self.assert_near(made.toolhead.position[0], 300.0, 0.02)
        made.go(0, 120, 0)
        self.assert_near(made.turned("stepper_bed"), radians(90), 1e-3)
        self.assert_near(made.turned("stepper_arm") - 140, 120 - 300, 0.02)

    def test_winch(self) -> None:
        made = self.rig(sample("winch"))
        made.go(10, 20, 30)
        made.home()
        self.assertEqual(made.toolhead.homed_axes, "xyz")
        self.assertEqual(made.toolhead.position[:3], [0, 0, 0])

    def test_generic_with_two_endstops(self) -> None:
        """Both drives of z run to their own switch."""
        made = self.rig(sample("generic_cartesian"))
        made.switch("z", -7.0)
        made.switch("z1", -9.0)
        made.home(Z="")
        made.go(0, 0, 10)
        self.assert_near(made.turned("stepper z_left") + 7, 10, 0.01)
        self.assert_near(made.turned("stepper z_right") + 9, 10, 0.01)

    def test_hybrid(self) -> None:
        """Homing y moves and stops the motor of x, too."""
        made = self.rig(sample("hybrid_corexz"))
        made.switch("x", -40.0)
        made.home(X="")
        made.go(50, 0, 0)
        self.assert_near(made.turned("stepper_x") + 40, 50, 0.02)

    def test_tower_without_trigger(self) -> None:
        made = self.rig(sample("delta"))
        for name in "abc":
            made.switch(name, 20.0)
        made.switch("b", 1e6)
        error = self.assertRaises(CommandError, made.home)
        self.assertEqual(str(error), "No trigger on b after full movement")
        self.assertEqual(made.toolhead.homed_axes, "")
        self.assertRaises(NotHomed, made.toolhead.move, [0, 0, 10, 0], 50)

    def test_no_motor(self) -> None:
        made = self.rig(sample("none"))
        made.home()
        self.assertRaises(CommandError, made.home, X="")


class SecondCarriage(RigCase):
    def setUp(self) -> None:
        self.made = self.rig(sample("idex"))
        self.duals = self.made.built.objects["dual_carriage"]
        self.made.switch("x", -60.0)
        self.made.switch("1", 110.0)
        self.made.home(X="")

    def set(self, carriage: str, mode: str = "PRIMARY") -> None:
        self.made.run(self.duals.set_mode(Call(), carriage=carriage, mode=mode))

    def places(self) -> tuple[float, float]:
        """Where the carriages really are: the switches are at -40 and 290."""
        return self.made.turned("stepper_x") + 60 - 40, self.made.turned("dual_carriage") - 110 + 290

    def assert_places(self, *wanted: float) -> None:
        for found, place in zip(self.places(), wanted, strict=True):
            self.assert_near(found, place, 0.03)

    def modes(self) -> dict[str, str]:
        return dict(self.duals.status(0.0).carriages)

    def test_homed(self) -> None:
        self.assertEqual(self.modes(), {"0": "PRIMARY", "1": "INACTIVE"})
        self.assert_places(-40, 290)
        self.assert_near(self.made.toolhead.position[0], -40, 0.02)

    def test_switch_over(self) -> None:
        self.made.go(100, 0, 0)
        self.set("1")
        self.assert_near(self.made.toolhead.position[0], 290, 0.02)
        self.made.go(200, 0, 0)
        self.assert_places(100, 200)
        self.set("0")
        self.made.go(90, 0, 0)
        self.assert_places(90, 200)
        self.assertEqual(self.duals.status(0.0).carriage_1, "INACTIVE")

    def test_safe_distance(self) -> None:
        """40 mm stay between the carriages, wherever the other one was parked."""
        self.made.go(245, 0, 0)
        self.assertRaises(MoveOutOfRange, self.made.toolhead.move, [251, 0, 0, 0], 100)
        self.set("1")
        error = self.assertRaises(MoveOutOfRange, self.made.toolhead.move, [280, 0, 0, 0], 100)
        self.assert_near(error.minimum, 285, 0.03)

    def test_copy(self) -> None:
        self.made.go(0, 0, 0)
        self.set("1")
        self.made.go(150, 0, 0)
        self.set("0")
        self.set("1", "COPY")
        self.made.go(50, 0, 0)
        self.assert_places(50, 200)
        # The second one may go no further than 290.
        error = self.assertRaises(MoveOutOfRange, self.made.toolhead.move, [141, 0, 0, 0], 100)
        self.assert_near(error.maximum, 140, 0.03)

    def test_mirror(self) -> None:
        self.made.go(20, 0, 0)
        self.set("1", "MIRROR")
        self.made.go(60, 0, 0)
        self.assert_places(60, 250)
        error = self.assertRaises(MoveOutOfRange, self.made.toolhead.move, [140, 0, 0, 0], 100)
        self.assert_near(error.maximum, (310 - 40) / 2, 0.03)

    def test_first_one_rests(self) -> None:
        """The first carriage may stop while the second one goes on copying."""
        self.set("1", "COPY")
        self.assertRaises(MoveOutOfRange, self.made.toolhead.move, [-30, 0, 0, 0], 100)
        self.set("0")
        self.set("1")
        self.made.go(100, 0, 0)
        self.set("0")
        self.set("1", "COPY")
        self.set("0", "INACTIVE")
        self.made.go(60, 0, 0)
        self.assert_places(-40, 200)

    def test_refused(self) -> None:
        before = self.modes()
        for carriage, mode in (("0", "COPY"), ("2", "PRIMARY"), ("1", "DANCE")):
            self.assertRaises(CommandError, self.set, carriage, mode)
        self.made.go(249, 0, 0)
        self.set("1")
        self.set("0", "INACTIVE")
        self.assertRaises(CommandError, self.set, "0", "MIRROR")
        self.set("0")
        self.assertEqual(self.modes(), before)

    def test_saved_state(self) -> None:
        self.made.go(30, 0, 0)
        self.set("1", "MIRROR")
        self.made.run(self.duals.save(Call(), name="print"))
        self.set("1")
        self.made.go(220, 0, 0)
        self.set("0")
        self.made.go(-10, 0, 0)
        self.made.run(self.duals.restore(Call(), name="print", move=True, move_speed=80.0))
        self.made.run(self.made.toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_places(30, 290)
        self.assertEqual(self.modes(), {"0": "PRIMARY", "1": "MIRROR"})
        self.made.go(50, 0, 0)
        self.assert_places(50, 270)
        self.assertRaises(CommandError, self.made.run, self.duals.restore(Call(), name="other"))

    def test_hybrid(self) -> None:
        """An inactive carriage's motor keeps following y, so that the carriage stands."""
        made = self.rig(sample("hybrid_corexy"))
        made.toolhead.set_position([10, 10, 10, 0], "xyz")
        duals = made.built.objects["dual_carriage"]
        made.go(50, 30, 10)
        self.assert_near(made.turned("stepper_x"), 40 - 20, 0.02)
        self.assert_near(made.turned("dual_carriage"), 20, 0.02)
        made.run(duals.set_mode(Call(), carriage="1", mode="PRIMARY"))
        x = made.toolhead.position[0]
        made.go(x + 25, 20, 10)
        self.assert_near(made.turned("stepper_x"), 20 + 10, 0.02)
        self.assert_near(made.turned("dual_carriage"), 20 + 25 - 10, 0.02)


COREXYUV = """
[printer]
kinematics: generic_cartesian
max_velocity: 300
max_accel: 3000
"""


def _carriage(kind: str, name: str, text: str, pin: int) -> str:
    travel = "position_endstop: 0\nposition_max: 200\nhoming_speed: 50"
    return f"[{kind} {name}]\n{text}\nendstop_pin: PC{pin}\n{travel}\n"


def _stepper(name: str, carriages: str, pin: int) -> str:
    pins = f"step_pin: PA{pin}\ndir_pin: PB{pin}\nmicrosteps: 16\nrotation_distance: 40"
    return f"[stepper {name}]\ncarriages: {carriages}\n{pins}\n"


COREXYUV += (
    _carriage("carriage", "x", "", 0) + _carriage("carriage", "y", "", 1) + _carriage("carriage", "z", "", 2)
)
COREXYUV += _carriage("dual_carriage", "u", "primary_carriage: x\nsafe_distance: 0", 3)
COREXYUV += _carriage("dual_carriage", "v", "primary_carriage: y\nsafe_distance: 0", 4)
COREXYUV += _stepper("a", "x+y", 0) + _stepper("b", "x-y", 1) + _stepper("z", "z", 2)
COREXYUV += _stepper("c", "u+v", 3) + _stepper("d", "u-v", 4)


class TwoGantries(RigCase):
    """CoreXYUV: second carriages on both axes, with belts of their own."""

    def test_each_gantry(self) -> None:
        made = self.rig(COREXYUV)
        made.toolhead.set_position([10, 10, 0, 0], "xyz")
        duals = made.built.objects["dual_carriage"]

        def turned(*names: str) -> list[float]:
            return [round(made.turned(f"stepper {name}"), 3) for name in names]

        def set_mode(carriage: str, mode: str) -> None:
            made.run(duals.set_mode(Call(), carriage=carriage, mode=mode))

        made.go(30, 40, 0)
        self.assertEqual(turned("a", "b", "c", "d"), [50, -10, 0, 0])
        set_mode("u", "PRIMARY")
        set_mode("v", "PRIMARY")
        self.assertEqual(duals.status(0.0).carriages["x"], "INACTIVE")
        made.toolhead.set_position([0, 0, 0, 0])
        made.go(20, 5, 0)
        self.assertEqual(turned("a", "b", "c", "d"), [50, -10, 25, 15])
        set_mode("x", "PRIMARY")
        set_mode("y", "PRIMARY")
        set_mode("u", "MIRROR")
        set_mode("v", "COPY")
        made.go(35, 50, 0)
        self.assertEqual(turned("a", "b"), [65, -15])
        self.assertEqual(turned("c", "d"), [25 - 5 + 10, 15 - 5 - 10])
        found = made.kinematics.position(lambda motor: motor.motion.commanded)
        for axis, place in enumerate((35, 50, 0)):
            self.assert_near(found[axis], place, 1e-6)


class Manual(RigCase):
    def setUp(self) -> None:
        self.made = self.rig(sample("cartesian") + FEEDER)
        self.made.toolhead.set_position([0, 0, 0, 0], "xyz")
        self.steppers = self.made.built.objects["manual_steppers"]
        self.moves = self.made.built.objects["gcode_move"]
        self.feeder = self.steppers._steppers[0]

    def command(self, **options: object) -> None:
        given = {"speed": None, "accel": None, "limit_velocity": inf, "limit_accel": inf, **options}
        given.setdefault("instantaneous_corner_velocity", 1.0)
        self.made.run(self.steppers.serve(Call(), stepper="feeder", **given))

    def turned(self) -> float:
        return self.made.turned("manual_stepper feeder")

    def test_moves_in_turn(self) -> None:
        """Later moves of the tool head wait for it, and it for earlier ones."""
        toolhead = self.made.toolhead
        begin = self.made.clock.seconds()
        toolhead.move([50, 0, 0, 0], 100)
        self.command(move=20.0, speed=10.0, accel=100.0)
        toolhead.move([0, 0, 0, 0], 100)
        passed = self.made.clock.seconds() - begin
        self.made.pass_time(2.0 - passed)
        self.assert_near(self.made.turned("stepper_x"), 50, 0.02)
        self.assertGreater(self.turned(), 5.0)
        self.assertLess(self.turned(), 19.0)
        self.made.run(toolhead.wait_moves())
        self.assertGreater(self.made.clock.seconds() - begin, 0.5 + 2.1 + 0.5)
        self.assert_near(self.turned(), 20, 0.01)
        self.assert_near(self.made.turned("stepper_x"), 0, 0.02)
        self.assertEqual(self.made.late(), 0)

    def test_moves_beside(self) -> None:
        """SYNC=0: both move at once, and the motor goes on when the tool head has stopped."""
        self.command(move=30.0, speed=5.0, sync=False)
        self.made.toolhead.move([100, 0, 0, 0], 100)
        self.made.pass_time(2.5)
        self.assert_near(self.made.turned("stepper_x"), 100, 0.02)
        self.assertGreater(self.turned(), 5.0)
        self.assertLess(self.turned(), 15.0)
        self.made.pass_time(6.0)
        self.assert_near(self.turned(), 30, 0.01)
        self.made.toolhead.move([0, 0, 0, 0], 100)
        self.made.run(self.made.toolhead.wait_moves())
        self.assertEqual(self.made.late(), 0)
        self.made.pass_time(2.0)
        self.assertEqual(self.made.clock.getDelayedCalls(), [])

    def test_positions(self) -> None:
        self.command(set_position=15.0, move=10.0)
        self.made.run(self.made.toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_near(self.turned(), -5, 0.01)
        error = self.assertRaises(CommandError, self.command, move=100.5)
        self.assertIn("manual_stepper feeder = 100.500, allowed -inf to 100.000", str(error))
        self.assertRaises(CommandError, self.made.run, self.steppers.serve(Call(), stepper="reeder"))

    def put_switch(self, at: float) -> None:
        endstop = self.feeder.manual.endstop.endstop
        endstop.switch, endstop.upper = round(-at / self.feeder.config.step_distance), False

    def test_home(self) -> None:
        """The trigger is where MOVE says; the motor stands a little beyond it."""
        self.put_switch(12.0)
        self.command(move=50.0, speed=10.0, stop_on_endstop="home")
        self.assert_near(self.turned(), 12.0, 0.05)
        self.command(move=40.0, speed=10.0)
        self.made.run(self.made.toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_near(self.turned(), 2.0, 0.01)
        self.assertEqual(self.made.late(), 0)

    def test_probe(self) -> None:
        """The coordinate stays what it was."""
        self.put_switch(12.0)
        self.command(move=50.0, speed=10.0, stop_on_endstop="probe")
        self.assert_near(self.feeder.manual.position, 12.0, 0.05)

    def test_no_trigger(self) -> None:
        self.put_switch(500.0)
        error = self.assertRaises(CommandError, self.command, move=5.0, stop_on_endstop="home")
        self.assertEqual(str(error), "No trigger on manual_stepper feeder after full movement")
        self.command(move=3.0, stop_on_endstop="try_home")
        self.assert_near(self.feeder.manual.position, 3.0, 0.01)
        self.assertRaises(CommandError, self.command, move=5.0, stop_on_endstop="maybe")

    def g1(self, words: str) -> None:
        self.moves.coordinates.linear(parse_line(words.encode()))

    def test_axis_of_g1(self) -> None:
        """A word of G1 moves it along with the tool head, as slowly as its limits ask for."""
        self.command(set_position=5.0, gcode_axis="r", limit_velocity=10.0)
        toolhead = self.made.toolhead
        self.assertEqual(self.made.commands.status(0.0).extra_axes, {"R": 4})
        begin = toolhead.last_move_time()
        self.g1("G1 X40 R25 F6000")
        end = toolhead.last_move_time()
        self.assertGreater(end - begin, 2.0)
        self.assertLess(end - begin, 2.1)
        self.made.run(toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_near(self.made.turned("stepper_x"), 40, 0.02)
        self.assert_near(self.turned(), 20, 0.01)
        for options in ({"move": 3.0}, {"set_position": 1.0}, {"gcode_axis": "X"}):
            self.assertRaises(CommandError, self.command, **options)
        self.assertEqual(self.made.commands.status(0.0).extra_axes, {"R": 4})
        self.g1("G1 R15")
        self.made.run(toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_near(self.turned(), 10, 0.01)
        self.command(gcode_axis="")
        self.assertEqual(self.made.commands.status(0.0).extra_axes, {})
        self.command(move=0.0, speed=20.0)
        self.made.run(toolhead.wait_moves())
        self.made.pass_time(0.1)
        self.assert_near(self.turned(), -5, 0.01)
        self.assertEqual(self.made.late(), 0)

    def test_enable(self) -> None:
        enable = self.made.toolhead.generation.enable
        self.command(enable=True)
        self.assertTrue(enable.is_enabled("manual_stepper feeder"))
        self.command(enable=False)
        self.assertFalse(enable.is_enabled("manual_stepper feeder"))
