"""A transform that follows the surface of a bed."""

from collections.abc import Sequence

from klipperd.motion.transform import Transform

class MeshTransform(Transform):
    """z' = z + share(z) (height(x, y) - fade_target) + fade_target, while there is a surface.

    The height is bilinear between the points of an even grid, and goes on level outside of it. The share is
    1 up to C{fade_start}, 0 from C{fade_end} on, and linear between. A move along which the correction
    changes by C{split_delta}, seen each C{check_distance}, is split there.
    """

    check_distance: float
    split_delta: float
    fade_start: float
    fade_end: float
    fade_target: float
    def __init__(self, next: Transform, check_distance: float = 5.0, split_delta: float = 0.025) -> None: ...
    def set_surface(
        self, heights: Sequence[Sequence[float]] | None, minimum: Sequence[float], maximum: Sequence[float]
    ) -> None:
        """C{heights}: rows of y from C{minimum} to C{maximum} (x, y of the outermost points, mm), each of x.

        None: there is no surface, and z stays as it is. The caller then sees where the machine is.
        """
    def set_fade(self, start: float, end: float, target: float) -> None:
        """Fade between heights C{start} and C{end}; not at all when C{end} isn't above C{start}."""
    def set_offset(self, x: float, y: float, z_fade: float) -> None:
        """Of the nozzle (mm) from where the surface is looked up; C{z_fade} only counts for fading."""
    @property
    def offset(self) -> tuple[float, float, float]: ...
    def height(self, x: float, y: float) -> float:
        """Of the surface (mm)."""
    @property
    def active(self) -> bool:
        """Whether there is a surface."""
