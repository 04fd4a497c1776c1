"""C{[heater_generic NAME]}: any other heater, such as a chamber's."""

from typing import Annotated

from attrs import define, frozen

from klipperd.objects import Identity, Named, PrinterObject, group, option
from klipperd.printer.fitter import Fitter
from klipperd.printer.heater import Heater, HeaterOwner, build_heater
from klipperd.printer.heater_options import HeaterConfig
from klipperd.printer.thermometer import SensorType

__all__ = ["HeaterGeneric", "HeaterGenericConfig", "build_heater_generic"]


@frozen(kw_only=True)
class HeaterGenericConfig:
    """C{[heater_generic NAME]}."""

    heater: HeaterConfig = group()
    gcode_id: str | None = option(None, doc="what M105 calls it; not shown there without")


@define(eq=False, repr=False)
class HeaterGeneric(HeaterOwner):
    """A heater that is set by SET_HEATER_TEMPERATURE."""


def build_heater_generic(
    config: HeaterGenericConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> HeaterGeneric:
    """Build the heater."""
    return HeaterGeneric(build_heater(config.heater, identity, fitter, sensor_type, config.gcode_id))


heater_generic = PrinterObject(
    "heater_generic *", HeaterGenericConfig, build_heater_generic, parts={Heater: "heater"}
)
