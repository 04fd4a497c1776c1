"""[printer]: the kinematics and the tool head's limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, frozen

from klipperd.motion.kinematics.base import KinematicsConfig, Trouble
from klipperd.objects import PrinterObject, choose, option
from klipperd.objects.option import LateKinds

__all__ = ["KINEMATICS", "PrinterConfig", "PrinterSection", "printer"]

KINEMATICS: Mapping[str, type] = LateKinds(
    {
        "cartesian": "klipperd.motion.kinematics.cartesian:CartesianConfig",
        "corexy": "klipperd.motion.kinematics.corexy:CoreXYConfig",
        "corexz": "klipperd.motion.kinematics.corexy:CoreXZConfig",
        "hybrid_corexy": "klipperd.motion.kinematics.hybrid:HybridCoreXYConfig",
        "hybrid_corexz": "klipperd.motion.kinematics.hybrid:HybridCoreXZConfig",
        "generic_cartesian": "klipperd.motion.kinematics.generic_cartesian:GenericCartesianConfig",
        "delta": "klipperd.motion.kinematics.delta:DeltaConfig",
        "rotary_delta": "klipperd.motion.kinematics.rotary_delta:RotaryDeltaConfig",
        "deltesian": "klipperd.motion.kinematics.deltesian:DeltesianConfig",
        "polar": "klipperd.motion.kinematics.polar:PolarConfig",
        "winch": "klipperd.motion.kinematics.winch:WinchConfig",
        "none": "klipperd.motion.kinematics.none:NoneConfig",
    }
)
"""Name -> options. To add one, write its module in L{klipperd.motion.kinematics} and name it here."""


@frozen(kw_only=True)
class PrinterConfig:
    """The machine as a whole."""

    kinematics: KinematicsConfig = choose("kinematics", KINEMATICS, doc="how motors are joined to the axes")
    max_velocity: float = option(above=0.0, unit="mm/s", doc="top speed of the tool head")
    max_accel: float = option(above=0.0, unit="mm/s^2", doc="acceleration of the tool head")
    minimum_cruise_ratio: float = option(
        0.5, minimum=0.0, below=1.0, doc="least share of a short move that is cruised at constant speed"
    )
    square_corner_velocity: float = option(
        5.0, minimum=0.0, unit="mm/s", doc="speed at which a corner of 90 degrees is passed"
    )


@define(eq=False, repr=False)
class PrinterSection:
    """What [printer] says; L{klipperd.motion.toolhead.Toolhead} is made of it."""

    config: PrinterConfig


def build_printer(config: PrinterConfig) -> PrinterSection:
    """Keep the section's values for the tool head."""
    return PrinterSection(config)


def _sections(config: PrinterConfig) -> Iterable[str]:
    return config.kinematics.sections


def _troubles(config: PrinterConfig, sections: Mapping[str, Any]) -> Iterable[Trouble]:
    return config.kinematics.troubles(sections)


printer = PrinterObject("printer", PrinterConfig, build_printer, requires=_sections, review=_troubles)
