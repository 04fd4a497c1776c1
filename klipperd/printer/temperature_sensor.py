"""C{[temperature_sensor NAME]}: a temperature that is only shown."""

from collections.abc import Iterator
from typing import Annotated

from attrs import define, field, frozen

from klipperd.objects import Identity, Named, PrinterObject, option, status_field
from klipperd.printer.fitter import Fitter
from klipperd.printer.heaters import TemperatureSource
from klipperd.printer.thermometer import Gauge, SensorType, Thermometer, limits_problem, sensor_options

__all__ = [
    "TemperatureSensor",
    "TemperatureSensorConfig",
    "TemperatureSensorStatus",
    "build_temperature_sensor",
]


@frozen(kw_only=True)
class TemperatureSensorConfig:
    """C{[temperature_sensor NAME]}."""

    sensor: object = sensor_options()
    min_temp: float = option(
        -273.15, minimum=-273.15, unit="C", doc="lowest plausible temperature, else a shutdown"
    )
    max_temp: float = option(
        99999999.9, above=-273.15, unit="C", doc="highest plausible temperature, else a shutdown"
    )
    smooth_time: float = option(1.0, above=0.0, unit="s", doc="time over which readings are smoothed")
    gcode_id: str | None = option(None, doc="what M105 calls it; not shown there without")

    def check(self) -> Iterator[tuple[str, str]]:
        """The limits are in order."""
        problem = limits_problem(self.min_temp, self.max_temp)
        if problem is not None:
            yield "max_temp", problem


@frozen
class TemperatureSensorStatus:
    """Status of C{temperature_sensor}."""

    temperature: float = status_field(doc="last temperature, smoothed (degrees Celsius)")
    measured_min_temp: float = status_field(doc="lowest temperature since the start")
    measured_max_temp: float = status_field(doc="highest temperature since the start")


@define(eq=False, repr=False)
class TemperatureSensor(TemperatureSource):
    """One sensor."""

    section: str
    name: str
    gauge: Gauge
    gcode_id: str | None
    thermometer: Thermometer = field(init=False)

    def read(self, time: float, celsius: float) -> None:
        """Take in a reading of C{time} (s)."""
        self.gauge.take(time, celsius)

    def ready(self) -> None:
        """The printer is ready."""
        self.thermometer.start()

    async def close(self) -> None:
        """The printer goes away."""
        self.thermometer.stop()

    def status(self, eventtime: float) -> TemperatureSensorStatus:
        """See L{TemperatureSensorStatus}."""
        gauge = self.gauge
        return TemperatureSensorStatus(
            round(gauge.temperature, 2), round(gauge.lowest, 2), round(gauge.highest, 2)
        )


def build_temperature_sensor(
    config: TemperatureSensorConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> TemperatureSensor:
    """Build the sensor."""
    gauge = Gauge(fitter.clock, config.smooth_time)
    sensor = TemperatureSensor(identity.section, identity.name, gauge, config.gcode_id)
    limits = (config.min_temp, config.max_temp)
    sensor.thermometer = fitter.fit(sensor_type, config.sensor, identity, limits, sensor.read)
    fitter.heaters.add_sensor(sensor)
    return sensor


temperature_sensor = PrinterObject("temperature_sensor *", TemperatureSensorConfig, build_temperature_sensor)
