"""Hybrid (Markforged) printers: one motor moves an axis, the other one both.

The belt of a second carriage runs on the other side: its motor turns with the sum where the first one's
turns with the difference.
"""

from attrs import frozen

from klipperd.motion.kinematics.carriages import BeltConfig

__all__ = ["HybridCoreXYConfig", "HybridCoreXZConfig"]


@frozen(kw_only=True)
class HybridCoreXYConfig(BeltConfig):
    """Options of hybrid CoreXY printers: the motor of x turns with x - y."""

    table = {"x": {"x": 1.0, "y": -1.0}, "y": {"y": 1.0}, "z": {"z": 1.0}}
    second_table = {"x": {"1": 1.0, "y": 1.0}}


@frozen(kw_only=True)
class HybridCoreXZConfig(BeltConfig):
    """Options of hybrid CoreXZ printers: the motor of x turns with x - z."""

    table = {"x": {"x": 1.0, "z": -1.0}, "y": {"y": 1.0}, "z": {"z": 1.0}}
    second_table = {"x": {"1": 1.0, "z": 1.0}}
