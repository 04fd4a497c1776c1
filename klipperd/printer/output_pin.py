"""C{[output_pin NAME]}: an output that is set by SET_PIN."""

from collections.abc import Callable, Iterator

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, Identity, Pin, PrinterObject, command, option, param, status_field
from klipperd.printer.regular import Regular
from klipperd.printer.timed_output import TimedOutput

__all__ = ["OutputPin", "OutputPinConfig", "OutputPinStatus", "build_output_pin"]


@frozen(kw_only=True)
class OutputPinConfig:
    """C{[output_pin NAME]}."""

    pin: Pin = option(doc="the output")
    pwm: bool = option(False, doc="whether the output can be anything between off and on")
    value: float = option(0.0, minimum=0.0, doc="value at the start")
    shutdown_value: float = option(0.0, minimum=0.0, doc="value after a shutdown")
    cycle_time: float = option(0.100, above=0.0, maximum=5.0, unit="s", doc="length of one PWM cycle")
    hardware_pwm: bool = option(False, doc="use hardware PWM")
    scale: float = option(1.0, above=0.0, doc="value that means fully on, for PWM pins")
    maximum_mcu_duration: float = option(
        0.0, minimum=0.0, unit="s", doc="deprecated: use [pwm_tool]; nothing but 0 is accepted", maximum=0.0
    )
    static_value: float | None = option(
        None, minimum=0.0, doc="deprecated: a value that never changes; use value"
    )

    @property
    def start(self) -> float:
        """Output at the start, 0 to 1."""
        return (self.value if self.static_value is None else self.static_value) / self.full

    @property
    def full(self) -> float:
        """The value that means fully on."""
        return self.scale if self.pwm else 1.0

    def check(self) -> Iterator[tuple[str, str]]:
        """Values are within the scale, and 0 or 1 on digital pins."""
        for name in ("value", "shutdown_value", "static_value"):
            value = getattr(self, name)
            if value is not None and value > self.full:
                yield name, f"{value:g} is above {self.full:g}" + (", which scale sets" if self.pwm else "")
            elif value is not None and not self.pwm and value not in (0.0, 1.0):
                yield name, f"{value:g} is neither 0 nor 1 (set pwm: True for values between)"


@frozen
class OutputPinStatus:
    """Status of an output pin."""

    value: float = status_field(doc="value as set by SET_PIN")


@define(eq=False, repr=False)
class OutputPin:
    """One output; it changes in step with the moves before the command."""

    name: str
    _scale: float
    _digital: bool
    _toolhead: Toolhead
    _output: TimedOutput
    _value: float
    _clock: IReactorTime
    _repeat_every: float = 0.0
    _regular: Regular | None = field(init=False, default=None)
    _down: bool = field(init=False, default=False)

    @command("SET_PIN", mux="PIN")
    async def set_value(self, call: Call, *, value: float = param(minimum=0.0)) -> None:
        """Set the value of an output pin"""
        if value > self._scale:
            raise CommandError(f"SET_PIN: VALUE: {value:g} is above {self._scale:g}, the most of {self.name}")
        if self._digital and value not in (0.0, 1.0):
            raise CommandError(f"SET_PIN: VALUE: {value:g} is neither 0 nor 1, and {self.name} is no PWM pin")
        self._toolhead.on_print_time(lambda print_time: self._set(print_time, value / self._scale))

    def __attrs_post_init__(self) -> None:
        if self._repeat_every > 0.0:
            self._regular = Regular(self._clock, self._repeat_every, self._repeat)

    def _set(self, print_time: float, value: float) -> None:
        if value == self._value and self._regular is None:
            return
        self._value = value
        self._output.set(print_time, value)

    def _repeat(self) -> None:
        """Send the present value again, so that the micro-controller knows that the host is alive."""
        self._output.set_soon(self._value)

    def ready(self) -> None:
        """The printer is ready."""
        if self._regular is not None:
            self._regular.start()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: the micro-controller sets C{shutdown_value}."""
        self._down = True
        if self._regular is not None:
            self._regular.stop()
        self._output.cancel_timer()

    async def close(self) -> None:
        """The printer goes away."""
        self.shutdown("")

    def status(self, eventtime: float) -> OutputPinStatus:
        """See L{OutputPinStatus}."""
        return OutputPinStatus(self._value)


def _digital_sender(
    pin: Pin, board: Board, start: float, shutdown: float
) -> tuple[Callable[[float], float], Callable[[float, float], None]]:
    out = board.digital_out(pin, max_duration=0.0, start=start, shutdown=shutdown)
    return out.mcu.estimated_print_time, lambda print_time, value: out.set(print_time, value > 0.0)


def build_output_pin(
    config: OutputPinConfig, identity: Identity, board: Board, clock: IReactorTime, toolhead: Toolhead
) -> OutputPin:
    """Build the output."""
    start, shutdown = config.start, config.shutdown_value / config.full
    if config.pwm:
        pwm = board.pwm_out(
            config.pin,
            cycle_time=config.cycle_time,
            hardware=config.hardware_pwm,
            max_duration=0.0,
            start=start,
            shutdown=shutdown,
        )
        output = TimedOutput(clock, pwm.mcu.estimated_print_time, pwm.set)
    else:
        output = TimedOutput(clock, *_digital_sender(config.pin, board, start, shutdown))
    return OutputPin(identity.name, config.full, not config.pwm, toolhead, output, start, clock)


output_pin = PrinterObject("output_pin *", OutputPinConfig, build_output_pin)
