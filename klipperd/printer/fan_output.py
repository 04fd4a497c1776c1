"""The output that all sections with a fan share: limits, kick start, enable pin and tachometer."""

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.mcu.outputs import DigitalOut, PwmOut
from klipperd.objects import Pin, option, status_field
from klipperd.printer.tachometer import Tachometer
from klipperd.printer.timed_output import SPACING, TimedOutput

__all__ = ["FanConfig", "FanOutput", "FanStatus", "build_fan_output"]

_KICK_RISE = 0.5


@frozen(kw_only=True)
class FanConfig:
    """One fan."""

    pin: Pin = option(doc="output that drives the fan")
    max_power: float = option(1.0, above=0.0, maximum=1.0, doc="output at full speed")
    shutdown_speed: float | None = option(
        None, minimum=0.0, maximum=1.0, doc="speed after a shutdown; 0 for [fan] and [fan_generic], else full"
    )
    cycle_time: float = option(0.010, above=0.0, unit="s", doc="length of one PWM cycle")
    hardware_pwm: bool = option(False, doc="use hardware PWM")
    kick_start_time: float = option(
        0.100, minimum=0.0, unit="s", doc="full speed for this long when starting or gaining over half"
    )
    off_below: float = option(0.0, minimum=0.0, maximum=1.0, doc="speeds below this switch the fan off")
    tachometer_pin: Pin | None = option(None, doc="input for the fan's tachometer")
    tachometer_ppr: int = option(2, minimum=1, doc="tachometer pulses per revolution")
    tachometer_poll_interval: float = option(
        0.0015, above=0.0, unit="s", doc="polling period of the tachometer; below 30 / (ppr * rpm)"
    )
    enable_pin: Pin | None = option(None, doc="output that switches the fan's power")


@frozen
class FanStatus:
    """Status of a fan."""

    speed: float = status_field(doc="set speed, 0 to 1")
    rpm: float | None = status_field(doc="measured revolutions per minute, null without a tachometer")


@define(eq=False, repr=False)
class FanOutput:
    """A fan's pins."""

    config: FanConfig
    _clock: IReactorTime
    _pwm: PwmOut
    _enable: DigitalOut | None
    tachometer: Tachometer | None
    speed: float = field(init=False, default=0.0)
    _output: TimedOutput = field(init=False)
    _enabled: bool = field(init=False, default=False)

    @_output.default
    def _make_output(self) -> TimedOutput:
        return TimedOutput(self._clock, self._pwm.mcu.estimated_print_time, self._send)

    def _send(self, print_time: float, power: float) -> None:
        if self._enable is not None and (power > 0.0) != self._enabled:
            self._enabled = power > 0.0
            self._enable.set(print_time, self._enabled)
        self._pwm.set(print_time, power)

    def set_soon(self, speed: float) -> None:
        """Set the speed (0 to 1) as soon as possible."""
        self.set(self._output.print_time_now(), speed)

    def set(self, print_time: float, speed: float) -> None:
        """Set the speed (0 to 1) from C{print_time} on, with a kick start where one is due."""
        if speed < self.config.off_below:
            speed = 0.0
        speed = min(max(speed, 0.0), 1.0)
        if speed == self.speed:
            return
        rise = speed - self.speed
        kick = 0.0 < speed < 1.0 and (self.speed == 0.0 or rise > _KICK_RISE)
        self.speed = speed
        if kick and self.config.kick_start_time > 0.0:
            print_time = max(print_time, self._output.print_time_now())
            self._output.set(print_time, self.config.max_power)
            print_time += max(self.config.kick_start_time, SPACING)
        self._output.set(print_time, speed * self.config.max_power)

    def close(self, alive: bool) -> None:
        """Switch the fan off, if the micro-controller is still C{alive}."""
        if alive:
            self.set_soon(0.0)
        self._output.cancel_timer()

    def status(self) -> FanStatus:
        """See L{FanStatus}."""
        return FanStatus(self.speed, self.tachometer.rpm if self.tachometer is not None else None)


def build_fan_output(
    config: FanConfig, board: Board, clock: IReactorTime, default_shutdown_speed: float
) -> FanOutput:
    """A fan's pins, set up on its micro-controllers."""
    speed = config.shutdown_speed if config.shutdown_speed is not None else default_shutdown_speed
    shutdown = min(speed, config.max_power)
    pwm = board.pwm_out(
        config.pin,
        cycle_time=config.cycle_time,
        hardware=config.hardware_pwm,
        max_duration=0.0,
        shutdown=shutdown,
    )
    enable = None
    if config.enable_pin is not None:
        enable = board.digital_out(config.enable_pin, max_duration=0.0, shutdown=float(shutdown > 0.0))
    tachometer = None
    if config.tachometer_pin is not None:
        tachometer = Tachometer(config.tachometer_ppr)
        board.pulse_counter(
            config.tachometer_pin,
            poll_interval=config.tachometer_poll_interval,
            report_time=1.0,
            on_count=tachometer.count,
        )
    return FanOutput(config, clock, pwm, enable, tachometer)
