"""GET_POSITION: where everything is, in each system of coordinates (Code_Overview.md)."""

from collections.abc import Iterator, Sequence

from attrs import define, frozen

from klipperd.gcode.moves import GcodeMove
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, PrinterObject, command

__all__ = ["GetPosition", "GetPositionConfig", "get_position"]


@frozen(kw_only=True)
class GetPositionConfig:
    """Reports of positions; there is nothing to configure."""


def _named(position: Sequence[float], names: Sequence[str] = "XYZE") -> dict[str, str]:
    return {name: f"{value:.6f}" for name, value in zip(names, position, strict=False)}


@define(eq=False, repr=False)
class GetPosition:
    """Serves GET_POSITION."""

    _toolhead: Toolhead
    _moves: GcodeMove

    @command("GET_POSITION")
    async def report(self, call: Call) -> None:
        """Return information on the current location of the toolhead."""
        self._toolhead.solve_planned()
        call.info("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for name, position in {**self._machine(), **self._gcode()}.items():
            yield f"{name}: " + " ".join(f"{k}:{v}" for k, v in position.items())

    def _machine(self) -> dict[str, dict[str, str]]:
        toolhead = self._toolhead
        motors = toolhead.kinematics.motors
        return {
            "mcu": {m.name: f"{m.motion.mcu_position}" for m in motors},
            "stepper": {m.name: f"{m.motion.commanded:.6f}" for m in motors},
            "kinematic": _named(toolhead.kinematics.position(lambda motor: motor.motion.commanded)),
            "toolhead": _named(toolhead.position),
        }

    def _gcode(self) -> dict[str, dict[str, str]]:
        there = self._moves.coordinates
        return {
            "gcode": _named(there.position),
            "gcode base": _named(there.base),
            "gcode homing": _named(there.homing, "XYZ"),
        }


def build_get_position(config: GetPositionConfig, toolhead: Toolhead, moves: GcodeMove) -> GetPosition:
    """Build the object that serves GET_POSITION."""
    return GetPosition(toolhead, moves)


get_position = PrinterObject("get_position", GetPositionConfig, build_get_position, internal=True)
