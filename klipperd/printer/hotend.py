"""The hot half of an extruder: its heater, the temperature from which it may extrude, M104 and M109."""

from collections.abc import Sequence

from attrs import define, frozen

from klipperd.errors import CommandError
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, Identity, PrinterObject, command, option, param, status_field
from klipperd.printer.fitter import Fitter
from klipperd.printer.heater import Heater, HeaterStatus, fit_heater
from klipperd.printer.heater_options import HeaterConfig
from klipperd.printer.heaters import Heaters
from klipperd.printer.thermometer import ModelGauge, NoOptions, SensorType

__all__ = [
    "Hotend",
    "HotendCommands",
    "HotendConfig",
    "HotendStatus",
    "build_hotend",
    "build_hotend_commands",
]


@frozen(kw_only=True)
class HotendConfig(HeaterConfig):
    """The heater's options of C{[extruder]}."""

    min_extrude_temp: float = option(170.0, unit="C", doc="below this temperature the extruder doesn't move")


@frozen
class HotendStatus(HeaterStatus):
    """Status of an extruder's heater."""

    can_extrude: bool = status_field(doc="whether the hotend is hot enough to extrude")


@define(eq=False, repr=False)
class Hotend(Heater):
    """An extruder's heater."""

    min_extrude_temp: float = 170.0

    @property
    def can_extrude(self) -> bool:
        """Whether it is hot enough; false when no readings come. What is only thought of always is."""
        if isinstance(self.gauge, ModelGauge):
            return True
        return self.gauge.fresh and self.temperature >= self.min_extrude_temp

    @property
    def index(self) -> int:
        """The T number: 0 of C{extruder}, 1 of C{extruder1}."""
        return tool_index(self.section)

    def hotend_status(self) -> HotendStatus:
        """See L{HotendStatus}."""
        status = self.status(0.0)
        return HotendStatus(status.temperature, status.target, status.power, self.can_extrude)


def tool_index(section: str) -> int:
    """The number of an extruder's section."""
    return int(section.removeprefix("extruder") or "0")


def build_hotend(config: HotendConfig, identity: Identity, fitter: Fitter, sensor_type: SensorType) -> Hotend:
    """The heater of an extruder's section."""
    hotend = fit_heater(Hotend, config, identity, fitter, sensor_type, f"T{tool_index(identity.section)}")
    hotend.min_extrude_temp = config.min_extrude_temp
    return hotend


@define(eq=False, repr=False)
class HotendCommands:
    """Serves M104 and M109 for all extruders."""

    _hotends: dict[int, Hotend]
    _heaters: Heaters
    _toolhead: Toolhead | None

    def _pick(self, index: int | None) -> Hotend:
        if index is None:
            active = self._toolhead.extruder if self._toolhead is not None else None
            index = tool_index(active.name) if active is not None else 0
        found = self._hotends.get(index)
        if found is None:
            names = ", ".join(f"T{i}" for i in sorted(self._hotends)) or "none"
            raise CommandError(f"extruder T{index} is not configured (there is: {names})")
        return found

    @command("M104")
    async def set_temperature(
        self,
        call: Call,
        *,
        target: float = param(0.0, name="S", doc="degrees Celsius"),
        index: int | None = param(None, name="T", minimum=0, doc="extruder; the active one without"),
    ) -> None:
        """Set an extruder's temperature"""
        await self._heaters.set_and_wait(call, self._pick(index), target, wait=False)

    @command("M109")
    async def set_temperature_and_wait(
        self,
        call: Call,
        *,
        target: float = param(0.0, name="S", doc="degrees Celsius"),
        index: int | None = param(None, name="T", minimum=0, doc="extruder; the active one without"),
    ) -> None:
        """Set an extruder's temperature and wait for it"""
        await self._heaters.set_and_wait(call, self._pick(index), target, wait=True)


def build_hotend_commands(
    config: NoOptions, hotends: Sequence[Hotend], heaters: Heaters, toolhead: Toolhead | None
) -> HotendCommands:
    """Build the object that serves M104 and M109."""
    return HotendCommands({h.index: h for h in hotends}, heaters, toolhead)


hotends = PrinterObject("hotends", NoOptions, build_hotend_commands, internal=True)
