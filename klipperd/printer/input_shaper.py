"""[input_shaper]: motion that does not excite the machine's resonances."""

from collections.abc import Iterator, Sequence
from math import hypot

from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.motion.kinematics.base import AXES
from klipperd.motion.motors import StepperMotor
from klipperd.motion.shapers import MOST_DAMPING, Pulses, check_shaper, is_custom, pulses
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, option, param
from klipperd.objects.call import Call
from klipperd.printer.extruder import Extruder
from klipperd.printer.extruder_stepper import ExtruderStepper

__all__ = ["AxisShaper", "InputShaper", "InputShaperConfig", "input_shaper"]


@frozen(kw_only=True)
class InputShaperConfig:
    """Input shaping. A shaper is zv, mzv, zvd, ei, 2hump_ei or 3hump_ei, perhaps with parameters as in
    mzv(t=0.8) or ei(v_tol=0.1); or pulses of one's own, custom(0=0.4,0.01=0.6): seconds=amplitude."""

    shaper_freq_x: float = option(0.0, minimum=0.0, unit="Hz", doc="frequency to suppress along x; 0: none")
    shaper_freq_y: float = option(0.0, minimum=0.0, unit="Hz", doc="frequency to suppress along y; 0: none")
    shaper_freq_z: float = option(0.0, minimum=0.0, unit="Hz", doc="frequency to suppress along z; 0: none")
    shaper_type: str = option("mzv", doc="shaper of all axes")
    shaper_type_x: str | None = option(None, doc="shaper of x; shaper_type by default")
    shaper_type_y: str | None = option(None, doc="shaper of y; shaper_type by default")
    shaper_type_z: str | None = option(None, doc="shaper of z; shaper_type by default")
    damping_ratio_x: float = option(0.1, minimum=0.0, maximum=MOST_DAMPING, doc="damping ratio along x")
    damping_ratio_y: float = option(0.1, minimum=0.0, maximum=MOST_DAMPING, doc="damping ratio along y")
    damping_ratio_z: float = option(0.1, minimum=0.0, maximum=MOST_DAMPING, doc="damping ratio along z")
    shape_extruder: bool = option(
        False, doc="shape what is extruded along x and y as these are, so that it stays in step with them"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        for name in ("shaper_type", *(f"shaper_type_{axis}" for axis in AXES)):
            value = getattr(self, name)
            if value is not None and (problem := check_shaper(value)) is not None:
                yield name, problem

    def axis(self, axis: str) -> "AxisShaper":
        """What is set for an axis."""
        kind = getattr(self, f"shaper_type_{axis}") or self.shaper_type
        return AxisShaper(kind, getattr(self, f"shaper_freq_{axis}"), getattr(self, f"damping_ratio_{axis}"))


@frozen
class AxisShaper:
    """One axis' shaper: type, Hz and damping ratio."""

    kind: str
    frequency: float
    damping: float

    @property
    def pulses(self) -> Pulses:
        """Its pulses, none when there is nothing to shape."""
        if self.frequency == 0.0 and not is_custom(self.kind):
            return []
        return pulses(self.kind, self.frequency, self.damping)


@define(eq=False, repr=False)
class InputShaper:
    """Shapes the tool head's motors, and those of extruders if they are to keep in step.

    Each motor keeps what was set while it moved with an axis: of second carriages those that are active.
    """

    _toolhead: Toolhead
    _filament: Sequence[StepperMotor]
    shapers: dict[str, AxisShaper]
    _kept: dict[StepperMotor, list[Pulses]] = field(factory=dict, init=False)

    def apply(self) -> None:
        """Let motors follow the present shapers; only while everything rests."""
        made = [self.shapers[axis].pulses for axis in AXES]
        for motor in self._toolhead.kinematics.motors:
            kept = self._kept.setdefault(motor, list(made))
            for axis in motor.motion.axes:
                kept[axis] = made[axis]
            motor.motion.set_shapers(*kept)
        for motor in self._filament:
            motor.motion.set_shapers(*made)
        workspace = self._toolhead.kinematics.workspace
        if workspace is not None:
            workspace.shaping_time = hypot(*(_reach(pulses) for pulses in made[:2]))

    @command("SET_INPUT_SHAPER")
    async def set_input_shaper(
        self,
        call: Call,
        *,
        shaper_freq_x: float | None = param(None, minimum=0.0),
        shaper_freq_y: float | None = param(None, minimum=0.0),
        shaper_freq_z: float | None = param(None, minimum=0.0),
        damping_ratio_x: float | None = param(None, minimum=0.0, maximum=MOST_DAMPING),
        damping_ratio_y: float | None = param(None, minimum=0.0, maximum=MOST_DAMPING),
        damping_ratio_z: float | None = param(None, minimum=0.0, maximum=MOST_DAMPING),
        shaper_type: str | None = None,
        shaper_type_x: str | None = None,
        shaper_type_y: str | None = None,
        shaper_type_z: str | None = None,
    ) -> None:
        """Set input shaper parameters."""
        kinds = (shaper_type_x, shaper_type_y, shaper_type_z)
        if shaper_type is not None and any(kind is not None for kind in kinds):
            raise CommandError("SET_INPUT_SHAPER: give SHAPER_TYPE or SHAPER_TYPE_<axis>, not both")
        frequencies = (shaper_freq_x, shaper_freq_y, shaper_freq_z)
        dampings = (damping_ratio_x, damping_ratio_y, damping_ratio_z)
        wanted = dict(self.shapers)
        for axis, kind, frequency, damping in zip(AXES, kinds, frequencies, dampings, strict=True):
            before = wanted[axis]
            wanted[axis] = AxisShaper(
                kind or shaper_type or before.kind,
                before.frequency if frequency is None else frequency,
                before.damping if damping is None else damping,
            )
            if (problem := check_shaper(wanted[axis].kind)) is not None:
                raise CommandError(f"SET_INPUT_SHAPER: {axis.upper()}: {problem}")
        if any(value is not None for value in (*kinds, shaper_type, *frequencies, *dampings)):
            await self._toolhead.come_to_rest()
            self.shapers = wanted
            self.apply()
        for axis, shaper in self.shapers.items():
            call.info(
                f"shaper_type_{axis}:{shaper.kind} shaper_freq_{axis}:{shaper.frequency:.3f} "
                f"damping_ratio_{axis}:{shaper.damping:.6f}"
            )


def _reach(pulses: Pulses) -> float:
    """s: at a speed v, a shaped axis is no further than v times that from any place of the path meanwhile."""
    times = [time for time, _ in pulses]
    return max((sum(abs(a) * abs(t - end) for t, a in pulses) for end in times), default=0.0)


def build_input_shaper(
    config: InputShaperConfig,
    toolhead: Toolhead,
    extruders: Sequence[Extruder],
    steppers: Sequence[ExtruderStepper],
) -> InputShaper:
    """Shape from the start."""
    filament: list[StepperMotor] = []
    if config.shape_extruder:
        for extruder in extruders:
            extruder.motion.queue.split = True
        owners: list[Extruder | ExtruderStepper] = [*extruders, *steppers]
        filament = [motor for owner in owners for motor in owner.motors]
    made = InputShaper(toolhead, filament, {axis: config.axis(axis) for axis in AXES})
    made.apply()
    return made


input_shaper = PrinterObject("input_shaper", InputShaperConfig, build_input_shaper)
