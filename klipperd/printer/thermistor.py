"""C{[thermistor NAME]}, and the thermistors that every configuration knows by the maker's name."""

from collections.abc import Iterator

from attrs import frozen

from klipperd.objects import Identity, Pin, PrinterObject, option
from klipperd.printer.analog_sensor import AnalogSensor
from klipperd.printer.thermometer import CustomSensorConfig, Fitting, SensorType, Thermometer, built_in
from klipperd.thermal.conversion import DividedResistance
from klipperd.thermal.parts import THERMISTORS
from klipperd.thermal.thermistor import Thermistor, from_beta, from_points

__all__ = ["ThermistorConfig", "ThermistorOptions", "build_thermistor"]


@frozen(kw_only=True)
class ThermistorOptions:
    """What a section with a thermistor may say about it."""

    sensor_type: str = option(doc="maker's name of the thermistor")
    sensor_pin: Pin = option(doc="analog input that the sensor is connected to")
    pullup_resistor: float = option(4700.0, unit="ohm", above=0.0, doc="pull-up at the sensor's input")
    inline_resistor: float = option(0.0, unit="ohm", minimum=0.0, doc="resistor in series with the sensor")


@frozen(kw_only=True)
class ThermistorConfig:
    """C{[thermistor NAME]}: a thermistor by three measurements, or by one and beta."""

    temperature1: float = option(doc="first temperature", unit="C", minimum=-273.15)
    resistance1: float = option(doc="resistance at temperature1", unit="ohm", above=0.0)
    temperature2: float | None = option(None, doc="second temperature", unit="C", minimum=-273.15)
    resistance2: float | None = option(None, doc="resistance at temperature2", unit="ohm", above=0.0)
    temperature3: float | None = option(None, doc="third temperature", unit="C", minimum=-273.15)
    resistance3: float | None = option(None, doc="resistance at temperature3", unit="ohm", above=0.0)
    beta: float | None = option(None, unit="K", above=0.0, doc="beta, instead of points 2 and 3")

    def check(self) -> Iterator[tuple[str, str]]:
        """Either beta or all three points, and a curve that falls."""
        if self.beta is not None:
            return
        for name in ("temperature2", "resistance2", "temperature3", "resistance3"):
            if getattr(self, name) is None:
                yield name, "is missing (give three points, or beta)"
                return
        try:
            self.curve()
        except ValueError as problem:
            yield "temperature1", str(problem)

    def curve(self) -> Thermistor:
        """The curve that the options describe. @raise ValueError: when they describe none."""
        if self.beta is not None:
            return from_beta(self.temperature1, self.resistance1, self.beta)
        assert self.temperature2 is not None and self.resistance2 is not None
        assert self.temperature3 is not None and self.resistance3 is not None
        return from_points(
            [
                (self.temperature1, self.resistance1),
                (self.temperature2, self.resistance2),
                (self.temperature3, self.resistance3),
            ]
        )


def _sensor_type(curve: Thermistor, options: type) -> SensorType:
    def fit(config: ThermistorOptions | CustomSensorConfig, fitting: Fitting) -> Thermometer:
        conversion = DividedResistance(curve, config.pullup_resistor, config.inline_resistor)
        return AnalogSensor(fitting, config.sensor_pin, config.sensor_type, conversion)

    return SensorType(options, fit)


def build_thermistor(config: ThermistorConfig, identity: Identity) -> SensorType:
    """The sensor type that a section describes."""
    return _sensor_type(config.curve(), CustomSensorConfig)


def _known(name: str) -> PrinterObject:
    return built_in(name, _sensor_type(THERMISTORS[name], ThermistorOptions))


thermistor = PrinterObject("thermistor *", ThermistorConfig, build_thermistor)

epcos_b57560g104f = _known("EPCOS 100K B57560G104F")
semitec_104gt_2 = _known("ATC Semitec 104GT-2")
semitec_104nt_4 = _known("ATC Semitec 104NT-4-R025H42G")
generic_3950 = _known("Generic 3950")
honeywell_135_104lag = _known("Honeywell 100K 135-104LAG-J01")
mgb18_104f39050l32 = _known("NTC 100K MGB18-104F39050L32")
slice_engineering_450 = _known("SliceEngineering 450")
tdk_ntcg104lh104jt1 = _known("TDK NTCG104LH104JT1")
