"""Transforms that are a formula of the position: a tilted bed, skewed axes, a frame that grows."""

from klipperd.motion.transform import Transform

class TiltTransform(Transform):
    """z' = z + x C{x_adjust} + y C{y_adjust} + C{z_adjust} (mm)."""

    x_adjust: float
    y_adjust: float
    z_adjust: float
    def __init__(
        self, next: Transform, x_adjust: float = 0.0, y_adjust: float = 0.0, z_adjust: float = 0.0
    ) -> None: ...

class SkewTransform(Transform):
    """For axes that are not square: y leans by C{xy} mm of x per mm, z by C{xz} of x and C{yz} of y.

    y' = y - z C{yz} and x' = x - y' C{xy} - z C{xz}.
    """

    xy: float
    xz: float
    yz: float
    def __init__(self, next: Transform) -> None: ...

class ThermalTransform(Transform):
    """z' = z + adjustment, which becomes C{wanted} with each move that ends below C{off_above} (mm)."""

    wanted: float
    adjustment: float
    off_above: float
    def __init__(self, next: Transform, off_above: float = ...) -> None: ...
    def apply(self) -> None:
        """Use C{wanted} at once: the machine is where it should be with it."""
