"""The options that C{[extruder]}, C{[heater_bed]} and C{[heater_generic NAME]} share."""

from collections.abc import Iterator

from attrs import frozen

from klipperd.objects import Pin, choose, option
from klipperd.printer.thermometer import limits_problem, sensor_options
from klipperd.thermal.bang_bang import BangBang
from klipperd.thermal.control import Control
from klipperd.thermal.pid import Pid

__all__ = ["HeaterConfig", "PidConfig", "WatermarkConfig"]


@frozen(kw_only=True)
class PidConfig:
    """C{control: pid}."""

    pid_kp: float = option(doc="proportional gain, per 255", minimum=0.0)
    pid_ki: float = option(doc="integral gain, per 255 and second", minimum=0.0)
    pid_kd: float = option(doc="derivative gain, per 255, times second", minimum=0.0)

    def make(self, max_power: float, smooth_time: float) -> Control:
        """The control that the options describe."""
        return Pid(self.pid_kp, self.pid_ki, self.pid_kd, max_power, smooth_time)


@frozen(kw_only=True)
class WatermarkConfig:
    """C{control: watermark}."""

    max_delta: float = option(
        2.0, above=0.0, unit="C", doc="switch off this far above the target, and on this far below"
    )

    def make(self, max_power: float, smooth_time: float) -> Control:
        """The control that the options describe."""
        return BangBang(self.max_delta, max_power)


@frozen(kw_only=True)
class HeaterConfig:
    """One heater and its sensor."""

    heater_pin: Pin = option(doc="output that switches the heater")
    max_power: float = option(1.0, above=0.0, maximum=1.0, doc="most power the heater may get, of full power")
    sensor: object = sensor_options()
    smooth_time: float = option(1.0, above=0.0, unit="s", doc="time over which readings are smoothed")
    control: PidConfig | WatermarkConfig = choose(
        "control", {"pid": PidConfig, "watermark": WatermarkConfig}, doc="control algorithm"
    )
    pwm_cycle_time: float = option(
        0.100, above=0.0, maximum=0.3, unit="s", doc="length of one software PWM cycle of the heater"
    )
    min_temp: float = option(
        minimum=-273.15, unit="C", doc="lowest temperature that is plausible; below it the printer shuts down"
    )
    max_temp: float = option(
        above=-273.15, unit="C", doc="highest temperature allowed; above it the printer shuts down"
    )

    def check(self) -> Iterator[tuple[str, str]]:
        """The limits are in order."""
        problem = limits_problem(self.min_temp, self.max_temp)
        if problem is not None:
            yield "max_temp", problem
