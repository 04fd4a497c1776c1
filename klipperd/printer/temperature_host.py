"""C{sensor_type: temperature_host}: the temperature of the machine that the host runs on."""

from attrs import define, frozen
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


@define(eq=False, repr=False)
class _File:
    """A temperature file of the kernel; each new problem with it is logged once."""

    path: str
    section: str
    problem: str = ""

    def read(self) -> float | None:
        """Degrees Celsius, None when it cannot be read."""
        # A file of sysfs: its read is a function call of the kernel that takes microseconds.
        try:
            with open(self.path, encoding="ascii") as source:
                celsius = float(source.read()) / 1000.0
        except (OSError, ValueError) as error:
            if str(error) != self.problem:
                self.problem = str(error)
                _log.warn("[{section}] has no reading: {error}", section=self.section, error=self.problem)
            return None
        self.problem = ""
        return celsius


def _fit(options: HostTemperatureOptions, fitting: Fitting) -> Thermometer:
    source = _File(options.sensor_path, fitting.section)
    return HostSensor(fitting, options.sensor_path, source.read)


temperature_host = built_in("temperature_host", SensorType(HostTemperatureOptions, _fit))
