"""[force_move]: move single motors, and set positions by hand, for diagnosis."""

from collections.abc import Sequence

from attrs import define, frozen

from klipperd.errors import CommandError
from klipperd.motion.force import move_motor
from klipperd.motion.kinematics.base import AXES
from klipperd.motion.motors import StepperMotor
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, option, param
from klipperd.objects.call import Call
from klipperd.objects.values import nearest

__all__ = ["ForceMove", "ForceMoveConfig", "force_move"]

BUZZ_DISTANCE = 1.0
BUZZ_VELOCITY = 4.0
BUZZ_TIMES = 10
BUZZ_PAUSE = 0.3
"""mm, mm/s and s of STEPPER_BUZZ"""


@frozen(kw_only=True)
class ForceMoveConfig:
    """Moves past the kinematics."""

    enable_force_move: bool = option(False, doc="allow FORCE_MOVE and SET_KINEMATIC_POSITION")


@define(eq=False, repr=False)
class ForceMove:
    """Serves the commands; those that can do harm only when they are enabled."""

    _toolhead: Toolhead
    _enabled: bool

    def _check_enabled(self, name: str) -> None:
        if not self._enabled:
            raise CommandError(f"{name} is not enabled: set enable_force_move in [force_move]")

    def _find(self, name: str) -> StepperMotor:
        motors = {motor.name: motor for motor in self._toolhead.generation.motors}
        if name not in motors:
            raise CommandError(f"There is no stepper {name!r}{nearest(name, list(motors))}")
        return motors[name]

    @command("STEPPER_BUZZ")
    async def buzz(self, call: Call, *, stepper: str) -> None:
        """Oscillate a given stepper to help id it."""
        motor, toolhead = self._find(stepper), self._toolhead
        call.info(f"Stepper buzz {stepper}")
        was_enabled = toolhead.generation.enable.is_enabled(motor.name)
        for _ in range(BUZZ_TIMES):
            for distance, pause in ((BUZZ_DISTANCE, 0.05), (-BUZZ_DISTANCE, BUZZ_PAUSE)):
                await move_motor(toolhead, motor, distance, BUZZ_VELOCITY)
                await toolhead.dwell(pause)
        if not was_enabled:
            await toolhead.wait_moves()
            toolhead.generation.enable.switch(motor.name, False, toolhead.last_move_time())

    @command("FORCE_MOVE")
    async def force(
        self,
        call: Call,
        *,
        stepper: str,
        distance: float,
        velocity: float = param(above=0.0),
        accel: float = param(0.0, minimum=0.0),
    ) -> None:
        """Manually move a stepper; invalidates kinematics."""
        self._check_enabled("FORCE_MOVE")
        await move_motor(self._toolhead, self._find(stepper), distance, velocity, accel)

    @command("SET_KINEMATIC_POSITION")
    async def set_kinematic_position(
        self,
        call: Call,
        *,
        x: float | None = None,
        y: float | None = None,
        z: float | None = None,
        set_homed: str = AXES,
        clear_homed: str = "",
        clear: str = param("", doc="another name of CLEAR_HOMED"),
    ) -> None:
        """Force a low-level kinematic position."""
        self._check_enabled("SET_KINEMATIC_POSITION")
        toolhead = self._toolhead
        toolhead.last_move_time()
        position: Sequence[float] = toolhead.position
        given = [old if new is None else new for old, new in zip(position, (x, y, z), strict=False)]
        unhomed = (clear_homed + clear).lower()
        toolhead.set_position([*given, position[3]], "".join(a for a in AXES if a in set_homed.lower()))
        toolhead.clear_homed("".join(axis for axis in AXES if axis in unhomed))


def build_force_move(config: ForceMoveConfig, toolhead: Toolhead) -> ForceMove:
    """Serve the tool head's motors."""
    return ForceMove(toolhead, config.enable_force_move)


force_move = PrinterObject("force_move", ForceMoveConfig, build_force_move, always=True)
