"""C{[servo NAME]}: a hobby servo, set by SET_SERVO."""

from collections.abc import Iterator

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, Identity, Pin, PrinterObject, command, option, status_field
from klipperd.printer.timed_output import TimedOutput

__all__ = ["Servo", "ServoConfig", "ServoStatus", "build_servo"]

_PERIOD = 0.020
"""Seconds from pulse to pulse, which all hobby servos expect."""


@frozen(kw_only=True)
class ServoConfig:
    """C{[servo NAME]}."""

    pin: Pin = option(doc="PWM output that is the servo's signal")
    maximum_servo_angle: float = option(180.0, above=0.0, unit="degree", doc="largest angle")
    minimum_pulse_width: float = option(0.001, above=0.0, below=_PERIOD, unit="s", doc="pulse at angle 0")
    maximum_pulse_width: float = option(0.002, above=0.0, below=_PERIOD, unit="s", doc="pulse at full angle")
    initial_angle: float | None = option(None, minimum=0.0, unit="degree", doc="angle at the start")
    initial_pulse_width: float | None = option(
        None, minimum=0.0, unit="s", doc="pulse at the start, without initial_angle"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """Pulses and angles are in order."""
        if self.maximum_pulse_width <= self.minimum_pulse_width:
            yield "maximum_pulse_width", f"must be above minimum_pulse_width {self.minimum_pulse_width:g}"
        if self.initial_angle is not None and self.initial_angle > self.maximum_servo_angle:
            yield "initial_angle", f"is above maximum_servo_angle, which is {self.maximum_servo_angle:g}"

    def pulse_of_angle(self, angle: float) -> float:
        """Seconds."""
        span = self.maximum_pulse_width - self.minimum_pulse_width
        bounded = min(max(angle, 0.0), self.maximum_servo_angle)
        return self.minimum_pulse_width + bounded / self.maximum_servo_angle * span

    def duty(self, pulse: float) -> float:
        """The output (0 to 1) of a pulse; 0 s is no signal."""
        if pulse <= 0.0:
            return 0.0
        return min(max(pulse, self.minimum_pulse_width), self.maximum_pulse_width) / _PERIOD

    def start(self) -> float:
        """The output at the start."""
        if self.initial_angle is not None:
            return self.duty(self.pulse_of_angle(self.initial_angle))
        return self.duty(self.initial_pulse_width or 0.0)


@frozen
class ServoStatus:
    """Status of a servo."""

    value: float = status_field(doc="setting of the servo's PWM output, 0 to 1")


@define(eq=False, repr=False)
class Servo:
    """One servo; it moves in step with the moves before the command."""

    name: str
    _config: ServoConfig
    _toolhead: Toolhead
    _output: TimedOutput
    _value: float = field(init=False)

    @_value.default
    def _start_value(self) -> float:
        return self._config.start()

    @command("SET_SERVO", mux="SERVO")
    async def set_servo(self, call: Call, *, angle: float | None = None, width: float | None = None) -> None:
        """Set a servo's angle, or its pulse width (0: no signal)"""
        if angle is None and width is None:
            raise CommandError("SET_SERVO needs ANGLE or WIDTH")
        pulse = width if width is not None else self._config.pulse_of_angle(angle or 0.0)
        duty = self._config.duty(pulse)
        self._toolhead.on_print_time(lambda print_time: self._set(print_time, duty))

    def _set(self, print_time: float, duty: float) -> None:
        if duty != self._value:
            self._value = duty
            self._output.set(print_time, duty)

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        self._output.cancel_timer()

    async def close(self) -> None:
        """The printer goes away."""
        self._output.cancel_timer()

    def status(self, eventtime: float) -> ServoStatus:
        """See L{ServoStatus}."""
        return ServoStatus(self._value)


def build_servo(
    config: ServoConfig, identity: Identity, board: Board, clock: IReactorTime, toolhead: Toolhead
) -> Servo:
    """Build the servo."""
    pwm = board.pwm_out(config.pin, cycle_time=_PERIOD, max_duration=0.0, start=config.start())
    output = TimedOutput(clock, pwm.mcu.estimated_print_time, pwm.set)
    return Servo(identity.name, config, toolhead, output)


servo = PrinterObject("servo *", ServoConfig, build_servo)
