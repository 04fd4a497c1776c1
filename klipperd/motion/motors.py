"""Stepper motors: their options, and each one's way from a motion queue to its pins."""

import math
from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from klipperd.motion.hardware import McuStepper, MotionBoard
from klipperd.motion.stepper import StepperMotion
from klipperd.objects import Pin, option
from klipperd.objects.values import ValueProblem

__all__ = [
    "DriverConfig",
    "MotorConfig",
    "MotorOwner",
    "RotaryConfig",
    "StepperMotor",
    "build_motor",
    "gear_factor",
]


def gear_factor(ratios: tuple[str, ...]) -> float:
    """Turns of the motor for one turn of the axis: C{("57:11", "2:1")}.

    @raise ValueProblem: naming the ratio that is none.
    """
    factor = 1.0
    for ratio in ratios:
        driven, _, driving = ratio.partition(":")
        try:
            share = float(driven) / float(driving)
        except (ValueError, ZeroDivisionError):
            share = 0.0
        if not 0.0 < share < 1e9:
            raise ValueProblem(f"{ratio!r} is no ratio such as 57:11")
        factor *= share
    return factor


@frozen(kw_only=True)
class DriverConfig:
    """Options of every stepper motor, whatever a turn of it means."""

    step_pin: Pin = option(doc="output that steps the driver")
    dir_pin: Pin = option(doc="output that sets the direction; high means up")
    enable_pin: Pin | None = option(None, doc="output that switches the driver on")
    microsteps: int = option(minimum=1, doc="steps that the driver makes of one full step")
    full_steps_per_rotation: int = option(200, minimum=1, doc="full steps of one turn of the motor")
    gear_ratio: tuple[str, ...] = option((), doc="gears between motor and axis, such as 57:11, 2:1")
    step_pulse_duration: float | None = option(
        None, minimum=0.0, maximum=0.001, unit="s", doc="shortest time that the step pin keeps a level"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        try:
            gear_factor(self.gear_ratio)
        except ValueProblem as problem:
            yield "gear_ratio", str(problem)

    @property
    def turn(self) -> float:
        """mm, or rad, for one turn of the (final) gear."""
        return math.tau

    @property
    def step_distance(self) -> float:
        """mm, or rad, a step."""
        return self.turn / (self.full_steps_per_rotation * self.microsteps * gear_factor(self.gear_ratio))


@frozen(kw_only=True)
class MotorConfig(DriverConfig):
    """Options of a stepper motor that moves something along."""

    rotation_distance: float = option(above=0.0, unit="mm", doc="travel for one turn of the (final) gear")

    @property
    def turn(self) -> float:
        """mm for one turn of the (final) gear."""
        return self.rotation_distance


@frozen(kw_only=True)
class RotaryConfig(DriverConfig):
    """Options of a stepper motor that turns something."""

    def check(self) -> Iterator[tuple[str, str]]:
        """Problems of options in combination."""
        yield from super().check()
        if not self.gear_ratio:
            yield "gear_ratio", "is missing: a motor that turns something needs it"


@define(eq=False, repr=False)
class StepperMotor:
    """One motor: its MCU's end and its step generation.

    C{rotation_distance}: present mm (or rad) a turn, negative when it runs against its dir_pin.
    """

    name: str
    hardware: McuStepper
    motion: StepperMotion
    config: DriverConfig
    follow_owner: Callable[[], None] = lambda: None
    """Lets the motor follow the queue of its axis or extruder (again), from rest."""

    rotation_distance: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.rotation_distance = self.config.turn

    def set_rotation_distance(self, distance: float) -> None:
        """Another mm a turn from now on; only at rest."""
        self.motion.step_distance = self.config.step_distance * abs(distance) / self.config.turn
        self.motion.invert_dir = self.hardware.inverted_dir != (distance < 0.0)
        self.rotation_distance = distance

    def step_on_both_edges(self) -> None:
        """The driver is set up to step on both edges of the step pin: let the MCU do so, where it can.

        Drivers' sections call it while the printer is being built. Where the firmware offers it (see
        L{klipperd.mcu.stepper.McuStepper}), pulses need no end and edges come half as often; else, and
        meanwhile, the driver has to take each rising edge for a step. Without a step_pulse_duration the
        shortest pulse is then 100 ns, be it used or not.
        """
        self.hardware.both_edges = True

    @property
    def steps_on_both_edges(self) -> bool:
        """Whether driver and firmware agree to; known once the MCU is."""
        return self.hardware.steps_on_both_edges

    def sync_clock(self) -> None:
        """Take over the present estimate of the MCU's clock."""
        clock = self.hardware.mcu.print_clock
        self.motion.set_clock(clock.freq, clock.offset)

    async def halted(self) -> float:
        """The MCU has stopped the motor: learn where; gives its coordinate (mm)."""
        return self.motion.halted(await self.hardware.position())


class MotorOwner:
    """A printer object with motors: axes and extruders."""

    @property
    def motors(self) -> list[StepperMotor]:
        """Its motors."""
        raise NotImplementedError


def build_motor(name: str, config: DriverConfig, board: MotionBoard) -> StepperMotor:
    """A motor on the pins of its section."""
    hardware = board.stepper(config.step_pin, config.dir_pin, pulse_duration=config.step_pulse_duration)
    motion = StepperMotion(
        hardware.mcu.link,
        hardware.oid,
        config.step_distance,
        hardware.queue_step_id,
        hardware.set_next_step_dir_id,
        hardware.reset_step_clock_id,
        lane=hardware.lane,
        invert_dir=hardware.inverted_dir,
        name=name,
    )
    return StepperMotor(name, hardware, motion, config)
