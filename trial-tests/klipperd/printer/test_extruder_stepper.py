"""Further motors on an extruder's moves, on a tool head with a fake board."""

from typing import Any

from klipperd.errors import CommandError
from klipperd.motion.extruder import FilamentMotor
from klipperd.motion.motors import MotorConfig, build_motor
from klipperd.objects import Pin
from klipperd.printer.extruder_stepper import ExtruderStepper
from klipperd.printer.extruders import ExtruderCommands

from .test_motion_objects import Case


class Steppers(Case):
    def setUp(self) -> None:
        super().setUp()
        self.printer.homed()
        config = MotorConfig(
            step_pin=Pin("s"), dir_pin=Pin("d"), rotation_distance=33.5, microsteps=16, gear_ratio=()
        )
        motor = build_motor("extruder_stepper more", config, self.printer.board)
        self.more = FilamentMotor("more", motor, 0.0, 0.04)
        motor.follow_owner = self.more.follow
        self.more.sync(self.printer.extruder)
        self.toolhead.generation.enable.lines[motor.name] = next(
            iter(self.toolhead.generation.enable.lines.values())
        )
        self.toolhead.generation.add(motor)
        holder: Any = type("Holder", (), {"name": "extruder", "motion": self.printer.extruder})()
        self.stepper = ExtruderStepper("more", self.more)
        self.commands = ExtruderCommands(self.toolhead, [holder], [self.stepper])

    def clocks(self, number: int) -> list[int]:
        return [step.clock for step in self.printer.board.steppers[number].log.steps]

    def print_line(self, x: float, e: float) -> None:
        """And let it happen."""
        self.toolhead.move([x, 0, 0, e], 50)
        self.printer.run(self.toolhead.wait_moves())
        self.printer.pass_time(0.3)

    def advance(self, name: str, value: float) -> None:
        work = self.commands.set_pressure_advance(self.call, extruder=name, advance=value, smooth_time=None)
        self.run_command(work)

    def test_the_same_steps(self) -> None:
        self.print_line(20, 1)
        self.assertGreater(len(self.clocks(3)), 90)
        self.assertEqual(self.clocks(3), self.clocks(4))

    def test_each_with_its_advance(self) -> None:
        """A motor makes the same steps whether or not another one has another advance."""
        step = 96 * 33.5 / 3200  # whole steps, so that lines are alike
        self.advance("extruder", 0.06)
        lines = []
        for number in range(1, 4):
            if number == 3:
                self.advance("more", 0.12)
            before = len(self.clocks(3)), len(self.clocks(4))
            self.print_line(20 * number, number * step)
            mine = self.clocks(3)[before[0] :]
            lines.append([clock - mine[0] for clock in mine])
        other = self.clocks(4)[before[1] :]
        self.assertEqual(len(lines[1]), len(lines[2]))
        # Rounding to ticks and batches aside; a step is due every 3 ms or so.
        self.assertLess(max(abs(a - b) for a, b in zip(lines[1], lines[2], strict=True)), 60)
        self.assertGreater(len(other), len(mine), "the greater advance pushes and takes back more")

    def test_only_the_follower_advances(self) -> None:
        self.advance("more", 0.05)
        self.assertEqual(self.printer.extruder.planned_advance, 0.05)
        self.print_line(20, 1)
        self.assertEqual(self.printer.extruder.smoothing, 0.0)
        self.assertGreater(len(self.clocks(4)), len(self.clocks(3)))
        self.assertEqual(self.more.motor.motion.steps, self.printer.extruder.motor.motion.steps)

    def test_unsynced(self) -> None:
        self.run_command(self.commands.sync_motion(self.call, extruder="more", motion_queue=""))
        self.assertIsNone(self.stepper.status(0.0).motion_queue)
        self.print_line(20, 1)
        self.assertEqual(self.clocks(4), [])
        self.run_command(self.commands.sync_motion(self.call, extruder="more", motion_queue="extruder"))
        self.assertEqual(self.stepper.status(0.0).motion_queue, "extruder")
        work = self.commands.sync_motion(self.call, extruder="more", motion_queue="more")
        self.assertRaises(CommandError, self.printer.run, work)
