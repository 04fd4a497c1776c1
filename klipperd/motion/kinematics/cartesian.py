"""Cartesian printers: one rail an axis."""

from collections.abc import Mapping

from attrs import frozen

from klipperd.motion.kinematics.base import Kinematics, LinearConfig, LinearKinematics
from klipperd.motion.rails import Rail

__all__ = ["CartesianConfig"]

_IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@frozen(kw_only=True)
class CartesianConfig(LinearConfig):
    """Options of cartesian printers."""

    def build(self, rails: Mapping[str, Rail]) -> Kinematics:
        """See L{KinematicsConfig.build}."""
        return LinearKinematics(rails, dict(zip("xyz", _IDENTITY, strict=True)), _IDENTITY, self)
