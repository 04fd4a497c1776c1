"""QUERY_ADC: what the analog inputs read, as they come."""

from attrs import define

from klipperd.errors import CommandError
from klipperd.objects import Call, PrinterObject, command, param
from klipperd.objects.values import nearest
from klipperd.printer.analog_sensor import AnalogSensor
from klipperd.printer.heaters import Heaters
from klipperd.printer.thermometer import NoOptions

__all__ = ["QueryAdc", "build_query_adc"]


@define(eq=False, repr=False)
class QueryAdc:
    """Serves QUERY_ADC."""

    _heaters: Heaters

    def _inputs(self) -> dict[str, AnalogSensor]:
        fitted = ((s.section, s.thermometer) for s in self._heaters.sensors)
        return {section: sensor for section, sensor in fitted if isinstance(sensor, AnalogSensor)}

    @command("QUERY_ADC")
    async def query(
        self,
        call: Call,
        *,
        name: str | None = None,
        pullup: float | None = param(None, above=0.0, doc="ohm; report the resistance too"),
    ) -> None:
        """Report the last reading of an analog input"""
        inputs = self._inputs()
        if name is None:
            names = ", ".join(f'"{n}"' for n in inputs)
            call.info(f"Available ADC objects: {names}" if names else "Available ADC objects: none")
            return
        found = inputs.get(name)
        if found is None:
            raise CommandError(f"there is no analog input named {name!r}{nearest(name, inputs)}")
        if found.ratio is None:
            raise CommandError(f"[{name}] has no reading yet")
        ratio = found.ratio
        text = f'ADC object "{name}" has value {ratio:.6f}'
        if pullup is not None:
            bounded = max(1e-5, min(1.0 - 1e-5, ratio))
            text += f"\n resistance {pullup * bounded / (1.0 - bounded):.3f} (with {pullup:.0f} pullup)"
        call.info(text)


def build_query_adc(config: NoOptions, heaters: Heaters) -> QueryAdc:
    """Build the object that serves QUERY_ADC."""
    return QueryAdc(heaters)


query_adc = PrinterObject("query_adc", NoOptions, build_query_adc, internal=True)
