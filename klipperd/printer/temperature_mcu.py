"""C{sensor_type: temperature_mcu}: the temperature sensor inside a micro-controller."""

from collections.abc import Iterator

from attrs import frozen

from klipperd.objects import Pin, option
from klipperd.objects.values import nearest
from klipperd.printer.analog_sensor import AnalogSensor
from klipperd.printer.thermometer import Fitting, SensorType, Thermometer, built_in
from klipperd.thermal.chips import Chip, find_chip
from klipperd.thermal.conversion import StraightRatio

__all__ = ["McuTemperatureOptions"]

_PIN = "ADC_TEMPERATURE"


@frozen(kw_only=True)
class McuTemperatureOptions:
    """What a section with a micro-controller's own temperature may say about it."""

    sensor_type: str = option(doc="the sensor")
    sensor_mcu: str = option("mcu", doc="the micro-controller")
    sensor_temperature1: float | None = option(None, unit="C", doc="a known temperature")
    sensor_adc1: float | None = option(None, minimum=0.0, maximum=1.0, doc="reading at sensor_temperature1")
    sensor_temperature2: float | None = option(None, unit="C", doc="another known temperature")
    sensor_adc2: float | None = option(None, minimum=0.0, maximum=1.0, doc="reading at sensor_temperature2")

    def check(self) -> Iterator[tuple[str, str]]:
        """Calibrations come in pairs, the second after the first."""
        for number in ("1", "2"):
            temperature = getattr(self, f"sensor_temperature{number}")
            if (temperature is None) != (getattr(self, f"sensor_adc{number}") is None):
                name = f"sensor_temperature{number}" if temperature is None else f"sensor_adc{number}"
                yield name, "is missing: temperature and reading go together"
        if self.sensor_adc2 is not None and self.sensor_adc1 in (None, self.sensor_adc2):
            yield "sensor_adc2", "needs a sensor_adc1 that differs from it"

    def conversion(self, chip: Chip | None) -> StraightRatio | None:
        """The line through the calibration's points, or along the chip's slope; None when it takes a chip
        that is not known."""
        if self.sensor_temperature1 is None or self.sensor_adc1 is None:
            return None if chip is None else StraightRatio(*chip.point, chip.slope)
        if self.sensor_temperature2 is None or self.sensor_adc2 is None:
            known = (self.sensor_temperature1, self.sensor_adc1)
            return None if chip is None else StraightRatio(*known, chip.slope)
        rise = self.sensor_temperature2 - self.sensor_temperature1
        slope = rise / (self.sensor_adc2 - self.sensor_adc1)
        return StraightRatio(self.sensor_temperature1, self.sensor_adc1, slope)


def _fit(options: McuTemperatureOptions, fitting: Fitting) -> Thermometer:
    mcu = fitting.board.mcus.get(options.sensor_mcu)
    if mcu is None:
        known = list(fitting.board.mcus)
        hint = nearest(options.sensor_mcu, known)
        raise ValueError(f"sensor_mcu: there is no MCU {options.sensor_mcu!r}{hint}")
    kind = str(mcu.dictionary.constants.get("MCU", ""))
    conversion = options.conversion(find_chip(kind))
    if conversion is None:
        raise ValueError(
            f"nothing is known of the sensor of a {kind or 'micro-controller of this kind'}: calibrate it by "
            "sensor_temperature1, sensor_adc1, sensor_temperature2 and sensor_adc2"
        )
    prefix = "" if options.sensor_mcu == "mcu" else f"{options.sensor_mcu}:"
    return AnalogSensor(fitting, Pin(prefix + _PIN), options.sensor_type, conversion)


temperature_mcu = built_in("temperature_mcu", SensorType(McuTemperatureOptions, _fit))
