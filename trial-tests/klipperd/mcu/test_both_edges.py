"""Drivers that step on both edges: host, firmware and simulated printer agree about every step."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from klipperd.motion.enable import EnableLines
from klipperd.motion.generation import StepGeneration
from klipperd.motion.lookahead import Lookahead
from klipperd.motion.motors import MotorConfig, StepperMotor, build_motor
from klipperd.motion.trapq import MotionQueue
from klipperd.objects import Pin

from ...firmware.device import SIM
from ...firmware.sim.rig import CARTESIAN
from .bench import McuCase
from .test_against_firmware import RealMcu

# x is stepped on rising edges, y on both; neither is switched on: only what is commanded counts.
MODEL = CARTESIAN.replace("dir: !PA4\n", "dir: !PA4\nedges: both\n")
ZIGZAG = ((40.0, 120.0), (12.3, 200.0), (60.0, 80.0), (59.99, 5.0), (0.35, 150.0))


class BothEdges(McuCase):
    async def test_same_print(self) -> None:
        """Two motors follow one axis, one of them with both edges: as many steps, and the same place."""
        folder = Path(self.mktemp())
        folder.mkdir()
        model, control = folder / "model", os.path.relpath(folder / "control")
        model.write_text(MODEL)
        target = SIM._replace(arguments=(str(model.absolute()),))
        device = RealMcu(str(folder / "device"), target, "--control", control)
        self.addCleanup(device.close)
        mcu = await self.prepared(device.path)
        board = self.board(mcu)
        motors = [self.motor(board, "x", "PA0", "PA1"), self.motor(board, "y", "PA3", "PA4")]
        motors[1].step_on_both_edges()
        await mcu.connect()
        self.assertEqual([motor.steps_on_both_edges for motor in motors], [False, True])
        await self.move(mcu, board, motors)
        there = [await motor.hardware.position() for motor in motors]
        self.assertEqual(there[0], round(0.35 / 0.0125))
        self.assertEqual(there[0], there[1])
        found = self.ask(control)["motors"]
        steps = self.steps(motors[0])
        self.assertGreater(steps, 14000)
        for name, sign in (("x", 1), ("y", -1)):  # the model's y runs against its pin
            self.assertEqual((name, found[name]["pulses"]), (name, steps))
            self.assertEqual((name, found[name]["net_commanded"]), (name, sign * there[0]))
        self.assertEqual(self.host.reasons, [])

    async def test_pulse_duration(self) -> None:
        """A duration that is asked for counts in either mode; both edges go without one by default."""
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        board = self.board(mcu)
        for number, (duration, both) in enumerate(((None, False), (5e-6, False), (5e-6, True), (None, True))):
            stepper = board.stepper(
                Pin(f"PA{2 * number}"), Pin(f"PA{2 * number + 1}"), pulse_duration=duration
            )
            stepper.both_edges = both
        await mcu.connect()
        made = [(c["invert_step"], c["step_pulse_ticks"]) for c in fake.commands("config_stepper")]
        freq = mcu.freq
        self.assertEqual(
            made, [(0, round(2e-6 * freq)), (0, round(5e-6 * freq)), (-1, round(5e-6 * freq)), (-1, 0)]
        )

    def motor(self, board: Any, name: str, step: str, direction: str) -> StepperMotor:
        config = MotorConfig(
            step_pin=Pin(step), dir_pin=Pin(direction), microsteps=16, rotation_distance=40.0
        )
        return build_motor(name, config, board)

    async def move(self, mcu: Any, board: Any, motors: list[StepperMotor]) -> None:
        queue = MotionQueue()
        lookahead = Lookahead(queue, 300.0, 5000.0, 5.0, 0.5)
        for axis in range(3):
            lookahead.set_unbounded(axis)
        generation = StepGeneration(EnableLines.of(motors, board), [queue])
        for motor in motors:
            motor.motion.follow(queue, (1.0, 0.0, 0.0))
            generation.add(motor)
        for x, speed in ZIGZAG:
            lookahead.move(x, 0.0, 0.0, 0.0, speed)
        end = lookahead.flush(mcu.print_time_now() + 0.5)
        generation.advance(end + 0.1, mcu.print_time_now(), finish=True)
        await deferLater(self.clock, end + 0.2 - mcu.print_time_now())
        while mcu.print_time_now() < end + 0.1:
            await deferLater(self.clock, 0.05)

    def steps(self, motor: StepperMotor) -> int:
        """All that were sent, either way."""
        return sum(abs(batch[4]) for batch in motor.motion.dump(0, 1 << 62, 1 << 20))

    def ask(self, control: str) -> dict[str, Any]:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(15.0)
            link.connect(control)
            link.sendall(b'{"cmd": "report"}\n')
            result: dict[str, Any] = json.loads(link.makefile("rb").readline())["result"]
            return result
