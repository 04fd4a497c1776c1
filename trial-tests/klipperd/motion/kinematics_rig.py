"""A printer of any kinematics, built from printer.cfg text as the host builds it, on a fake board."""

from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from klipperd.config.document import read_config
from klipperd.mcu.board import Board
from klipperd.motion.motors import StepperMotor
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject
from klipperd.objects.build import Built, build_plan
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.plan import Plan, make_plan
from klipperd.objects.services import HostControl, HostSettings
from klipperd.printer import (
    carriages,
    dual_carriage,
    force_move,
    gcode_move,
    manual_stepper,
    printer,
    steppers,
    toolhead,
)

from .fake_board import FakeBoard, FakeEndstop

SAMPLES = Path(__file__).parents[3] / "config" / "kinematics"
MODULES = (carriages, dual_carriage, force_move, gcode_move, manual_stepper, printer, steppers, toolhead)
SERVICES: list[Any] = [Board, IReactorTime, HostControl, HostSettings]


def sample(name: str) -> str:
    """The mechanics of a sample configuration."""
    text = (SAMPLES / f"{name}.cfg").read_text()
    return text[text.index("[printer]") : text.index("[extruder]")]


def plan_of(text: str, folder: str) -> Plan:
    """Check a configuration; C{folder} is for its file."""
    objects = [o for module in MODULES for o in vars(module).values() if isinstance(o, PrinterObject)]
    Path(folder).mkdir(parents=True, exist_ok=True)
    path = Path(folder) / "printer.cfg"
    path.write_text(text)
    return make_plan(read_config(str(path)), Catalogue(tuple({id(o): o for o in objects}.values())), SERVICES)


class Call:
    """A command's caller."""

    def __init__(self, **params: str) -> None:
        self.params = params
        self.lines: list[str] = []

    def respond(self, text: str) -> None:
        self.lines.append(text)

    info = respond


class _Host:
    offline = None

    def __init__(self) -> None:
        self.faults: list[str] = []

    def shutdown(self, reason: str) -> None:
        self.faults.append(reason)


class Rig:
    """The printer of a configuration. Steps are counted as they happened, from the motors' power on."""

    def __init__(self, text: str, folder: str) -> None:
        self.clock = Clock()
        self.clock.advance(10.0)
        self.board = FakeBoard(self.clock)
        self.host = _Host()
        self.built = Built()
        services = dict(zip(SERVICES, (self.board, self.clock, self.host, self.host), strict=True))
        self.run(build_plan(plan_of(text, folder), services, self.built))
        self.commands: Any = self.built.objects["toolhead"]
        self.toolhead: Toolhead = self.commands.toolhead
        self.kinematics: Any = self.toolhead.kinematics

    def run(self, work: Awaitable[Any], limit: float = 200.0) -> Any:
        """Await C{work}, letting time pass; its result."""
        done = Deferred.fromCoroutine(work)  # type: ignore[arg-type]
        results: list[Any] = []
        done.addBoth(results.append)
        passed = 0.0
        while not results and passed < limit:
            self.pass_time(0.02)
            passed += 0.02
        assert results, "it takes too long"
        if hasattr(results[0], "raiseException"):
            results[0].raiseException()
        return results[0]

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.clock.advance(0.02)
            self.board.execute()

    def home(self, **axes: str) -> None:
        self.run(self.commands.home(Call(**axes)))

    def go(self, *position: float, speed: float = 100.0) -> None:
        """Move to x, y, z and wait."""
        self.toolhead.move([*position, 0.0], speed)
        self.run(self.toolhead.wait_moves())
        self.pass_time(0.1)

    def motor(self, name: str) -> StepperMotor:
        return next(m for m in self.toolhead.generation.motors if m.name == name)

    def turned(self, name: str) -> float:
        """mm, or rad, that a motor has turned since power on."""
        motor = self.motor(name)
        hardware: Any = motor.hardware
        steps = hardware.physical(self.board.ticks()) * (-1 if hardware.inverted_dir else 1)
        return float(steps * motor.motion.step_distance)

    def switch(self, name: str, at: float) -> None:
        """Put an endstop where its first motor is after C{at} mm (or rad): upwards or downwards."""
        found = next(e for e in self.kinematics.endstops if e.name == name)
        endstop: FakeEndstop = found.endstop
        motor = found.motors[0]
        sign = -1 if motor.hardware.inverted_dir else 1
        endstop.switch = round(sign * at / motor.motion.step_distance)
        endstop.upper = sign * at > 0

    def late(self) -> int:
        return sum(stepper.late for stepper in self.board.steppers)
