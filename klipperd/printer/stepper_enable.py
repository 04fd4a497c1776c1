"""The enable lines of all stepper drivers as a printer object."""

from collections.abc import Mapping

from attrs import define, frozen

from klipperd.errors import CommandError
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, status_field
from klipperd.objects.call import Call
from klipperd.objects.values import nearest

__all__ = ["StepperEnable", "StepperEnableConfig", "StepperEnableStatus", "stepper_enable"]

SETTLE = 0.1
"""Seconds between switching a driver and the next move."""


@frozen(kw_only=True)
class StepperEnableConfig:
    """There is nothing to configure."""


@frozen
class StepperEnableStatus:
    """Status of C{stepper_enable}."""

    steppers: Mapping[str, bool] = status_field(doc="stepper -> whether its driver is enabled")


@define(eq=False, repr=False)
class StepperEnable:
    """Switches drivers by command."""

    _toolhead: Toolhead

    @command("M18", "M84")
    async def motors_off(self, call: Call) -> None:
        """Turn off motors."""
        toolhead = self._toolhead
        await toolhead.dwell(SETTLE)
        toolhead.generation.enable.all_off(toolhead.last_move_time())
        toolhead.clear_homed()
        await toolhead.dwell(SETTLE)

    @command("SET_STEPPER_ENABLE")
    async def set_enable(self, call: Call, *, stepper: str, enable: bool = True) -> None:
        """Enable or disable only the given stepper."""
        toolhead = self._toolhead
        lines = toolhead.generation.enable
        if stepper not in lines.lines:
            raise CommandError(f"There is no stepper {stepper!r}{nearest(stepper, list(lines.lines))}")
        await toolhead.dwell(SETTLE)
        lines.switch(stepper, enable, toolhead.last_move_time())
        await toolhead.dwell(SETTLE)

    def status(self, eventtime: float) -> StepperEnableStatus:
        """Which drivers are enabled."""
        return StepperEnableStatus(self._toolhead.generation.enable.states())


def build_stepper_enable(config: StepperEnableConfig, toolhead: Toolhead) -> StepperEnable:
    """Serve the tool head's motors."""
    return StepperEnable(toolhead)


stepper_enable = PrinterObject("stepper_enable", StepperEnableConfig, build_stepper_enable, internal=True)
