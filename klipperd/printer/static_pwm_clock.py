"""C{[static_pwm_clock NAME]}: a square wave at a pin, such as the clock of another chip on the board."""

from attrs import define, frozen

from klipperd.mcu.board import Board
from klipperd.objects import Pin, PrinterObject, option

__all__ = ["StaticPwmClock", "StaticPwmClockConfig", "build_static_pwm_clock"]


@frozen(kw_only=True)
class StaticPwmClockConfig:
    """C{[static_pwm_clock NAME]}."""

    pin: Pin = option(doc="the output; one with hardware PWM")
    frequency: float = option(100.0, above=0.0, maximum=520e6, unit="Hz", doc="frequency of the square wave")


@define(eq=False, repr=False)
class StaticPwmClock:
    """A square wave that never changes, and that a shutdown doesn't stop."""

    pin: Pin


def build_static_pwm_clock(config: StaticPwmClockConfig, board: Board) -> StaticPwmClock:
    """Set the output up."""
    cycle_time = 1.0 / config.frequency
    board.pwm_out(config.pin, cycle_time=cycle_time, hardware=True, max_duration=0.0, start=0.5, shutdown=0.5)
    return StaticPwmClock(config.pin)


static_pwm_clock = PrinterObject("static_pwm_clock *", StaticPwmClockConfig, build_static_pwm_clock)
