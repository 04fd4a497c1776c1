"""The sensors that users name in C{sensor_type}: curves from manufacturers' data.

To add a thermistor, add a line to C{THERMISTORS} and one to L{klipperd.printer.thermistor}.
"""

from collections.abc import Callable
from functools import cache

from klipperd.thermal.interpolation import Interpolation
from klipperd.thermal.platinum import Platinum
from klipperd.thermal.thermistor import Thermistor, from_beta, from_points
from klipperd.thermal.thermocouple import type_j, type_k

__all__ = ["AMPLIFIERS", "PT1000", "THERMISTORS", "amplifier"]

# Each three points are rows of the maker's resistance table; where a maker states beta, it is used.
THERMISTORS: dict[str, Thermistor] = {
    "EPCOS 100K B57560G104F": from_points([(25.0, 100e3), (150.0, 1641.9), (250.0, 226.15)]),
    "ATC Semitec 104GT-2": from_points([(20.0, 126.8e3), (150.0, 1360.0), (300.0, 80.65)]),
    "ATC Semitec 104NT-4-R025H42G": from_points([(25.0, 100e3), (160.0, 1074.0), (300.0, 82.78)]),
    "Generic 3950": from_points([(25.0, 100e3), (150.0, 1770.0), (250.0, 230.0)]),
    "Honeywell 100K 135-104LAG-J01": from_beta(25.0, 100e3, 3974.0),
    "NTC 100K MGB18-104F39050L32": from_beta(25.0, 100e3, 4100.0),
    "SliceEngineering 450": from_points([(25.0, 500e3), (200.0, 3734.0), (400.0, 240.0)]),
    "TDK NTCG104LH104JT1": from_points([(25.0, 100e3), (50.0, 31.23e3), (125.0, 2066.0)]),
}

PT1000 = Platinum(1000.0)


def _amplified(millivolt: Callable[[float], float], gain: float, offset: float) -> Callable[[float], float]:
    return lambda t: (millivolt(t) + offset) * gain * 1e-3


def _pt100_ina826(temperature: float) -> float:
    """A PT100 under 4.4 kilohm at 5 V, amplified ten times (the usual PT100 board with an INA826)."""
    resistance = Platinum(100.0).resistance(temperature)
    return 10.0 * 5.0 * resistance / (4400.0 + resistance)


def _trimmed(millivolt: Callable[[float], float], gain: float, at: float) -> Callable[[float], float]:
    """An amplifier trimmed to exactly 5 mV/C at C{at} degrees (AD849x data sheet: 25 or 60 C)."""
    return _amplified(millivolt, gain, at * 5.0 / gain - millivolt(at))


# Volt at a temperature, and the range in which the data sheet says so. AD595: (V_K + 11 uV) * 247.3;
# AD597: V_K * 245.46; AD8494 to AD8497: 96.7, 122.4, 90.35 and 122.4 times the thermocouple's voltage.
AMPLIFIERS: dict[str, tuple[Callable[[float], float], float, float]] = {
    "PT100 INA826": (_pt100_ina826, -50.0, 850.0),
    "AD595": (_amplified(type_k, 247.3, 0.011), -200.0, 1250.0),
    "AD597": (_amplified(type_k, 245.46, 0.0), -200.0, 1250.0),
    "AD8494": (_trimmed(type_j, 96.7, 25.0), -180.0, 760.0),
    "AD8495": (_trimmed(type_k, 122.4, 25.0), -200.0, 1250.0),
    "AD8496": (_trimmed(type_j, 90.35, 60.0), -180.0, 760.0),
    "AD8497": (_trimmed(type_k, 122.4, 60.0), -200.0, 1250.0),
}


@cache
def amplifier(name: str) -> Interpolation:
    """The voltage curve of one of C{AMPLIFIERS}, tabulated every 5 degrees."""
    volt, lowest, highest = AMPLIFIERS[name]
    steps = round((highest - lowest) / 5.0)
    return Interpolation((lowest + 5.0 * i, volt(lowest + 5.0 * i)) for i in range(steps + 1))
