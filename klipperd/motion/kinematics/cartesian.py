"""Cartesian printers: one rail an axis; x or y may have a second carriage."""

from attrs import frozen

from klipperd.motion.kinematics.carriages import BeltConfig

__all__ = ["CartesianConfig"]


@frozen(kw_only=True)
class CartesianConfig(BeltConfig):
    """Options of cartesian printers."""

    table = {"x": {"x": 1.0}, "y": {"y": 1.0}, "z": {"z": 1.0}}
    second_table = {"x": {"1": 1.0}, "y": {"1": 1.0}}
