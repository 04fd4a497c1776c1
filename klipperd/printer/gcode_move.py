"""G0, G1 and the commands that change what they mean; see L{klipperd.gcode.moves}."""

from attrs import frozen

from klipperd.gcode.moves import GcodeMove
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject

__all__ = ["GcodeMoveConfig", "gcode_move"]


@frozen(kw_only=True)
class GcodeMoveConfig:
    """G-code moves; there is nothing to configure."""


def build_gcode_move(config: GcodeMoveConfig, toolhead: Toolhead) -> GcodeMove:
    """Build the C{gcode_move} object."""
    return GcodeMove(toolhead, toolhead)


gcode_move = PrinterObject("gcode_move", GcodeMoveConfig, build_gcode_move, internal=True)
