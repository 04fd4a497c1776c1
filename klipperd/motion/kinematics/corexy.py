"""CoreXY printers: the motors named after x and y turn with x + y and x - y (Kinematics.md)."""

from collections.abc import Mapping

from attrs import frozen

from klipperd.motion.kinematics.base import Kinematics, LinearConfig, LinearKinematics
from klipperd.motion.rails import Rail

__all__ = ["CoreXYConfig"]

_WEIGHTS = {"x": (1.0, 1.0, 0.0), "y": (1.0, -1.0, 0.0), "z": (0.0, 0.0, 1.0)}
_INVERSE = ((0.5, 0.5, 0.0), (0.5, -0.5, 0.0), (0.0, 0.0, 1.0))


@frozen(kw_only=True)
class CoreXYConfig(LinearConfig):
    """Options of CoreXY printers."""

    def build(self, rails: Mapping[str, Rail]) -> Kinematics:
        """See L{KinematicsConfig.build}."""
        return LinearKinematics(rails, _WEIGHTS, _INVERSE, self)
