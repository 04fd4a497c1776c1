"""Temperature sensors at an analog input of a micro-controller, which checks their range by itself.

The range goes to the micro-controller as ADC limits: after four readings in a row outside of them it shuts
down on its own. It does not say which input it was, so that the last reading is kept here to name it.
"""

from attrs import define, field

from klipperd.objects import Pin
from klipperd.printer.thermometer import REPORT_TIME, Fitting
from klipperd.thermal.conversion import Conversion

__all__ = ["AnalogSensor"]

_SAMPLE_TIME = 0.001
_SAMPLE_COUNT = 8


@define(eq=False, repr=False)
class AnalogSensor:
    """A L{klipperd.printer.thermometer.Thermometer} at an analog input."""

    _fitting: Fitting
    _pin: Pin
    _kind: str
    _conversion: Conversion
    ratio: float | None = field(init=False, default=None)
    """The last reading, 0 to 1 of the reference."""
    _limits: tuple[float, float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        fitting = self._fitting
        ends = (self._conversion.ratio(fitting.minimum), self._conversion.ratio(fitting.maximum))
        self._limits = (min(max(min(ends), 0.0), 1.0), min(max(max(ends), 0.0), 1.0))
        adc = fitting.board.adc_in(
            self._pin,
            sample_time=_SAMPLE_TIME,
            sample_count=_SAMPLE_COUNT,
            report_time=REPORT_TIME,
            minimum=self._limits[0],
            maximum=self._limits[1],
            on_reading=self._read,
        )
        adc.mcu.on_fault(self._explain_fault)

    def _read(self, print_time: float, ratio: float) -> None:
        self.ratio = ratio
        self._fitting.on_reading(print_time, self._conversion.temperature(ratio))

    def start(self) -> None:
        """Readings come from the micro-controller as soon as it is configured."""

    def stop(self) -> None:
        """The readings end with the micro-controller's configuration."""

    def explain(self) -> str | None:
        """See L{klipperd.printer.thermometer.Thermometer}."""
        low, high = self._limits
        if self.ratio is None or low <= self.ratio <= high:
            return None
        fitting = self._fitting
        celsius = self._conversion.temperature(self.ratio)
        return (
            f"The temperature sensor of [{fitting.section}] ({self._kind} at {self._pin}) reads "
            f"{celsius:.1f} C (ADC {self.ratio:.4f}), {fitting.broken_limit(celsius)}. "
            f"{self._advice(self.ratio)}"
        )

    def _explain_fault(self, reason: str) -> str | None:
        return self.explain() if "ADC out of range" in reason else None

    def _advice(self, ratio: float) -> str:
        if ratio > 0.99:
            return "That is an open circuit: check its plug, its wires and the sensor for a break."
        if ratio < 0.01:
            return "That is a short circuit or no supply: check its wires for bare spots, and sensor_pin."
        return (
            "Check that the part is really that hot or cold, its wires for a loose contact, and sensor_type, "
            "pullup_resistor and the limits in the configuration."
        )
