"""[printer]: the kinematics and the tool head's limits."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, frozen

from klipperd.motion.kinematics.base import KinematicsConfig, Trouble
from klipperd.motion.kinematics.cartesian import CartesianConfig
from klipperd.motion.kinematics.corexy import CoreXYConfig, CoreXZConfig
from klipperd.motion.kinematics.delta import DeltaConfig
from klipperd.motion.kinematics.deltesian import DeltesianConfig
from klipperd.motion.kinematics.generic_cartesian import GenericCartesianConfig
from klipperd.motion.kinematics.hybrid import HybridCoreXYConfig, HybridCoreXZConfig
from klipperd.motion.kinematics.none import NoneConfig
from klipperd.motion.kinematics.polar import PolarConfig
from klipperd.motion.kinematics.rotary_delta import RotaryDeltaConfig
from klipperd.motion.kinematics.winch import WinchConfig
from klipperd.objects import PrinterObject, choose, option

__all__ = ["KINEMATICS", "PrinterConfig", "PrinterSection", "printer"]

KINEMATICS: Mapping[str, type[KinematicsConfig]] = {
    "cartesian": CartesianConfig,
    "corexy": CoreXYConfig,
    "corexz": CoreXZConfig,
    "hybrid_corexy": HybridCoreXYConfig,
    "hybrid_corexz": HybridCoreXZConfig,
    "generic_cartesian": GenericCartesianConfig,
    "delta": DeltaConfig,
    "rotary_delta": RotaryDeltaConfig,
    "deltesian": DeltesianConfig,
    "polar": PolarConfig,
    "winch": WinchConfig,
    "none": NoneConfig,
}
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
