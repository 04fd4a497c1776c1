"""Printer objects of motion, on a tool head with a fake board."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.motion.errors import NotHomed
from klipperd.printer.extruders import ExtruderCommands
from klipperd.printer.force_move import ForceMove
from klipperd.printer.motion_report import build_motion_report
from klipperd.printer.query_endstops import QueryEndstops
from klipperd.printer.stepper_enable import StepperEnable
from klipperd.printer.toolhead import ToolheadCommands
from klipperd.remote.procedures import Procedures

from ..motion.test_toolhead import Printer


@define
class Call:
    params: dict[str, str] = field(factory=dict)
    lines: list[str] = field(factory=list)

    def respond(self, text: str) -> None:
        self.lines.append(text)

    info = respond


class Case(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.printer = Printer()
        self.toolhead = self.printer.toolhead
        self.call: Any = Call()

    def run_command(self, work: Any) -> None:
        self.printer.run(work)


class Toolhead(Case):
    def test_home_named_axes(self) -> None:
        commands = ToolheadCommands(self.toolhead)
        self.call.params["Y"] = ""
        self.run_command(commands.home(self.call))
        self.assertEqual(self.toolhead.homed_axes, "y")
        self.call.params.clear()
        self.run_command(commands.home(self.call))
        self.assertEqual(self.toolhead.homed_axes, "xyz")

    def test_status(self) -> None:
        self.printer.homed()
        status = ToolheadCommands(self.toolhead).status(0.0)
        self.assertEqual(status.axis_maximum, [200.0, 180.0, 100.0, 0.0])
        self.assertEqual((status.extruder, status.homed_axes), ("extruder", "xyz"))
        self.assertEqual(status.position, [0.0, 0.0, 0.0, 0.0])

    def test_limits(self) -> None:
        commands = ToolheadCommands(self.toolhead)
        self.run_command(commands.set_acceleration(self.call, s=None, p=800.0, t=1200.0))
        self.assertEqual(commands.status(0.0).max_accel, 800.0)
        self.run_command(commands.set_acceleration(self.call, s=None, p=5000.0, t=None))
        self.assertEqual(commands.status(0.0).max_accel, 800.0)
        limits = {"velocity": 120.0, "accel": None}
        limits |= {"minimum_cruise_ratio": 0.0, "square_corner_velocity": 8.0}
        self.run_command(commands.set_velocity_limit(self.call, **limits))
        status = commands.status(0.0)
        self.assertEqual(status.max_velocity, 120.0)
        self.assertAlmostEqual(status.square_corner_velocity, 8.0)
        self.assertEqual(status.minimum_cruise_ratio, 0.0)

    def test_shutdown_forgets_positions(self) -> None:
        self.printer.homed()
        commands = ToolheadCommands(self.toolhead)
        commands.shutdown("thermal runaway")
        self.assertEqual(commands.status(0.0).homed_axes, "")
        self.assertRaises(CommandError, self.toolhead.move, [1, 0, 0, 0], 10)


class Enable(Case):
    def test_motors_off(self) -> None:
        self.printer.homed()
        enable = StepperEnable(self.toolhead)
        self.toolhead.move([5, 5, 5, 0], 50)
        self.run_command(enable.motors_off(self.call))
        self.assertEqual(set(enable.status(0.0).steppers.values()), {False})
        self.assertRaises(NotHomed, self.toolhead.move, [1, 0, 0, 0], 10)
        self.printer.run(self.toolhead.wait_moves())
        last_step = self.printer.board.steppers[0].log.steps[-1].clock / 1e6
        off_at = [time for time, on in self.printer.board.lines["!enable_all"].changes if not on]
        self.assertGreater(off_at[0], last_step)

    def test_one_motor(self) -> None:
        enable = StepperEnable(self.toolhead)
        self.run_command(enable.set_enable(self.call, stepper="stepper_z", enable=True))
        self.assertEqual(enable.status(0.0).steppers["stepper_z"], True)
        error = self.assertRaises(
            CommandError, self.printer.run, enable.set_enable(self.call, stepper="stepper_zz", enable=True)
        )
        self.assertIn("did you mean 'stepper_z'", str(error))


class Endstops(Case):
    def test_query(self) -> None:
        query = QueryEndstops(self.toolhead, Dispatcher(self.printer.clock))
        self.printer.endstop("x").switch = -10
        self.run_command(query.report(self.call))
        self.assertEqual(self.call.lines, ["x:open y:TRIGGERED z:TRIGGERED"])
        self.assertEqual(query.status(0.0).last_query, {"x": False, "y": True, "z": True})
        self.assertEqual(self.printer.run(query.query()), {"x": "open", "y": "TRIGGERED", "z": "TRIGGERED"})


class Forced(Case):
    def test_disabled(self) -> None:
        force = ForceMove(self.toolhead, False)
        call = force.set_kinematic_position(self.call)
        self.assertIn("enable_force_move", str(self.assertRaises(CommandError, self.printer.run, call)))

    def test_set_kinematic_position(self) -> None:
        force = ForceMove(self.toolhead, True)
        options: dict[str, Any] = {"x": 10.0, "y": None, "z": 7.0}
        homing = {"set_homed": "XYZ", "clear_homed": "Z", "clear": ""}
        self.run_command(force.set_kinematic_position(self.call, **options, **homing))
        self.assertEqual(self.toolhead.position, [10.0, 0.0, 7.0, 0.0])
        self.assertEqual(self.toolhead.homed_axes, "xy")
        self.toolhead.move([20, 0, 7, 0], 50)
        self.printer.run(self.toolhead.wait_moves())
        self.assertEqual(self.printer.steps(0), 800)

    def test_buzz_returns(self) -> None:
        force = ForceMove(self.toolhead, False)
        self.run_command(force.buzz(self.call, stepper="stepper_x"))
        self.assertEqual(self.printer.steps(0), 0)
        self.assertEqual(len(self.printer.board.steppers[0].log.steps), 2 * 10 * 80)
        self.assertFalse(self.toolhead.generation.enable.is_enabled("stepper_x"))


class Extruders(Case):
    def commands(self) -> ExtruderCommands:
        holder: Any = type("Holder", (), {"name": "extruder", "motion": self.printer.extruder})()
        return ExtruderCommands(self.toolhead, [holder])

    def test_rotation_distance(self) -> None:
        commands = self.commands()
        self.printer.homed()
        self.toolhead.move([0, 0, 0, 5], 5)
        self.run_command(commands.set_rotation_distance(self.call, extruder=None, distance=67.0))
        before = self.printer.steps(3)
        self.toolhead.move([0, 0, 0, 10], 5)
        self.printer.run(self.toolhead.wait_moves())
        self.assertLessEqual(abs(self.printer.steps(3) - before - 5 * 3200 / 67), 1)
        self.run_command(commands.set_rotation_distance(self.call, extruder=None, distance=None))
        self.assertIn("67.000000", self.call.lines[-1])

    def test_unsynced_motor_rests(self) -> None:
        commands = self.commands()
        self.printer.homed()
        self.run_command(commands.sync_motion(self.call, extruder="extruder", motion_queue=""))
        self.toolhead.move([0, 0, 0, 5], 5)
        self.printer.run(self.toolhead.wait_moves())
        self.assertEqual(self.printer.steps(3), 0)
        self.run_command(commands.sync_motion(self.call, extruder="extruder", motion_queue="extruder"))
        self.toolhead.move([0, 0, 0, 10], 5)
        self.printer.run(self.toolhead.wait_moves())
        self.assertLessEqual(abs(self.printer.steps(3) - 5 * 3200 / 33.5), 1)

    def test_unknown(self) -> None:
        call = self.commands().activate(self.call, extruder="extruder1")
        self.assertIn("extruder1", str(self.assertRaises(CommandError, self.printer.run, call)))


class Report(Case):
    def test_live(self) -> None:
        self.printer.homed()
        report = build_motion_report(None, self.toolhead, [], self.printer.clock)  # type: ignore[arg-type]
        self.toolhead.move([100, 0, 0, 5], 50)
        self.printer.pass_time(1.5)
        status = report.status(0.0)
        self.assertTrue(10 < status.live_position[0] < 100)
        self.assertAlmostEqual(status.live_velocity, 50.0)
        self.assertAlmostEqual(status.live_extruder_velocity, 2.5)
        self.printer.run(self.toolhead.wait_moves())
        self.assertEqual(tuple(report.status(0.0).live_position), (100.0, 0.0, 0.0, 5.0))

    def test_streams(self) -> None:
        """Everything that was sent is streamed once, and the timer ends with the client."""
        report = build_motion_report(None, self.toolhead, [], self.printer.clock)  # type: ignore[arg-type]
        got: list[dict[str, Any]] = []
        client = Procedures().connect(got.append)
        template = {"method": "dump"}
        for work in (
            report.dump_stepper(client, name="stepper_x", response_template=template),
            report.dump_trapq(client, name="toolhead", response_template=template),
        ):
            self.successResultOf(Deferred.fromCoroutine(work))
        self.printer.homed()
        for x in (10, 20, 5):
            self.toolhead.move([x, 0, 0, 0], 50)
        self.printer.run(self.toolhead.wait_moves())
        self.printer.pass_time(1.0)
        motor = [m["params"] for m in got if "step_distance" in m["params"]]
        steps = sum(batch[1] for params in motor for batch in params["data"])
        self.assertEqual(steps, self.printer.steps(0))
        phases = [p for m in got if "step_distance" not in m["params"] for p in m["params"]["data"]]
        self.assertEqual([p[0] for p in phases], sorted(p[0] for p in phases))
        self.assertEqual(max(p[4][0] for p in phases), 20.0)
        client.close()
        self.printer.pass_time(1.0)
        self.assertEqual(self.printer.clock.getDelayedCalls(), [])
        wrong = report.dump_trapq(client, name="toolhaed", response_template=None)
        self.assertIn("toolhead", str(self.failureResultOf(Deferred.fromCoroutine(wrong)).value))
