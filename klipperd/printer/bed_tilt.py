"""C{[bed_tilt]}: follow a bed that is flat but tilted."""

from attrs import define, frozen

from klipperd.gcode.moves import GcodeMove
from klipperd.motion.corrections import TiltTransform
from klipperd.objects import PrinterObject, option

__all__ = ["BedTilt", "BedTiltConfig", "bed_tilt"]


@frozen(kw_only=True)
class BedTiltConfig:
    """C{[bed_tilt]}."""

    x_adjust: float = option(0.0, doc="mm added to z for each mm of x")
    y_adjust: float = option(0.0, doc="mm added to z for each mm of y")
    z_adjust: float = option(0.0, unit="mm", doc="added to z at x = y = 0")
    points: tuple[tuple[float, ...], ...] = option((), doc="x, y of points to probe, one a line")
    speed: float = option(50.0, above=0.0, unit="mm/s", doc="speed of moves between probes")
    horizontal_move_z: float = option(5.0, unit="mm", doc="height of moves between probes")


@define(eq=False, repr=False)
class BedTilt:
    """The tilt in use. C{apply} takes the result of a calibration."""

    config: BedTiltConfig
    _moves: GcodeMove
    _transform: TiltTransform

    def apply(self, x_adjust: float, y_adjust: float, z_adjust: float) -> None:
        """Another tilt from the next move on."""
        there = self._transform
        there.x_adjust, there.y_adjust, there.z_adjust = x_adjust, y_adjust, z_adjust
        self._moves.reset_position()


def build_bed_tilt(config: BedTiltConfig, moves: GcodeMove) -> BedTilt:
    """Build the C{bed_tilt} object."""
    made = moves.add_transform(
        lambda after: TiltTransform(after, config.x_adjust, config.y_adjust, config.z_adjust)
    )
    return BedTilt(config, moves, made)


bed_tilt = PrinterObject("bed_tilt", BedTiltConfig, build_bed_tilt)
