"""The commands that pick extruders and tune their motion."""

from collections.abc import Sequence

from attrs import define, frozen

from klipperd.errors import CommandError
from klipperd.motion.extruder import ExtruderMotion, FilamentMotor
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, param
from klipperd.objects.call import Call
from klipperd.objects.values import nearest
from klipperd.printer.extruder import Extruder
from klipperd.printer.extruder_stepper import ExtruderStepper

__all__ = ["ExtruderCommands", "extruders"]


@frozen(kw_only=True)
class ExtruderCommandsConfig:
    """There is nothing to configure."""


@define(eq=False, repr=False)
class ExtruderCommands:
    """Serves all extruders of the printer."""

    _toolhead: Toolhead
    _extruders: Sequence[Extruder]

    _steppers: Sequence[ExtruderStepper] = ()

    def _find(self, name: str | None) -> FilamentMotor:
        """The extruder or extruder_stepper of that name, the active extruder without a name."""
        if name is None:
            if self._toolhead.extruder is None:
                raise CommandError("There is no extruder")
            return self._toolhead.extruder
        found = {stepper.name: stepper.motion for stepper in self._steppers}
        return found[name] if name in found else self._extruder(name, list(found))

    def _extruder(self, name: str, others: Sequence[str] = ()) -> ExtruderMotion:
        named = {extruder.name: extruder.motion for extruder in self._extruders}
        if name not in named:
            raise CommandError(f"There is no extruder {name!r}{nearest(name, [*named, *others])}")
        return named[name]

    @command("ACTIVATE_EXTRUDER")
    async def activate(self, call: Call, *, extruder: str) -> None:
        """Change the active extruder."""
        wanted = self._extruder(extruder)
        if wanted is self._toolhead.extruder:
            call.info(f"Extruder {extruder} already active")
            return
        call.info(f"Activating extruder {extruder}")
        self._toolhead.activate(wanted)

    @command("SET_PRESSURE_ADVANCE")
    async def set_pressure_advance(
        self,
        call: Call,
        *,
        extruder: str | None = None,
        advance: float | None = param(None, minimum=0.0),
        smooth_time: float | None = param(None, above=0.0, maximum=0.2),
    ) -> None:
        """Set pressure advance parameters."""
        motion = self._find(extruder)
        if motion.motor is None:
            raise CommandError(f"Extruder {motion.name} has no motor")
        if advance is not None or smooth_time is not None:
            await self._toolhead.set_pressure_advance(motion, advance, smooth_time)
        call.info(
            f"pressure_advance: {motion.pressure_advance:.6f}\n"
            f"pressure_advance_smooth_time: {motion.smooth_time:.6f}"
        )

    @command("SET_EXTRUDER_ROTATION_DISTANCE")
    async def set_rotation_distance(
        self, call: Call, *, extruder: str | None = None, distance: float | None = None
    ) -> None:
        """Set extruder rotation distance."""
        motion = self._find(extruder)
        if motion.motor is None:
            raise CommandError(f"Extruder {motion.name} has no motor")
        if distance == 0.0:
            raise CommandError("SET_EXTRUDER_ROTATION_DISTANCE: DISTANCE must not be 0")
        if distance is not None:
            await self._toolhead.come_to_rest()
            motion.motor.set_rotation_distance(distance)
        call.info(f"Extruder '{motion.name}' rotation distance is {motion.motor.rotation_distance:.6f}")

    @command("SYNC_EXTRUDER_MOTION")
    async def sync_motion(self, call: Call, *, extruder: str, motion_queue: str) -> None:
        """Set extruder stepper motion queue."""
        motion = self._find(extruder)
        source = self._extruder(motion_queue) if motion_queue else None
        await self._toolhead.sync_extruder(motion, source)
        what = f"now syncing with '{source.name}'" if source is not None else "unlinked"
        call.info(f"Extruder '{motion.name}' {what}")


def build_extruders(
    config: ExtruderCommandsConfig,
    toolhead: Toolhead,
    extruders: Sequence[Extruder],
    steppers: Sequence[ExtruderStepper],
) -> ExtruderCommands:
    """Serve the extruders there are."""
    return ExtruderCommands(toolhead, extruders, steppers)


extruders = PrinterObject("extruders", ExtruderCommandsConfig, build_extruders, internal=True)
