"""The motion half of an extruder: its queue, its limits and its motor."""

import math
from collections.abc import Iterator
from typing import Protocol

from attrs import define, field, frozen

from klipperd.motion.lookahead import Lookahead
from klipperd.motion.motors import MotorConfig, StepperMotor, gear_factor
from klipperd.motion.trapq import MotionQueue
from klipperd.objects import Pin, option
from klipperd.objects.values import ValueProblem

__all__ = ["ExtrudeGate", "ExtruderMotion", "ExtruderMotionConfig", "FilamentMotor"]


class ExtrudeGate(Protocol):
    """Says whether the hotend is hot enough."""

    @property
    def can_extrude(self) -> bool:
        """Whether the extruder may move."""

    @property
    def temperature(self) -> float:
        """Of the hotend (C)."""

    @property
    def min_extrude_temp(self) -> float:
        """C; from there on the extruder may move."""


@frozen(kw_only=True)
class ExtruderMotionConfig:
    """Options of an extruder's motion. Without C{step_pin} it has no motor."""

    step_pin: Pin | None = option(None, doc="output that steps the driver")
    dir_pin: Pin | None = option(None, doc="output that sets the direction; high means forward")
    enable_pin: Pin | None = option(None, doc="output that switches the driver on")
    rotation_distance: float | None = option(
        None, above=0.0, unit="mm", doc="filament for one turn of the (final) gear"
    )
    microsteps: int | None = option(None, minimum=1, doc="steps that the driver makes of one full step")
    full_steps_per_rotation: int = option(200, minimum=1, doc="full steps of one turn of the motor")
    gear_ratio: tuple[str, ...] = option((), doc="gears between motor and extruder, such as 57:11")
    step_pulse_duration: float | None = option(
        None, minimum=0.0, maximum=0.001, unit="s", doc="shortest time that the step pin keeps a level"
    )
    nozzle_diameter: float = option(above=0.0, unit="mm", doc="diameter of the nozzle's opening")
    filament_diameter: float = option(above=0.0, unit="mm", doc="nominal diameter of the filament")
    max_extrude_cross_section: float | None = option(
        None, above=0.0, unit="mm^2", doc="largest cross section of a line; 4 nozzle_diameter^2 by default"
    )
    instantaneous_corner_velocity: float = option(
        1.0, minimum=0.0, unit="mm/s", doc="largest jump of the extruder's speed between two moves"
    )
    max_extrude_only_distance: float = option(
        50.0, minimum=0.0, unit="mm", doc="longest retraction or extrusion without x and y"
    )
    max_extrude_only_velocity: float | None = option(
        None, above=0.0, unit="mm/s", doc="top speed of moves without x and y, and of retractions"
    )
    max_extrude_only_accel: float | None = option(
        None, above=0.0, unit="mm/s^2", doc="top acceleration of moves without x and y, and of retractions"
    )
    pressure_advance: float = option(
        0.0, minimum=0.0, unit="s", doc="filament pushed ahead for each mm/s of extrusion (mm)"
    )
    pressure_advance_smooth_time: float = option(
        0.040, above=0.0, maximum=0.2, unit="s", doc="time over which pressure advance is averaged"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        names = ("step_pin", "dir_pin", "rotation_distance", "microsteps")
        needed = {name: getattr(self, name) for name in names}
        if any(value is not None for value in needed.values()):
            yield from ((name, "is missing") for name, value in needed.items() if value is None)
        try:
            gear_factor(self.gear_ratio)
        except ValueProblem as problem:
            yield "gear_ratio", str(problem)
        if self.cross_section < self.nozzle_diameter**2 * math.pi / 4 * 0.1:
            yield "max_extrude_cross_section", "is too small for any line of this nozzle"

    @property
    def cross_section(self) -> float:
        """Largest cross section of a line (mm^2)."""
        return self.max_extrude_cross_section or 4.0 * self.nozzle_diameter**2

    @property
    def filament_area(self) -> float:
        """Cross section of the filament (mm^2)."""
        return math.pi * (self.filament_diameter / 2.0) ** 2

    def motor(self) -> MotorConfig | None:
        """The motor's options, None when there is no motor."""
        if None in (self.step_pin, self.dir_pin, self.rotation_distance, self.microsteps):
            return None
        assert self.step_pin and self.dir_pin and self.rotation_distance and self.microsteps
        return MotorConfig(
            step_pin=self.step_pin,
            dir_pin=self.dir_pin,
            enable_pin=self.enable_pin,
            rotation_distance=self.rotation_distance,
            microsteps=self.microsteps,
            full_steps_per_rotation=self.full_steps_per_rotation,
            gear_ratio=self.gear_ratio,
            step_pulse_duration=self.step_pulse_duration,
        )


@define(eq=False, repr=False)
class FilamentMotor:
    """A motor that feeds filament as an extruder's moves ask for, with pressure advance of its own.

    C{followed}: the extruder whose queue it follows, None without.
    """

    name: str
    motor: StepperMotor | None
    pressure_advance: float
    smooth_time: float
    followed: "ExtruderMotion | None" = None

    def sync(self, source: "ExtruderMotion | None") -> None:
        """Follow another extruder's queue; only while everything rests."""
        before = self.followed
        if before is not None:
            before.followers.remove(self)
        self.followed = source
        if source is not None:
            source.followers.append(self)
        for motor in {id(m): m for m in (self, *_followers(before), *_followers(source))}.values():
            motor.follow()

    def follow(self) -> None:
        """Let the motor follow the queue with the present smoothing; only while everything rests."""
        if self.motor is None:
            return
        source = self.followed
        queue = source.queue if source is not None else None
        self.motor.motion.follow_extruder(queue, self.smoothing, self.share)

    @property
    def smoothing(self) -> float:
        """Seconds over which the motor's motion is averaged: none without pressure advance."""
        return self.smooth_time if self.followed is not None and self.pressure_advance > 0.0 else 0.0

    @property
    def share(self) -> float:
        """Part of the queue's pressure advance that is this motor's."""
        whole = self.followed.planned_advance if self.followed is not None else 0.0
        return self.pressure_advance / whole if whole > 0.0 else 1.0


@define(eq=False, repr=False)
class ExtruderMotion(FilamentMotor):
    """One extruder as the tool head drives it; the position in its queue is the tool head's fourth axis."""

    config: ExtruderMotionConfig = field(kw_only=True)
    gate: ExtrudeGate = field(kw_only=True)
    queue: MotionQueue = field(factory=MotionQueue, init=False)
    followers: list[FilamentMotor] = field(factory=list, init=False)
    """Motors that follow its queue: its own, unless SYNC_EXTRUDER_MOTION said otherwise, and others."""
    printer_limits: tuple[float, float] = (math.inf, math.inf)
    """max_velocity and max_accel of [printer], from which its own defaults follow."""

    @classmethod
    def of(
        cls, name: str, config: ExtruderMotionConfig, gate: ExtrudeGate, motor: StepperMotor | None
    ) -> "ExtruderMotion":
        """An extruder that follows itself."""
        advance, smooth = config.pressure_advance, config.pressure_advance_smooth_time
        made = cls(name, motor, advance, smooth, config=config, gate=gate)
        made.queue.set_position(0.0, (0.0, 0.0, 0.0))
        if motor is not None:
            motor.follow_owner = made.follow
        made.sync(made)
        return made

    @property
    def planned_advance(self) -> float:
        """Pressure advance (s) that its moves are planned with: the largest of its motors."""
        return max((motor.pressure_advance for motor in self.followers), default=0.0)

    def activate(self, lookahead: Lookahead) -> None:
        """Make it the lookahead's extruder."""
        config = self.config
        max_velocity, max_accel = self.printer_limits
        # Extrude-only moves push no more plastic than the thickest default line of a printing move would.
        share = 4.0 * config.nozzle_diameter**2 / config.filament_area
        lookahead.set_extruder(
            self.queue,
            config.instantaneous_corner_velocity,
            config.max_extrude_only_velocity or max_velocity * share,
            config.max_extrude_only_accel or max_accel * share,
            config.max_extrude_only_distance,
            config.cross_section / config.filament_area,
            config.nozzle_diameter * config.cross_section / config.filament_area,
        )
        lookahead.set_pressure_advance(self.planned_advance)


def _followers(extruder: ExtruderMotion | None) -> list[FilamentMotor]:
    return extruder.followers if extruder is not None else []
