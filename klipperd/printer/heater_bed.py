"""C{[heater_bed]}: the heated bed, M140 and M190."""

from typing import Annotated

from attrs import define, frozen

from klipperd.objects import Call, Identity, Named, PrinterObject, command, group, param
from klipperd.printer.fitter import Fitter
from klipperd.printer.heater import Heater, HeaterOwner, build_heater
from klipperd.printer.heater_options import HeaterConfig
from klipperd.printer.heaters import Heaters
from klipperd.printer.thermometer import SensorType

__all__ = ["HeaterBed", "HeaterBedConfig", "build_heater_bed"]


@frozen(kw_only=True)
class HeaterBedConfig:
    """C{[heater_bed]}."""

    heater: HeaterConfig = group()


@define(eq=False, repr=False)
class HeaterBed(HeaterOwner):
    """The heated bed."""

    _heaters: Heaters

    @command("M140")
    async def set_temperature(
        self, call: Call, *, target: float = param(0.0, name="S", doc="degrees Celsius")
    ) -> None:
        """Set the bed's temperature"""
        await self._heaters.set_and_wait(call, self.heater, target, wait=False)

    @command("M190")
    async def set_temperature_and_wait(
        self, call: Call, *, target: float = param(0.0, name="S", doc="degrees Celsius")
    ) -> None:
        """Set the bed's temperature and wait for it"""
        await self._heaters.set_and_wait(call, self.heater, target, wait=True)


def build_heater_bed(
    config: HeaterBedConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> HeaterBed:
    """Build the bed."""
    return HeaterBed(build_heater(config.heater, identity, fitter, sensor_type, "B"), fitter.heaters)


heater_bed = PrinterObject("heater_bed", HeaterBedConfig, build_heater_bed, parts={Heater: "heater"})
