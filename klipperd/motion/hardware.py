"""What motion needs of the MCUs, as narrow interfaces; L{klipperd.mcu} offers them."""

from typing import Any, Protocol

from klipperd.mcu.print_clock import PrintClock
from klipperd.objects.values import Pin

__all__ = ["Endstop", "McuStepper", "MotionBoard", "MotionMcu", "OutputLine"]


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
    def inverted_dir(self) -> bool:
        """Whether the direction pin is low in positive direction."""

    both_edges: bool
    """Whether the driver can step on both edges of the step pin; to be set before the MCU is configured."""

    @property
    def steps_on_both_edges(self) -> bool:
        """Whether driver and firmware agree to; known once the MCU is."""

    @property
    def queue_step_id(self) -> int:
        """Message id, as the next two."""

    @property
    def set_next_step_dir_id(self) -> int: ...
    @property
    def reset_step_clock_id(self) -> int: ...
    async def position(self) -> int:
        """Steps with dir = 1 less steps with dir = 0, as the MCU counts them (signed)."""


class Endstop(Protocol):
    """A switch that can stop steppers."""

    def add_stepper(self, stepper: Any, /) -> None:
        """A trigger stops this L{McuStepper}. Only while the printer is being built."""

    async def query(self) -> bool:
        """Whether it is triggered now."""

    def home_start(self, print_time: float, rest_time: float, *, triggered: bool = True) -> None:
        """Watch from C{print_time} on, a sample every C{rest_time} s; C{triggered}: what to wait for."""

    async def home_wait(self, end_print_time: float) -> float:
        """Wait until its steppers stand; print_time of the trigger.

        @raise klipperd.mcu.trsync.HomingFailed: there was none until C{end_print_time}, or an MCU lost the
            others.
        """


class OutputLine(Protocol):
    """A digital output."""

    def set(self, print_time: float, on: bool, /) -> None:
        """Switch at C{print_time}."""


class MotionBoard(Protocol):
    """Gives parts by pin."""

    @property
    def main(self) -> MotionMcu:
        """The MCU whose clock is print_time."""

    def stepper(self, step_pin: Pin, dir_pin: Pin, *, pulse_duration: float | None = None) -> McuStepper: ...
    def endstop(self, pin: Pin) -> Endstop: ...
    def digital_out(self, pin: Pin, *, max_duration: float = 2.0, share: str | None = None) -> OutputLine: ...
