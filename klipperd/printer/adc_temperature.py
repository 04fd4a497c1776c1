"""C{[adc_temperature NAME]}, and the amplifiers and platinum sensors that every configuration knows."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from klipperd.objects import Identity, Pin, PrinterObject, option, options_named
from klipperd.printer.analog_sensor import AnalogSensor
from klipperd.printer.thermometer import CustomSensorConfig, Fitting, SensorType, Thermometer, built_in
from klipperd.thermal.conversion import Conversion, DividedResistance, ResistanceTable, ScaledVoltage
from klipperd.thermal.interpolation import Interpolation
from klipperd.thermal.parts import PT1000, amplifier

__all__ = ["AdcTemperatureConfig", "AmplifierOptions", "PlatinumOptions", "build_adc_temperature"]


@frozen(kw_only=True)
class AmplifierOptions:
    """What a section with an amplified sensor may say about it."""

    sensor_type: str = option(doc="the amplifier")
    sensor_pin: Pin = option(doc="analog input that the amplifier is connected to")
    adc_voltage: float = option(5.0, unit="V", above=0.0, doc="reference voltage of the analog input")
    voltage_offset: float = option(0.0, unit="V", doc="voltage that is added at the analog input")


@frozen(kw_only=True)
class PlatinumOptions:
    """What a section with a PT1000 at the analog input may say about it."""

    sensor_type: str = option(doc="the sensor")
    sensor_pin: Pin = option(doc="analog input that the sensor is connected to")
    pullup_resistor: float = option(4700.0, unit="ohm", above=0.0, doc="pull-up at the sensor's input")


@frozen(kw_only=True)
class AdcTemperatureConfig:
    """C{[adc_temperature NAME]}: a sensor by two or more measurements, straight lines between them."""

    temperatures: Mapping[str, str] = options_named("temperature", doc="temperature of point 1, 2, ... (C)")
    voltages: Mapping[str, str] = options_named("voltage", doc="voltage at that point (V)")
    resistances: Mapping[str, str] = options_named("resistance", doc="or resistance at that point (ohm)")

    def check(self) -> Iterator[tuple[str, str]]:
        """Numbered pairs of numbers, all of volt or all of ohm, and a monotonic curve."""
        quantity, values = self._quantity()
        if self.voltages and self.resistances:
            yield "resistance1", "give either voltages or resistances, not both"
            return
        pairs = (
            ("temperature", self.temperatures, quantity, values),
            (quantity, values, "temperature", self.temperatures),
        )
        for name, mapping, other_name, other in pairs:
            for number, text in mapping.items():
                if number not in other:
                    yield other_name + number, f"is missing, while {name}{number} is there"
                elif not _is_number(text):
                    yield name + number, f"{text!r} is not a number"
        try:
            self.table()
        except ValueError as problem:
            yield "temperature1", str(problem)

    def _quantity(self) -> tuple[str, Mapping[str, str]]:
        return ("resistance", self.resistances) if self.resistances else ("voltage", self.voltages)

    def table(self) -> Interpolation:
        """The points as a curve. @raise ValueError: when they are no curve."""
        _, values = self._quantity()
        points = [(float(t), float(values[n])) for n, t in self.temperatures.items() if n in values]
        return Interpolation(points)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def build_adc_temperature(config: AdcTemperatureConfig, identity: Identity) -> SensorType:
    """The sensor type that a section describes."""
    table, by_resistance = config.table(), bool(config.resistances)

    def fit(options: CustomSensorConfig, fitting: Fitting) -> Thermometer:
        conversion: Conversion
        if by_resistance:
            curve = ResistanceTable(table)
            conversion = DividedResistance(curve, options.pullup_resistor, options.inline_resistor)
        else:
            conversion = ScaledVoltage(table, options.adc_voltage, options.voltage_offset)
        return AnalogSensor(fitting, options.sensor_pin, options.sensor_type, conversion)

    return SensorType(CustomSensorConfig, fit)


def _amplifier(name: str) -> PrinterObject:
    def fit(options: AmplifierOptions, fitting: Fitting) -> Thermometer:
        conversion = ScaledVoltage(amplifier(name), options.adc_voltage, options.voltage_offset)
        return AnalogSensor(fitting, options.sensor_pin, name, conversion)

    return built_in(name, SensorType(AmplifierOptions, fit))


def _fit_pt1000(options: PlatinumOptions, fitting: Fitting) -> Thermometer:
    conversion = DividedResistance(PT1000, options.pullup_resistor)
    return AnalogSensor(fitting, options.sensor_pin, options.sensor_type, conversion)


adc_temperature = PrinterObject("adc_temperature *", AdcTemperatureConfig, build_adc_temperature)

pt1000 = built_in("PT1000", SensorType(PlatinumOptions, _fit_pt1000))
pt100_ina826 = _amplifier("PT100 INA826")
ad595 = _amplifier("AD595")
ad597 = _amplifier("AD597")
ad8494 = _amplifier("AD8494")
ad8495 = _amplifier("AD8495")
ad8496 = _amplifier("AD8496")
ad8497 = _amplifier("AD8497")
