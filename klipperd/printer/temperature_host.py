"""C{sensor_type: temperature_host}: the temperature of the machine that the host runs on."""

from attrs import frozen
from twisted.logger import Logger

from klipperd.objects import option
from klipperd.printer.host_sensor import HostSensor
from klipperd.printer.thermometer import Fitting, SensorType, Thermometer, built_in

__all__ = ["HostTemperatureOptions"]

_log = Logger()


@frozen(kw_only=True)
class HostTemperatureOptions:
    """What a section with the host's temperature may say about it."""

    sensor_type: str = option(doc="the sensor")
    sensor_path: str = option(
        "/sys/class/thermal/thermal_zone0/temp", doc="file of the kernel with thousandths of a degree"
    )


def _fit(options: HostTemperatureOptions, fitting: Fitting) -> Thermometer:
    def measure() -> float | None:
        # A file of sysfs: its read is a function call of the kernel that takes microseconds.
        try:
            with open(options.sensor_path, encoding="ascii") as source:
                return float(source.read()) / 1000.0
        except (OSError, ValueError) as error:
            _log.warn("[{section}] has no reading: {error}", section=fitting.section, error=error)
            return None

    return HostSensor(fitting, options.sensor_path, measure)


temperature_host = built_in("temperature_host", SensorType(HostTemperatureOptions, _fit))
