"""How a motor's coordinate follows from x, y and z, beyond weighted sums. Formulas: docs/motion.md."""

class Geometry:
    """One motor's place in the machine. Lengths in mm, angles in rad.

    C{Geometry("linear", weight_x, weight_y, weight_z)}, C{Geometry("delta", tower_x, tower_y, arm)},
    C{Geometry("rotary_delta", shoulder_radius, shoulder_height, upper_arm, lower_arm, tower_angle)},
    C{Geometry("deltesian", tower_x, arm)}, C{Geometry("polar_radius")}, C{Geometry("polar_angle")},
    C{Geometry("winch", anchor_x, anchor_y, anchor_z)}.
    """

    def __init__(self, kind: str, *parameters: float) -> None:
        """@raise ValueError: no such kind, or not the parameters that it takes."""
    @property
    def kind(self) -> str: ...
    @property
    def parameters(self) -> tuple[float, ...]: ...
    @property
    def axes(self) -> str:
        """Those of xyz on which the coordinate depends."""
    def position(self, x: float, y: float, z: float, near: float = 0.0) -> float:
        """Motor coordinate (mm, or rad) at a place; NaN where the machine can't reach.

        Angles are unwrapped to the one nearest to C{near}."""
