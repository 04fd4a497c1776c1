"""The tool head on a simulated clock: timing, back-pressure, stops in order, homing."""

from collections.abc import Awaitable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.motion.enable import EnableLines, SharedLine
from klipperd.motion.errors import ExtrusionRefused, MoveOutOfRange, NotHomed
from klipperd.motion.extruder import ExtruderMotion, ExtruderMotionConfig
from klipperd.motion.force import move_motor
from klipperd.motion.generation import StepGeneration
from klipperd.motion.homing import home_axis
from klipperd.motion.kinematics.base import Kinematics
from klipperd.motion.kinematics.cartesian import CartesianConfig
from klipperd.motion.kinematics.corexy import CoreXYConfig
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.motors import build_motor
from klipperd.motion.rails import AxisConfig, Rail, RailEndstop
from klipperd.motion.toolhead import Mode, Toolhead
from klipperd.motion.trapq import MotionQueue
from klipperd.objects import Pin

from .fake_board import FREQ, FakeBoard, FakeEndstop

TRAVEL = {"x": 200.0, "y": 180.0, "z": 100.0}


class Gate:
    min_extrude_temp = 170.0

    def __init__(self, temperature: float = 200.0) -> None:
        self.temperature = temperature

    @property
    def can_extrude(self) -> bool:
        return self.temperature >= self.min_extrude_temp


def axis_config(axis: str, **more: Any) -> AxisConfig:
    options: dict[str, Any] = {
        "step_pin": Pin(f"step_{axis}"),
        "dir_pin": Pin(f"dir_{axis}"),
        "enable_pin": Pin("!enable_all" if axis != "z" else "enable_z"),
        "rotation_distance": 40.0 if axis != "z" else 8.0,
        "microsteps": 16,
        "endstop_pin": Pin(f"stop_{axis}"),
        "position_max": TRAVEL[axis],
        "position_endstop": 0.0,
        "homing_speed": 25.0,
    }
    return AxisConfig(**{**options, **more})


class Printer:
    """A tool head on a fake board."""

    def __init__(self, kinematics: Any = None, **axes: dict[str, Any]) -> None:
        self.clock = Clock()
        self.clock.advance(10.0)
        self.board = FakeBoard(self.clock)
        rails = {axis: self._rail(axis, axes.get(axis, {})) for axis in "xyz"}
        made: Kinematics = (kinematics or CartesianConfig()).build(rails)
        made.wire_endstops()
        queue = MotionQueue()
        queue.set_position(0.0, (0.0, 0.0, 0.0))
        made.follow(queue)
        self.faults: list[str] = []
        self.extruder = self._extruder()
        assert self.extruder.motor is not None
        motors = [*made.motors, self.extruder.motor]
        generation = StepGeneration(EnableLines.of(motors, self.board), [queue, self.extruder.queue])
        for motor in motors:
            generation.add(motor)
        lookahead = Lookahead(queue, 300.0, 3000.0)
        for axis, (velocity, accel) in made.axis_caps(300.0, 3000.0).items():
            lookahead.set_axis_limits("xyz".index(axis), velocity, accel)
        self.toolhead = Toolhead(
            self.clock, self.clock.seconds, self.faults.append, made, generation, queue, lookahead
        )
        self.toolhead.activate(self.extruder)

    def _rail(self, axis: str, options: dict[str, Any]) -> Rail:
        config = axis_config(axis, **options)
        motor = build_motor(f"stepper_{axis}", config, self.board)
        return Rail(axis, config, [motor], [RailEndstop(axis, self.board.endstop(config.endstop_pin))])

    def _extruder(self) -> ExtruderMotion:
        config = ExtruderMotionConfig(
            step_pin=Pin("step_e"),
            dir_pin=Pin("!dir_e"),
            enable_pin=Pin("enable_e"),
            rotation_distance=33.5,
            microsteps=16,
            nozzle_diameter=0.4,
            filament_diameter=1.75,
        )
        motor_config = config.motor()
        assert motor_config is not None
        motor = build_motor("extruder", motor_config, self.board)
        made = ExtruderMotion.of("extruder", config, Gate(), motor)
        made.printer_limits = (300.0, 3000.0)
        return made

    def endstop(self, axis: str) -> FakeEndstop:
        found: Any = self.toolhead.kinematics.rails[axis].endstops[0].endstop
        return found

    def homed(self) -> "Printer":
        self.toolhead.set_position([0.0, 0.0, 0.0, 0.0], "xyz")
        return self

    def pass_time(self, seconds: float, step: float = 0.01) -> None:
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            self.board.execute()

    def run(self, work: Awaitable[Any], limit: float = 60.0) -> Any:
        """Await C{work}, letting time pass; its result."""
        done = Deferred.fromCoroutine(work)  # type: ignore[arg-type]
        results: list[Any] = []
        done.addBoth(results.append)
        passed = 0.0
        while not results and passed < limit:
            self.pass_time(0.01)
            passed += 0.01
        assert results, "it takes too long"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def steps(self, number: int) -> int:
        stepper = self.board.steppers[number]
        return stepper.physical(self.board.ticks()) * (-1 if stepper.inverted_dir else 1)


class NearCase(SynchronousTestCase):
    timeout = 60

    def assert_near(self, first: float, second: float, delta: float) -> None:
        self.assertLessEqual(abs(first - second), delta)


class Moves(NearCase):
    def test_a_move(self) -> None:
        printer = Printer().homed()
        printer.toolhead.move([10, 20, 0.5, 1.5], 50)
        printer.run(printer.toolhead.wait_moves())
        self.assertEqual([printer.steps(i) for i in range(4)], [800, 1600, 200, 143])
        self.assertEqual(printer.toolhead.position, [10, 20, 0.5, 1.5])
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)
        printer.pass_time(1.0)
        self.assertIs(printer.toolhead.mode, Mode.IDLE)
        self.assertEqual(printer.clock.getDelayedCalls(), [])

    def test_a_single_move_starts_soon(self) -> None:
        printer = Printer().homed()
        printer.pass_time(1.0)
        printer.toolhead.move([10, 0, 0, 0], 50)
        printer.pass_time(0.6)
        self.assertGreater(printer.steps(0), 0)

    def test_moves_too_short_to_plan(self) -> None:
        """A move of no length changes nothing, and those after it run as ever."""
        printer = Printer().homed()
        printer.pass_time(1.0)
        printer.toolhead.move([0, 0, 0, 0], 50)
        printer.toolhead.move([1e-10, 0, 0, 0], 50)
        self.assertIs(printer.toolhead.mode, Mode.IDLE)
        printer.toolhead.move([1, 0, 0, 0], 50)
        printer.pass_time(1.0)
        self.assertEqual(printer.steps(0), 80)

    def test_refusals(self) -> None:
        printer = Printer()
        self.assertRaises(NotHomed, printer.toolhead.move, [1, 0, 0, 0], 50)
        printer.homed()
        self.assertRaises(MoveOutOfRange, printer.toolhead.move, [1, 0, 101, 0], 50)
        error = self.assertRaises(ExtrusionRefused, printer.toolhead.move, [0, 0, 0, 51], 50)
        self.assertIn("max_extrude_only_distance", str(error))
        printer.extruder.gate = Gate(20.0)
        error = self.assertRaises(ExtrusionRefused, printer.toolhead.move, [0, 0, 0, 1], 5)
        self.assertEqual(str(error), "Extrude below minimum temp: 20.000, limit 170.000 (min_extrude_temp)")
        self.assertEqual(printer.toolhead.position, [0, 0, 0, 0])
        self.assertIsInstance(error, CommandError)

    def test_back_pressure(self) -> None:
        """Many short moves: about a second is planned, and everything happens in time, without a stall."""
        printer = Printer().homed()
        toolhead = printer.toolhead
        ahead = []

        async def feed() -> None:
            for i in range(3000):
                toolhead.move([100 + (i % 2), 1 + i * 0.05, 0, i * 0.01], 100)
                ahead.append(toolhead.print_time - toolhead.now())
                if toolhead.busy:
                    await toolhead.throttle()
            await toolhead.wait_moves()

        printer.run(feed(), limit=300.0)
        self.assertEqual(toolhead.stalls, 0)
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)
        self.assertLess(max(ahead), 1.6)
        self.assertEqual(printer.steps(0), 80 * 101)
        self.assertEqual(printer.steps(1), round(80 * (1 + 2999 * 0.05)))

    def test_long_moves_pass_corners_at_speed(self) -> None:
        """A slow reader of long moves: the junction's speed is kept although each takes seconds."""
        printer = Printer().homed()
        toolhead = printer.toolhead

        async def feed() -> None:
            for i in range(1, 6):
                toolhead.move([i * 40, 0, 0, 0], 15)
                await toolhead.throttle()
            await toolhead.wait_moves()

        printer.run(feed())
        phases = toolhead.queue.dump(0, 1e9)
        starts = [speed for _, _, speed, _, where, _ in phases if where[0] in (40, 80, 120, 160)]
        self.assertEqual(len(starts), 4)
        self.assertGreater(min(starts), 14.9)

    def test_starved_stops_in_order(self) -> None:
        """A source that pauses: the machine comes to rest at the end of what it has, and counts a stall."""
        printer = Printer().homed()
        toolhead = printer.toolhead
        for i in range(1, 200):
            toolhead.move([i * 0.5, 0, 0, 0], 100)
        printer.pass_time(1.3)
        self.assertEqual(printer.steps(0), round(99.5 * 80))
        for i in range(200, 300):
            toolhead.move([i * 0.5, 0, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        self.assertEqual(toolhead.stalls, 1)
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)

    def test_stalled_reactor(self) -> None:
        """100 ms without the reactor, again and again, cost nothing."""
        printer = Printer().homed()
        toolhead = printer.toolhead

        async def feed() -> None:
            for i in range(1000):
                toolhead.move([100 + (i % 2), i * 0.1, 0, 0], 150)
                if toolhead.busy:
                    await toolhead.throttle()
            await toolhead.wait_moves()

        done = Deferred.fromCoroutine(feed())
        while not done.called:
            printer.pass_time(0.1, step=0.1)
        self.successResultOf(done)
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)
        self.assertEqual(toolhead.stalls, 0)

    def test_dwell_and_marks(self) -> None:
        printer = Printer().homed()
        toolhead = printer.toolhead
        marks: list[float] = []
        toolhead.move([10, 0, 0, 0], 100)
        toolhead.on_print_time(marks.append)
        toolhead.move([20, 0, 0, 0], 100)
        end = toolhead.last_move_time()
        self.assertTrue(printer.clock.seconds() < marks[0] < end)
        where = toolhead.queue.position_at(marks[0])
        self.assertAlmostEqual(where[0], 10.0)
        printer.run(toolhead.dwell(3.0))
        self.assertAlmostEqual(toolhead.print_time, end + 3.0)

    def test_shutdown_ends_waits(self) -> None:
        printer = Printer().homed()
        toolhead = printer.toolhead
        toolhead.move([100, 0, 0, 0], 10)
        waiting = Deferred.fromCoroutine(toolhead.wait_moves())
        printer.pass_time(0.5)
        toolhead.shutdown("heater broke")
        self.assertIn("heater broke", str(self.failureResultOf(waiting, CommandError).value))
        self.assertRaises(CommandError, toolhead.move, [0, 0, 0, 0], 10)
        self.assertEqual(printer.clock.getDelayedCalls(), [])

    def test_enable_lines(self) -> None:
        printer = Printer().homed()
        toolhead = printer.toolhead
        toolhead.move([5, 0, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        self.assertEqual(
            toolhead.generation.enable.states(),
            {"stepper_x": True, "stepper_y": False, "stepper_z": False, "extruder": False},
        )
        toolhead.move([5, 5, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        lines = printer.board.lines
        self.assertEqual([on for _, on in lines["!enable_all"].changes], [True], "one line for x and y")
        first_step = printer.board.steppers[0].log.steps[0].clock / FREQ
        self.assertLess(lines["!enable_all"].changes[0][0], first_step)
        toolhead.generation.enable.all_off(toolhead.last_move_time())
        self.assertEqual([on for _, on in lines["!enable_all"].changes], [True, False])
        self.assertEqual(lines["enable_z"].changes, [])

    def test_force_move(self) -> None:
        printer = Printer().homed()
        toolhead = printer.toolhead
        toolhead.move([10, 0, 0, 0], 100)
        motor = toolhead.kinematics.motors[0]
        printer.run(move_motor(toolhead, motor, -3.0, 20.0, 100.0))
        self.assertEqual(printer.steps(0), 80 * 7)
        toolhead.move([0, 0, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        self.assertEqual(printer.steps(0), -80 * 3)

    def test_pressure_advance_while_running(self) -> None:
        printer = Printer().homed()
        toolhead = printer.toolhead
        toolhead.move([50, 0, 0, 2], 50)
        printer.run(toolhead.set_pressure_advance(printer.extruder, 0.05, None))
        for i in range(1, 10):
            toolhead.move([50 - i * 4, 0, 0, 2 + i * 0.2], 80)
        printer.run(toolhead.wait_moves())
        toolhead.move([14, 10, 0, 4.0], 80)
        printer.run(toolhead.set_pressure_advance(printer.extruder, 0.0, None))
        self.assertEqual(printer.faults, [])
        toolhead.move([14, 0, 0, 4.5], 80)
        printer.run(toolhead.wait_moves())
        printer.pass_time(0.5)
        step = printer.extruder.motor.motion.step_distance  # type: ignore[union-attr]
        self.assertLessEqual(abs(printer.steps(3) * step - 4.5), step * 0.57)
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)


class Faults(NearCase):
    def test_lost_link(self) -> None:
        """The link closes under way: everything ends, and half a second later the printer shuts down."""
        printer = Printer().homed()
        printer.toolhead.move([100, 0, 0, 0], 10)
        printer.pass_time(0.5)
        printer.board.main.link.close()
        printer.pass_time(0.15)
        self.assertEqual(printer.faults, [])
        self.assertRaises(CommandError, printer.toolhead.move, [0, 0, 0, 0], 10)
        printer.pass_time(0.6)
        self.assertEqual(len(printer.faults), 1)
        self.assertIn("stepper_x", printer.faults[0])
        self.assertIn("its link is closed", printer.faults[0])

    def test_fault_of_the_program(self) -> None:
        """An exception in the timer isn't swallowed."""
        printer = Printer().homed()
        printer.toolhead.move([100, 0, 0, 0], 10)
        printer.pass_time(0.5)
        printer.toolhead.generation.motors.append(None)  # type: ignore[arg-type]
        printer.pass_time(1.0)
        self.assertEqual(len(printer.faults), 1)
        self.flushLoggedErrors(AttributeError)


class Homing(NearCase):
    def test_home(self) -> None:
        """The carriage stands at an unknown place; after homing its coordinate is that of the switch."""
        printer = Printer()
        toolhead = printer.toolhead
        heard: list[tuple[int, ...]] = []
        toolhead.on_displaced(lambda homed: heard.append(tuple(homed)))
        printer.endstop("x").switch = -80 * 60
        rail = toolhead.kinematics.rails["x"]
        printer.run(home_axis(toolhead, rail))
        self.assertEqual(toolhead.homed_axes, "x")
        self.assertEqual(heard, [(0,)])
        self.assert_near(toolhead.position[0], 0.0, 0.0126)
        toolhead.move([10, 0, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        self.assert_near(printer.steps(0), 80 * (-60 + 10), 1)
        self.assertEqual(sum(s.late for s in printer.board.steppers), 0)

    def test_home_upwards_with_offset(self) -> None:
        printer = Printer(y={"position_endstop": 178.0, "position_max": 180.0, "homing_retract_dist": 3.0})
        endstop = printer.endstop("y")
        endstop.switch, endstop.upper = 80 * 33, True
        printer.run(home_axis(printer.toolhead, printer.toolhead.kinematics.rails["y"]))
        printer.toolhead.move([0, 100, 0, 0], 100)
        printer.run(printer.toolhead.wait_moves())
        self.assert_near(printer.steps(1), 80 * (33 - 78), 1)

    def test_already_triggered_at_first(self) -> None:
        """Standing on the switch is no error: the axis backs off and comes again."""
        printer = Printer()
        printer.endstop("x").switch = 80 * 2
        printer.run(home_axis(printer.toolhead, printer.toolhead.kinematics.rails["x"]))
        self.assertEqual(printer.toolhead.homed_axes, "x")
        self.assert_near(printer.toolhead.position[0], 0.0, 0.0126)

    def test_stays_triggered(self) -> None:
        printer = Printer()
        printer.endstop("x").switch = 80 * 500
        rail = printer.toolhead.kinematics.rails["x"]
        error = self.assertRaises(CommandError, printer.run, home_axis(printer.toolhead, rail))
        self.assertEqual(str(error), "Endstop x still triggered after retract")
        self.assertEqual(printer.toolhead.homed_axes, "")
        self.assertRaises(NotHomed, printer.toolhead.move, [1, 0, 0, 0], 10)

    def test_no_trigger(self) -> None:
        printer = Printer()
        printer.endstop("z").switch = -(10**9)
        rail = printer.toolhead.kinematics.rails["z"]
        error = self.assertRaises(CommandError, printer.run, home_axis(printer.toolhead, rail))
        self.assertEqual(str(error), "No trigger on z after full movement")
        self.assertEqual(printer.toolhead.homed_axes, "")
        self.assertIs(printer.toolhead.mode, Mode.IDLE)

    def test_corexy(self) -> None:
        """Homing x moves and stops both motors; y's coordinate is untouched."""
        printer = Printer(CoreXYConfig())
        toolhead = printer.toolhead
        printer.endstop("x").switch = -80 * 40
        printer.run(home_axis(toolhead, toolhead.kinematics.rails["x"]))
        self.assert_near(toolhead.position[0], 0.0, 0.0126)
        self.assert_near(toolhead.position[1], 0.0, 0.0126)
        printer.endstop("y").steppers.reverse()
        printer.endstop("y").switch, printer.endstop("y").upper = 80 * 10, True
        printer.run(home_axis(toolhead, toolhead.kinematics.rails["y"]))
        before = printer.steps(0), printer.steps(1)
        toolhead.move([30, 10, 0, 0], 100)
        printer.run(toolhead.wait_moves())
        self.assert_near(printer.steps(0) - before[0], 80 * 40, 2)
        self.assert_near(printer.steps(1) - before[1], 80 * 20, 2)

    def test_homing_twice_is_repeatable(self) -> None:
        printer = Printer()
        printer.endstop("x").switch = -80 * 7
        rail = printer.toolhead.kinematics.rails["x"]
        places = []
        for _ in range(3):
            printer.run(home_axis(printer.toolhead, rail))
            places.append(printer.steps(0) - round(printer.toolhead.position[0] * 80))
        self.assertEqual(len(set(places)), 1)

    def test_motors_with_endstops_of_their_own(self) -> None:
        """Two motors lift one axis, each to its own switch: afterwards both stand at it."""
        printer = Printer(z={"homing_speed": 10.0})
        rail = printer.toolhead.kinematics.rails["z"]
        config = axis_config("z", step_pin=Pin("step_z1"), dir_pin=Pin("dir_z1"))
        second = build_motor("stepper_z1", config, printer.board)
        rail.motors.append(second)
        own = RailEndstop("z1", printer.board.endstop(Pin("stop_z1")), second)
        rail.endstops.append(own)
        made = CartesianConfig().build(printer.toolhead.kinematics.rails)
        for endstop in rail.endstops:
            endstop.motors.clear()
            endstop.endstop.steppers.clear()  # type: ignore[attr-defined]
        for motor in made.stopped_by("z"):
            rail.endstop_of(motor).stop(motor)
        made.follow(printer.toolhead.queue)
        printer.toolhead.kinematics = made
        printer.toolhead.generation.enable.lines["stepper_z1"] = SharedLine(None)
        printer.toolhead.generation.add(second)
        first_switch, second_switch = -400 * 3, -400 * 4
        printer.endstop("z").switch = first_switch
        own.endstop.switch = second_switch  # type: ignore[attr-defined]
        printer.run(home_axis(printer.toolhead, rail))
        printer.toolhead.move([0, 0, 10, 0], 5)
        printer.run(printer.toolhead.wait_moves())
        clock = printer.board.ticks()
        numbers = rail.motors[0].hardware.oid, second.hardware.oid
        lifted = [printer.board.steppers[number].physical(clock) for number in numbers]
        self.assert_near(lifted[0] - first_switch, 4000, 1)
        self.assert_near(lifted[1] - second_switch, 4000, 1)
