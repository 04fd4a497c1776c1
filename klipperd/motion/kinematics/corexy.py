"""Two motors that move two axes together by a belt (Kinematics.md): CoreXY and CoreXZ."""

from attrs import frozen

from klipperd.motion.kinematics.carriages import BeltConfig

__all__ = ["CoreXYConfig", "CoreXZConfig"]


@frozen(kw_only=True)
class CoreXYConfig(BeltConfig):
    """Options of CoreXY printers: the motors of x and y turn with x + y and x - y."""

    table = {"x": {"x": 1.0, "y": 1.0}, "y": {"x": 1.0, "y": -1.0}, "z": {"z": 1.0}}


@frozen(kw_only=True)
class CoreXZConfig(BeltConfig):
    """Options of CoreXZ printers: the motors of x and z turn with x + z and x - z."""

    table = {"x": {"x": 1.0, "z": 1.0}, "y": {"y": 1.0}, "z": {"x": 1.0, "z": -1.0}}
