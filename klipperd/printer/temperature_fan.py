"""C{[temperature_fan NAME]}: a fan that keeps a temperature down to a target."""

from collections.abc import Iterator
from typing import Annotated

from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.objects import (
    Call,
    Identity,
    Named,
    PrinterObject,
    choose,
    command,
    group,
    option,
    status_field,
)
from klipperd.printer.fan_output import FanConfig, FanOutput, build_fan_output
from klipperd.printer.fitter import Fitter
from klipperd.printer.heaters import TemperatureSource
from klipperd.printer.thermometer import Gauge, SensorType, Thermometer, limits_problem, sensor_options
from klipperd.thermal.cooling import Cooling, CoolingBangBang, CoolingPid

__all__ = ["TemperatureFan", "TemperatureFanConfig", "TemperatureFanStatus", "build_temperature_fan"]


@frozen(kw_only=True)
class CoolingPidConfig:
    """C{control: pid}."""

    pid_kp: float = option(doc="proportional gain, per 255", minimum=0.0)
    pid_ki: float = option(doc="integral gain, per 255 and second", minimum=0.0)
    pid_kd: float = option(doc="derivative gain, per 255, times second", minimum=0.0)
    pid_deriv_time: float = option(2.0, above=0.0, unit="s", doc="time over which the derivative is smoothed")

    def make(self) -> Cooling:
        """The control that the options describe."""
        return CoolingPid(self.pid_kp, self.pid_ki, self.pid_kd, self.pid_deriv_time)


@frozen(kw_only=True)
class CoolingWatermarkConfig:
    """C{control: watermark}."""

    max_delta: float = option(
        2.0, above=0.0, unit="C", doc="switch on this far above the target, off this far below"
    )

    def make(self) -> Cooling:
        """The control that the options describe."""
        return CoolingBangBang(self.max_delta)


@frozen(kw_only=True)
class TemperatureFanConfig:
    """C{[temperature_fan NAME]}."""

    fan: FanConfig = group()
    sensor: object = sensor_options()
    control: CoolingPidConfig | CoolingWatermarkConfig = choose(
        "control", {"pid": CoolingPidConfig, "watermark": CoolingWatermarkConfig}, doc="control algorithm"
    )
    min_temp: float = option(minimum=-273.15, unit="C", doc="lowest plausible temperature, else a shutdown")
    max_temp: float = option(above=-273.15, unit="C", doc="highest plausible temperature, else a shutdown")
    smooth_time: float = option(1.0, above=0.0, unit="s", doc="time over which readings are smoothed")
    target_temp: float | None = option(None, unit="C", doc="target; 40, or max_temp if that is less")
    max_speed: float = option(1.0, above=0.0, maximum=1.0, doc="speed of the fan when it is too hot")
    min_speed: float = option(0.3, minimum=0.0, maximum=1.0, doc="lowest speed with control pid")
    gcode_id: str | None = option(None, doc="what M105 calls it; not shown there without")

    def check(self) -> Iterator[tuple[str, str]]:
        """Limits and speeds are in order, and the target within the limits."""
        problem = limits_problem(self.min_temp, self.max_temp)
        if problem is not None:
            yield "max_temp", problem
        elif self.target_temp is not None and not self.min_temp <= self.target_temp <= self.max_temp:
            yield "target_temp", f"{self.target_temp:g} is not within min_temp and max_temp"
        if self.min_speed > self.max_speed:
            yield "min_speed", f"{self.min_speed:g} is above max_speed, which is {self.max_speed:g}"


@frozen
class TemperatureFanStatus:
    """Status of C{temperature_fan}."""

    speed: float = status_field(doc="set speed, 0 to 1")
    rpm: float | None = status_field(doc="measured revolutions per minute, null without a tachometer")
    temperature: float = status_field(doc="last temperature, smoothed (degrees Celsius)")
    target: float = status_field(doc="target temperature (degrees Celsius)")


@define(eq=False, repr=False)
class TemperatureFan(TemperatureSource):
    """One fan and the sensor that it follows."""

    section: str
    name: str
    config: TemperatureFanConfig
    gauge: Gauge
    _output: FanOutput
    gcode_id: str | None
    target: float = field(init=False)
    min_speed: float = field(init=False)
    max_speed: float = field(init=False)
    thermometer: Thermometer = field(init=False)
    _control: Cooling = field(init=False)
    _down: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        config = self.config
        self.target = _default_target(config)
        self.min_speed, self.max_speed = config.min_speed, config.max_speed
        self._control = config.control.make()

    def read(self, time: float, celsius: float) -> None:
        """Take in a reading of C{time} (s) and set the speed that follows from it."""
        self.gauge.take(time, celsius)
        if self._down:
            return
        speed = self._control.update(time, celsius, self.target, self.min_speed, self.max_speed)
        self._output.set_soon(speed if self.target > 0.0 else 0.0)

    @command("SET_TEMPERATURE_FAN_TARGET", mux="TEMPERATURE_FAN")
    async def set_temperature_fan_target(
        self,
        call: Call,
        *,
        target: float | None = None,
        min_speed: float | None = None,
        max_speed: float | None = None,
    ) -> None:
        """Set a temperature fan's target and limits of its speed"""
        low = self.min_speed if min_speed is None else min_speed
        high = self.max_speed if max_speed is None else max_speed
        for name, speed in (("MIN_SPEED", low), ("MAX_SPEED", high)):
            if not 0.0 <= speed <= 1.0:
                raise CommandError(f"SET_TEMPERATURE_FAN_TARGET: {name}: {speed:g} is not within 0 and 1")
        if low > high:
            raise CommandError(f"SET_TEMPERATURE_FAN_TARGET: MIN_SPEED {low:g} is above MAX_SPEED {high:g}")
        wanted = _default_target(self.config) if target is None else target
        config = self.config
        if wanted != 0.0 and not config.min_temp <= wanted <= config.max_temp:
            raise CommandError(
                f"Requested temperature {wanted:g} for [{self.section}] is not within min_temp "
                f"{config.min_temp:g} and max_temp {config.max_temp:g}"
            )
        self.target, self.min_speed, self.max_speed = wanted, low, high

    def ready(self) -> None:
        """The printer is ready."""
        self.thermometer.start()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: the micro-controller sets C{shutdown_speed}."""
        self._down = True
        self._output.close(alive=False)

    async def close(self) -> None:
        """The printer goes away; what was hot keeps its fan."""
        self.thermometer.stop()
        self.shutdown("")

    def status(self, eventtime: float) -> TemperatureFanStatus:
        """See L{TemperatureFanStatus}."""
        fan = self._output.status()
        return TemperatureFanStatus(fan.speed, fan.rpm, round(self.temperature, 2), self.target)


def _default_target(config: TemperatureFanConfig) -> float:
    return min(40.0, config.max_temp) if config.target_temp is None else config.target_temp


def build_temperature_fan(
    config: TemperatureFanConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> TemperatureFan:
    """Build the fan and its sensor."""
    gauge = Gauge(fitter.clock, config.smooth_time)
    output = build_fan_output(config.fan, fitter.board, fitter.clock, config.fan.max_power)
    fan = TemperatureFan(identity.section, identity.name, config, gauge, output, config.gcode_id)
    limits = (config.min_temp, config.max_temp)
    fan.thermometer = fitter.fit(sensor_type, config.sensor, identity, limits, fan.read)
    fitter.heaters.add_sensor(fan)
    return fan


temperature_fan = PrinterObject("temperature_fan *", TemperatureFanConfig, build_temperature_fan)
