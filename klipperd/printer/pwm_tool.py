"""C{[pwm_tool NAME]}: a laser or spindle that is set by SET_PIN, and that stops when the host does."""

from collections.abc import Iterator

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Identity, Pin, PrinterObject, option
from klipperd.printer.output_pin import OutputPin
from klipperd.printer.timed_output import TimedOutput

__all__ = ["PwmTool", "PwmToolConfig", "build_pwm_tool"]

_REPEAT = 0.4
"""The value is repeated each time this share of maximum_mcu_duration has passed."""


@frozen(kw_only=True)
class PwmToolConfig:
    """C{[pwm_tool NAME]}."""

    pin: Pin = option(doc="the output")
    maximum_mcu_duration: float = option(
        0.0,
        minimum=0.0,
        unit="s",
        doc="the micro-controller shuts down when it hears nothing for so long (0.5 at least; 0: never)",
    )
    value: float = option(0.0, minimum=0.0, doc="value at the start")
    shutdown_value: float = option(0.0, minimum=0.0, doc="value after a shutdown")
    cycle_time: float = option(0.100, above=0.0, maximum=5.0, unit="s", doc="length of one PWM cycle")
    hardware_pwm: bool = option(False, doc="use hardware PWM")
    scale: float = option(1.0, above=0.0, doc="value that means fully on")

    def check(self) -> Iterator[tuple[str, str]]:
        """Values are within the scale."""
        for name in ("value", "shutdown_value"):
            if getattr(self, name) > self.scale:
                yield name, f"{getattr(self, name):g} is above {self.scale:g}, which scale sets"
        if 0.0 < self.maximum_mcu_duration < 0.5:
            yield "maximum_mcu_duration", f"{self.maximum_mcu_duration:g} is below 0.5"


class PwmTool(OutputPin):
    """An output that repeats its value for as long as the host lives."""


def build_pwm_tool(
    config: PwmToolConfig, identity: Identity, board: Board, clock: IReactorTime, toolhead: Toolhead
) -> PwmTool:
    """Build the tool."""
    start = config.value / config.scale
    pwm = board.pwm_out(
        config.pin,
        cycle_time=config.cycle_time,
        hardware=config.hardware_pwm,
        max_duration=config.maximum_mcu_duration,
        start=start,
        shutdown=config.shutdown_value / config.scale,
    )
    output = TimedOutput(clock, pwm.mcu.estimated_print_time, pwm.set)
    repeat = config.maximum_mcu_duration * _REPEAT
    return PwmTool(identity.name, config.scale, False, toolhead, output, start, clock, repeat)


pwm_tool = PrinterObject("pwm_tool *", PwmToolConfig, build_pwm_tool)
