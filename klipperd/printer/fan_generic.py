"""C{[fan_generic NAME]}: a fan that is set by SET_FAN_SPEED."""

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, Identity, PrinterObject, command, group, param
from klipperd.printer.fan_output import FanConfig, FanOutput, FanStatus, build_fan_output

__all__ = ["FanGeneric", "FanGenericConfig", "build_fan_generic"]


@frozen(kw_only=True)
class FanGenericConfig:
    """C{[fan_generic NAME]}."""

    fan: FanConfig = group()


@define(eq=False, repr=False)
class FanGeneric:
    """One fan; it changes in step with the moves before the command."""

    name: str
    _output: FanOutput
    _toolhead: Toolhead
    _down: bool = field(init=False, default=False)

    @command("SET_FAN_SPEED", mux="FAN")
    async def set_speed(
        self, call: Call, *, speed: float = param(0.0, minimum=0.0, maximum=1.0, doc="0 to 1")
    ) -> None:
        """Set the speed of a fan"""
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


def build_fan_generic(
    config: FanGenericConfig, identity: Identity, board: Board, clock: IReactorTime, toolhead: Toolhead
) -> FanGeneric:
    """Build the fan."""
    return FanGeneric(identity.name, build_fan_output(config.fan, board, clock, 0.0), toolhead)


fan_generic = PrinterObject("fan_generic *", FanGenericConfig, build_fan_generic)
