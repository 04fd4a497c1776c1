"""The enable lines of stepper drivers; several drivers may share one."""

from collections.abc import Iterable

from attrs import define, field

from klipperd.motion.hardware import MotionBoard, OutputLine
from klipperd.motion.motors import StepperMotor

__all__ = ["EnableLines", "SharedLine"]


@define(eq=False, repr=False)
class SharedLine:
    """One output; on while any of its motors is enabled. Without an output the drivers are always on."""

    output: OutputLine | None
    users: set[str] = field(factory=set)

    def switch(self, motor: str, on: bool, print_time: float) -> None:
        """Enable or disable one motor."""
        was_on = bool(self.users)
        if on:
            self.users.add(motor)
        else:
            self.users.discard(motor)
        if self.output is not None and bool(self.users) != was_on:
            self.output.set(print_time, on)


@define(eq=False, repr=False)
class EnableLines:
    """The lines of all motors by the motor's name."""

    lines: dict[str, SharedLine] = field(factory=dict)

    @classmethod
    def of(cls, motors: Iterable[StepperMotor], board: MotionBoard) -> "EnableLines":
        """Claim the pins of these motors; drivers stay on until they are told otherwise."""
        shared: dict[int, SharedLine] = {}
        lines = {}
        for motor in motors:
            if motor.config.enable_pin is None:
                lines[motor.name] = SharedLine(None)
                continue
            output = board.digital_out(motor.config.enable_pin, max_duration=0.0, share="stepper_enable")
            lines[motor.name] = shared.setdefault(id(output), SharedLine(output))
        return cls(lines)

    def is_enabled(self, motor: str) -> bool:
        """Whether the motor is enabled."""
        return motor in self.lines[motor].users

    def switch(self, motor: str, on: bool, print_time: float) -> None:
        """Enable or disable a motor at C{print_time}, unless it is so already."""
        if self.is_enabled(motor) != on:
            self.lines[motor].switch(motor, on, print_time)

    def all_off(self, print_time: float) -> None:
        """Disable all motors."""
        for motor in self.lines:
            self.switch(motor, False, print_time)

    def forget(self) -> None:
        """The MCUs have switched everything off by themselves (shutdown)."""
        for line in self.lines.values():
            line.users.clear()

    def states(self) -> dict[str, bool]:
        """Motor -> whether it is enabled."""
        return {motor: self.is_enabled(motor) for motor in self.lines}
