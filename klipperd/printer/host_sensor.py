"""Temperature sensors that the host reads by itself, at intervals; it checks their range too."""

from collections.abc import Callable

from attrs import define, field

from klipperd.printer.regular import Regular
from klipperd.printer.thermometer import Fitting

__all__ = ["HostSensor"]


@define(eq=False, repr=False)
class HostSensor:
    """A L{klipperd.printer.thermometer.Thermometer} that C{measure()} reads, None when it cannot now."""

    _fitting: Fitting
    _kind: str
    _measure: Callable[[], float | None]
    _seconds: float = 1.0
    _last: float | None = field(init=False, default=None)
    _regular: Regular = field(init=False)

    @_regular.default
    def _make_regular(self) -> Regular:
        return Regular(self._fitting.clock, self._seconds, self._take)

    def _take(self) -> None:
        celsius = self._measure()
        if celsius is None:
            return
        self._last = celsius
        explained = self.explain()
        if explained is not None:
            self._fitting.host.shutdown(explained)
            return
        self._fitting.on_reading(self._fitting.clock.seconds(), celsius)

    def start(self) -> None:
        """Begin to measure."""
        self._regular.start()

    def stop(self) -> None:
        """Measure no more."""
        self._regular.stop()

    def explain(self) -> str | None:
        """See L{klipperd.printer.thermometer.Thermometer}."""
        fitting = self._fitting
        if self._last is None or fitting.minimum <= self._last <= fitting.maximum:
            return None
        return (
            f"The temperature sensor of [{fitting.section}] ({self._kind}) reads {self._last:.1f} C, "
            f"{fitting.broken_limit(self._last)}. Check that the part is really that hot or cold, and the "
            "limits in the configuration."
        )
