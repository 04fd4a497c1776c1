"""C{[heater_fan NAME]}: a fan that runs while a heater is on or still hot."""

from collections.abc import Sequence
from typing import Annotated

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.objects import Named, PrinterObject, group, option
from klipperd.printer.fan_output import FanConfig, FanOutput, FanStatus, build_fan_output
from klipperd.printer.heater import Heater
from klipperd.printer.regular import Regular

__all__ = ["HeaterFan", "HeaterFanConfig", "build_heater_fan"]


@frozen(kw_only=True)
class HeaterFanConfig:
    """C{[heater_fan NAME]}."""

    fan: FanConfig = group()
    heater: tuple[str, ...] = option(("extruder",), doc="heaters, any of which turns the fan on")
    heater_temp: float = option(50.0, unit="C", doc="the fan stays on until the heaters are below this")
    fan_speed: float = option(1.0, minimum=0.0, maximum=1.0, doc="speed while it is on")


@define(eq=False, repr=False)
class HeaterFan:
    """One fan and its heaters."""

    _config: HeaterFanConfig
    _output: FanOutput
    _heaters: Sequence[Heater]
    _clock: IReactorTime
    _regular: Regular = field(init=False)
    _down: bool = field(init=False, default=False)

    @_regular.default
    def _make_regular(self) -> Regular:
        return Regular(self._clock, 1.0, self._update)

    def _update(self) -> None:
        on = any(h.target > 0.0 or h.temperature > self._config.heater_temp for h in self._heaters)
        self._output.set_soon(self._config.fan_speed if on else 0.0)

    def ready(self) -> None:
        """The printer is ready."""
        self._regular.start()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: the micro-controller sets C{shutdown_speed}."""
        self._down = True
        self._regular.stop()
        self._output.close(alive=False)

    async def close(self) -> None:
        """The printer goes away; a hot heater keeps its fan."""
        self._regular.stop()
        self._output.close(alive=False)

    def status(self, eventtime: float) -> FanStatus:
        """See L{FanStatus}."""
        return self._output.status()


def build_heater_fan(
    config: HeaterFanConfig,
    board: Board,
    clock: IReactorTime,
    heaters: Annotated[Sequence[Heater], Named("heater")],
) -> HeaterFan:
    """Build the fan."""
    output = build_fan_output(config.fan, board, clock, config.fan.max_power)
    return HeaterFan(config, output, heaters, clock)


heater_fan = PrinterObject("heater_fan *", HeaterFanConfig, build_heater_fan)
