"""From what an ADC reads (0 to 1 of its reference) to degrees Celsius, and back."""

from typing import Protocol

from attrs import frozen

from klipperd.thermal.interpolation import Interpolation

__all__ = [
    "Conversion",
    "DividedResistance",
    "ResistanceCurve",
    "ResistanceTable",
    "ScaledVoltage",
    "StraightRatio",
]

_EDGE = 1e-5
"""Readings this near to 0 or 1 mean a short or an open circuit: kept off the poles of the formulas."""


class Conversion(Protocol):
    """What a reading means."""

    def temperature(self, ratio: float) -> float:
        """Degrees Celsius at a reading of C{ratio}."""

    def ratio(self, temperature: float) -> float:
        """The reading at C{temperature}."""


class ResistanceCurve(Protocol):
    """A sensor whose resistance depends on its temperature."""

    def temperature(self, resistance: float) -> float:
        """Degrees Celsius at C{resistance} (ohm)."""

    def resistance(self, temperature: float) -> float:
        """Ohm at C{temperature}."""


@frozen
class ResistanceTable:
    """A L{ResistanceCurve} from a table of ohm."""

    table: Interpolation

    def temperature(self, resistance: float) -> float:
        """See L{ResistanceCurve}."""
        return self.table.temperature(resistance)

    def resistance(self, temperature: float) -> float:
        """See L{ResistanceCurve}."""
        return self.table.quantity(temperature)


@frozen
class DividedResistance:
    """A sensor to ground under a pull-up of C{pullup} ohm, with C{inline} ohm in series with the sensor."""

    curve: ResistanceCurve
    pullup: float
    inline: float = 0.0

    def resistance(self, ratio: float) -> float:
        """The sensor's ohm at a reading of C{ratio}; never below a small positive value."""
        bounded = min(max(ratio, _EDGE), 1.0 - _EDGE)
        return max(self.pullup * bounded / (1.0 - bounded) - self.inline, _EDGE)

    def temperature(self, ratio: float) -> float:
        """See L{Conversion}."""
        return self.curve.temperature(self.resistance(ratio))

    def ratio(self, temperature: float) -> float:
        """See L{Conversion}."""
        total = self.curve.resistance(temperature) + self.inline
        return total / (self.pullup + total)


@frozen
class ScaledVoltage:
    """A sensor with a voltage output, read against C{reference} volt after an offset of C{offset} volt."""

    curve: Interpolation
    reference: float
    offset: float = 0.0

    def temperature(self, ratio: float) -> float:
        """See L{Conversion}."""
        return self.curve.temperature(ratio * self.reference - self.offset)

    def ratio(self, temperature: float) -> float:
        """See L{Conversion}."""
        return (self.curve.quantity(temperature) + self.offset) / self.reference


@frozen
class StraightRatio:
    """A sensor whose reading is C{reading} at C{celsius} and changes by 1 in C{slope} degrees."""

    celsius: float
    reading: float
    slope: float

    def temperature(self, ratio: float) -> float:
        """See L{Conversion}."""
        return self.celsius + (ratio - self.reading) * self.slope

    def ratio(self, temperature: float) -> float:
        """See L{Conversion}."""
        return self.reading + (temperature - self.celsius) / self.slope
