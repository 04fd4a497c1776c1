"""C{sensor_type: temperature_combined}: a temperature made of those of other sections."""

from collections.abc import Callable, Sequence
from typing import Literal

from attrs import define, frozen

from klipperd.objects import option
from klipperd.printer.host_sensor import HostSensor
from klipperd.printer.thermometer import REPORT_TIME, Fitting, SensorType, Thermometer, built_in

__all__ = ["CombinedOptions"]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_METHODS: dict[str, Callable[[Sequence[float]], float]] = {"min": min, "max": max, "mean": _mean}
_PATIENCE = 5.0


@frozen(kw_only=True)
class CombinedOptions:
    """What a section with a combined temperature may say about it."""

    sensor_type: str = option(doc="the sensor")
    sensor_list: tuple[str, ...] = option(doc="sections whose temperatures are combined")
    combination_method: Literal["max", "min", "mean"] = option(doc="what is made of them")
    maximum_deviation: float = option(
        above=0.0, unit="C", doc="the printer shuts down when the sensors differ by more (999.9: never)"
    )


@define(eq=False, repr=False)
class _Combined:
    """Reads the other sections; gives None unless all have a recent reading."""

    options: CombinedOptions
    fitting: Fitting
    started: float | None = None

    def measure(self) -> float | None:
        now = self.fitting.clock.seconds()
        self.started = now if self.started is None else self.started
        try:
            found = {name: self.fitting.others.temperature_of(name) for name in self.options.sensor_list}
        except KeyError as unknown:
            self.fitting.host.shutdown(f"[{self.fitting.section}] sensor_list: there is no sensor {unknown}")
            return None
        values = [temperature for temperature in found.values() if temperature is not None]
        if len(values) < len(found):
            return None
        self._check_deviation(now, found, max(values) - min(values))
        return _METHODS[self.options.combination_method](values)

    def _check_deviation(self, now: float, found: dict[str, float | None], deviation: float) -> None:
        assert self.started is not None
        # Readings of the first seconds are not smoothed yet, and some sensors start later than others.
        if deviation <= self.options.maximum_deviation or now - self.started <= _PATIENCE:
            return
        readings = ", ".join(f"{name} {value:.1f}" for name, value in found.items() if value is not None)
        self.fitting.host.shutdown(
            f"The sensors that [{self.fitting.section}] combines differ by {deviation:.1f} C, "
            f"maximum_deviation is {self.options.maximum_deviation:g} C: {readings}. Check that all of them "
            "sit firmly."
        )


def _fit(options: CombinedOptions, fitting: Fitting) -> Thermometer:
    combined = _Combined(options, fitting)
    return HostSensor(fitting, "temperature_combined", combined.measure, REPORT_TIME)


temperature_combined = built_in("temperature_combined", SensorType(CombinedOptions, _fit))
