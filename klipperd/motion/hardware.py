"""What motion needs of the MCUs, as narrow interfaces; L{klipperd.mcu} offers them."""

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from klipperd.mcu.print_clock import PrintClock
from klipperd.objects.values import Pin

__all__ = ["Endstop", "HomingRun", "McuStepper", "MotionBoard", "MotionMcu", "OutputLine"]


class MotionMcu(Protocol):
    """An MCU that has steppers."""

    @property
    def link(self) -> Any:
        """The message sink of its commands (C{sink_capsule()})."""

    @property
    def print_clock(self) -> PrintClock:
        """Its clock as a function of print time, as presently estimated."""

    def print_time_to_clock(self, print_time: float) -> int:
        """64-bit clock at a print_time."""

    def estimated_print_time(self, eventtime: float) -> float:
        """print_time at a time of the host's clock."""


class McuStepper(Protocol):
    """A step and direction output."""

    @property
    def mcu(self) -> MotionMcu: ...
    @property
    def oid(self) -> int: ...
    @property
    def lane(self) -> int:
        """The link's lane for its commands."""

    @property
    def invert_dir(self) -> bool:
        """Whether dir_pin is inverted."""

    @property
    def command_ids(self) -> tuple[int, int, int]:
        """Message ids of queue_step, set_next_step_dir and reset_step_clock."""

    async def position(self) -> int:
        """Steps with dir = 1 less steps with dir = 0, as the MCU counts them (signed)."""


class HomingRun(Protocol):
    """One endstop on watch."""

    @property
    def done(self) -> "Deferred[None]":
        """Fires once when its steppers were stopped, for whatever reason."""

    async def finish(self, end_print_time: float) -> float | None:
        """End the watch, after the move's end at the latest; print_time of the trigger, or None.

        @raise CommandError: when communication timed out.
        """


class Endstop(Protocol):
    """A switch that can stop steppers."""

    def add_stepper(self, stepper: McuStepper) -> None:
        """A trigger stops this stepper. Only while the printer is being built."""

    async def query(self) -> bool:
        """Whether it is triggered now."""

    def start_homing(self, print_time: float, rest_time: float, *, triggered: bool = True) -> HomingRun:
        """Watch from C{print_time} on, a sample every C{rest_time} seconds; C{triggered} is what to wait for."""


class OutputLine(Protocol):
    """A digital output."""

    def set(self, print_time: float, on: bool, /) -> None:
        """Switch at C{print_time}."""


class MotionBoard(Protocol):
    """Gives parts by pin."""

    @property
    def main(self) -> MotionMcu:
        """The MCU whose clock is print_time."""

    def stepper(
        self, step_pin: Pin, dir_pin: Pin, *, step_pulse_duration: float | None = None
    ) -> McuStepper: ...
    def endstop(self, pin: Pin) -> Endstop: ...
    def digital_out(self, pin: Pin, *, max_duration: float = 2.0) -> OutputLine: ...


