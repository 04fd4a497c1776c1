"""C{[fan]}: the fan that cools the print, M106 and M107."""

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, PrinterObject, command, group, param
from klipperd.printer.fan_output import FanConfig, FanOutput, FanStatus, build_fan_output

__all__ = ["Fan", "PartFanConfig", "build_fan"]


@frozen(kw_only=True)
class PartFanConfig:
    """C{[fan]}."""

    fan: FanConfig = group()


@define(eq=False, repr=False)
class Fan:
    """The part-cooling fan; it changes in step with the moves before the command."""

    _output: FanOutput
    _toolhead: Toolhead
    _down: bool = field(init=False, default=False)

    @command("M106")
    async def set_speed(
        self, call: Call, *, speed: float = param(255.0, name="S", minimum=0.0, doc="0 to 255")
    ) -> None:
        """Set the speed of the part-cooling fan"""
        self._set(min(speed / 255.0, 1.0))

    @command("M107")
    async def turn_off(self, call: Call) -> None:
        """Turn the part-cooling fan off"""
        self._set(0.0)

    def _set(self, speed: float) -> None:
        self._toolhead.on_print_time(lambda print_time: self._output.set(print_time, speed))

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        self._down = True
        self._output.close(alive=False)

    async def close(self) -> None:
        """The printer goes away."""
        self._output.close(alive=not self._down)

    def status(self, eventtime: float) -> FanStatus:
        """See L{FanStatus}."""
        return self._output.status()


def build_fan(config: PartFanConfig, board: Board, clock: IReactorTime, toolhead: Toolhead) -> Fan:
    """Build the fan."""
    return Fan(build_fan_output(config.fan, board, clock, 0.0), toolhead)


fan = PrinterObject("fan", PartFanConfig, build_fan)
