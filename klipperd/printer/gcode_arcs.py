"""C{[gcode_arcs]}: G2 and G3, circular arcs in the plane of G17, G18 or G19.

An arc is planned as chords; L{klipperd.gcode.arc} says how fine they are.
"""

from typing import ClassVar

from attrs import define, frozen

from klipperd.gcode.dispatch import GcodeCall
from klipperd.gcode.moves import GcodeMove
from klipperd.objects import Call, PrinterObject, command, option

__all__ = ["GcodeArcs", "GcodeArcsConfig", "gcode_arcs"]


@frozen(kw_only=True)
class GcodeArcsConfig:
    """C{[gcode_arcs]}: enables G2 and G3."""

    resolution: float = option(1.0, above=0.0, unit="mm", doc="longest piece that an arc is made of")
    max_chord_error: float = option(
        0.005, above=0.0, unit="mm", doc="largest distance of such a piece from the arc"
    )


@define(eq=False, repr=False)
class GcodeArcs:
    """Serves arcs; what they do with modes and positions is the affair of G-code coordinates."""

    _moves: GcodeMove
    fast_commands: ClassVar[frozenset[str]] = frozenset(("G2", "G3", "G17", "G18", "G19"))
    """See L{GcodeMove.fast_commands}."""

    @command("G2")
    async def clockwise(self, call: GcodeCall) -> None:
        """Arc clockwise: [X<pos>] [Y<pos>] [Z<pos>] [E<pos>] [F<speed>], centre I J K or R<radius>."""
        await self._arc(call, clockwise=True)

    @command("G3")
    async def counterclockwise(self, call: GcodeCall) -> None:
        """Arc counterclockwise; words as of G2."""
        await self._arc(call, clockwise=False)

    async def _arc(self, call: GcodeCall, *, clockwise: bool) -> None:
        self._moves.coordinates.circular(call.line, clockwise)
        if self._moves.planner.busy:
            await self._moves.planner.throttle()

    @command("G17")
    async def use_xy(self, call: Call) -> None:
        """Arcs turn in the plane of x and y."""
        self._moves.coordinates.plane = 0

    @command("G18")
    async def use_zx(self, call: Call) -> None:
        """Arcs turn in the plane of z and x."""
        self._moves.coordinates.plane = 1

    @command("G19")
    async def use_yz(self, call: Call) -> None:
        """Arcs turn in the plane of y and z."""
        self._moves.coordinates.plane = 2


def build_gcode_arcs(config: GcodeArcsConfig, moves: GcodeMove) -> GcodeArcs:
    """Build the C{gcode_arcs} object."""
    moves.coordinates.arc_resolution = config.resolution
    moves.coordinates.arc_error = config.max_chord_error
    return GcodeArcs(moves)


gcode_arcs = PrinterObject("gcode_arcs", GcodeArcsConfig, build_gcode_arcs)
