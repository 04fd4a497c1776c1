"""The seam between M105 and the heaters."""

__all__ = ["TemperatureReport"]


class TemperatureReport:
    """Whoever knows the temperatures that M105 reports: the object that all heaters belong to."""

    def temperature_report(self) -> str:
        """The report as print hosts read it, such as C{B:24.0 /0.0 T0:25.0 /0.0}: sensor, measured and
        wanted degrees Celsius."""
        raise NotImplementedError
