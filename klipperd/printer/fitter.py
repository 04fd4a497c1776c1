"""Fits temperature sensors to the sections that have one."""

from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import ConfigError
from klipperd.mcu.board import Board
from klipperd.objects import Identity, PrinterObject
from klipperd.objects.services import HostControl, HostSettings, Offline
from klipperd.printer.heater_options import HeaterConfig
from klipperd.printer.heaters import Heaters
from klipperd.printer.thermometer import Fitting, Gauge, ModelGauge, NoOptions, SensorType, Thermometer

__all__ = ["Fitter", "build_fitter"]


@define(eq=False, repr=False)
class Fitter:
    """What it takes to fit a sensor, in one place."""

    board: Board
    clock: IReactorTime
    heaters: Heaters
    _host: HostControl
    _offline: Offline | None = None

    def gauge(self, section: str, config: HeaterConfig) -> Gauge:
        """A heater's gauge, which only thinks of a temperature where there is no hardware."""
        if self._offline is not None:
            return ModelGauge(self.clock, config.smooth_time, self._offline.heat(section, config, self.clock))
        return Gauge(self.clock, config.smooth_time)

    def fit(
        self,
        sensor_type: SensorType,
        options: Any,
        identity: Identity,
        limits: tuple[float, float],
        on_reading: Callable[[float, float], None],
    ) -> Thermometer:
        """Fit a sensor to the section of C{identity}, whose min_temp and max_temp are C{limits}.

        @raise ConfigError: that names the section, where the sensor's data cannot be used.
        """
        fitting = Fitting(
            identity.section, limits, on_reading, self.board, self.clock, self._host, self.heaters
        )
        try:
            return sensor_type.fit(options, fitting)
        except ValueError as error:
            place, section = identity.place, identity.section
            raise ConfigError.single(str(error), place, section, "sensor_type") from error


def build_fitter(
    config: NoOptions,
    board: Board,
    clock: IReactorTime,
    heaters: Heaters,
    host: HostControl,
    settings: HostSettings,
) -> Fitter:
    """Build the fitter."""
    return Fitter(board, clock, heaters, host, settings.offline)


fitter = PrinterObject("fitter", NoOptions, build_fitter, internal=True)
