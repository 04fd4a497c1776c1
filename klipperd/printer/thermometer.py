"""How a section gets its temperature: what a C{sensor_type} is, and the readings that it delivers.

Each C{sensor_type} is a printer object that gives a L{SensorType}: those that are built in (declared by
L{built_in} in C{thermistor.py}, C{adc_temperature.py}, C{temperature_host.py}, ...) and the sections
C{[thermistor NAME]} and C{[adc_temperature NAME]}. A section with a sensor has the field
C{sensor: SensorConfig = sensor_options()} and its build function the parameter
C{sensor_type: Annotated[SensorType, Named("sensor_type")]}.
"""

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.objects import Pin, PrinterObject, choose, option
from klipperd.objects.services import HeatModel, HostControl
from klipperd.thermal.smoothing import Smoothed

__all__ = [
    "REPORT_TIME",
    "CustomSensorConfig",
    "Fitting",
    "Gauge",
    "ModelGauge",
    "NoOptions",
    "SensorType",
    "Temperatures",
    "Thermometer",
    "built_in",
    "limits_problem",
    "sensor_options",
]

REPORT_TIME = 0.3
"""Seconds from one reading of an analog sensor to the next."""

_STALE_AFTER = 5.0
_ABSOLUTE_ZERO = -273.15


class Temperatures(Protocol):
    """Gives the temperatures of other sections to sensors that combine them."""

    def temperature_of(self, name: str) -> float | None:
        """Degrees Celsius of a section's sensor, None without a recent reading.

        @raise KeyError: for unknown names.
        """


@frozen
class Fitting:
    """Where a sensor is fitted: the section it serves, its limits, and where its readings go."""

    section: str
    limits: tuple[float, float]
    """min_temp and max_temp, degrees Celsius."""
    on_reading: Callable[[float, float], None]
    """Called with seconds (of a clock that runs evenly) and degrees Celsius."""
    board: Board
    clock: IReactorTime
    host: HostControl
    others: Temperatures

    @property
    def minimum(self) -> float:
        """min_temp."""
        return self.limits[0]

    @property
    def maximum(self) -> float:
        """max_temp."""
        return self.limits[1]

    def broken_limit(self, celsius: float) -> str:
        """Which limit a temperature breaks, in words."""
        if celsius < self.minimum:
            return f"below min_temp {self.minimum:g} C"
        return f"above max_temp {self.maximum:g} C"


class Thermometer(Protocol):
    """A fitted sensor."""

    def start(self) -> None:
        """Begin to deliver readings, once the printer is ready."""

    def stop(self) -> None:
        """Deliver no more."""

    def explain(self) -> str | None:
        """What is wrong with the last reading and what to check, None when it is within its limits."""


@frozen
class SensorType:
    """What a C{sensor_type} stands for: the options it adds to a section, and how it is fitted there."""

    options: type
    fit: Callable[[Any, Fitting], Thermometer]


@frozen(kw_only=True)
class CustomSensorConfig:
    """Options beside the name of a C{[thermistor]} or C{[adc_temperature]} section."""

    sensor_type: str = option(doc="name of a [thermistor] or [adc_temperature] section")
    sensor_pin: Pin = option(doc="analog input that the sensor is connected to")
    pullup_resistor: float = option(4700.0, unit="ohm", above=0.0, doc="pull-up at the sensor's input")
    inline_resistor: float = option(0.0, unit="ohm", minimum=0.0, doc="resistor in series with the sensor")
    adc_voltage: float = option(5.0, unit="V", above=0.0, doc="reference voltage of the analog input")
    voltage_offset: float = option(0.0, unit="V", doc="voltage that is added at the analog input")


_KINDS: dict[str, type] = {}


def sensor_options() -> Any:
    """A field with the options of the sensor that the option C{sensor_type} names."""
    return choose("sensor_type", _KINDS, otherwise=CustomSensorConfig, doc="kind of the temperature sensor")


@frozen(kw_only=True)
class NoOptions:
    """The config class of objects without a section of their own."""


def built_in(name: str, sensor_type: SensorType) -> PrinterObject:
    """The declaration of a C{sensor_type} that every configuration knows."""
    _KINDS[name] = sensor_type.options

    def build(config: NoOptions) -> SensorType:
        return sensor_type

    return PrinterObject(name, NoOptions, build, internal=True)


def limits_problem(min_temp: float, max_temp: float) -> str | None:
    """What is wrong with a pair of limits."""
    return None if max_temp > min_temp else f"{max_temp:g} must be above min_temp, which is {min_temp:g}"


@define(eq=False, repr=False)
class Gauge:
    """The smoothed temperature of one section, and the extremes seen."""

    _clock: IReactorTime
    smooth_time: float
    """Seconds."""
    last: float = field(init=False, default=0.0)
    """The last reading as it came, degrees Celsius."""
    lowest: float = field(init=False, default=99999999.0)
    highest: float = field(init=False, default=0.0)
    _smoothed: Smoothed = field(init=False)
    _seen: float | None = field(init=False, default=None)

    @_smoothed.default
    def _make_smoothed(self) -> Smoothed:
        return Smoothed(self.smooth_time)

    def take(self, time: float, celsius: float) -> float:
        """Take in a reading; gives the smoothed temperature."""
        self.last, self._seen = celsius, self._clock.seconds()
        self.lowest, self.highest = min(self.lowest, celsius), max(self.highest, celsius)
        return self._smoothed.update(time, celsius)

    @property
    def fresh(self) -> bool:
        """Whether a reading came within the last seconds."""
        return self._seen is not None and self._clock.seconds() - self._seen <= _STALE_AFTER

    @property
    def temperature(self) -> float:
        """The smoothed temperature, degrees Celsius; 0 when no reading came for 5 seconds."""
        return self._smoothed.value if self.fresh else 0.0

    def aim(self, celsius: float) -> None:
        """The target has changed; nothing to a gauge that measures."""

    @property
    def settled(self) -> bool | None:
        """Whether the temperature has arrived, where the gauge knows better than the control."""
        return None


@define(eq=False, repr=False)
class ModelGauge(Gauge):
    """A gauge at a heater that is only thought of."""

    _model: HeatModel

    def aim(self, celsius: float) -> None:
        """See L{HeatModel.aim}."""
        self._model.aim(celsius)

    @property
    def settled(self) -> bool:
        """See L{HeatModel.settled}."""
        return self._model.settled

    @property
    def fresh(self) -> bool:
        """A thought is always fresh."""
        return True

    @property
    def temperature(self) -> float:
        """See L{HeatModel.temperature}."""
        return self._model.temperature
