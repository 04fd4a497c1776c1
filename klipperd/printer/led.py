"""C{[led NAME]}: a lamp of up to four colours at PWM pins, set by SET_LED."""

from collections.abc import Iterator

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Call, Identity, Pin, PrinterObject, command, option, param, status_field
from klipperd.printer.timed_output import TimedOutput

__all__ = ["Led", "LedConfig", "LedStatus", "build_led"]

_COLORS = ("red", "green", "blue", "white")
Color = tuple[float, float, float, float]


@frozen(kw_only=True)
class LedConfig:
    """C{[led NAME]}."""

    red_pin: Pin | None = option(None, doc="output of the red light")
    green_pin: Pin | None = option(None, doc="output of the green light")
    blue_pin: Pin | None = option(None, doc="output of the blue light")
    white_pin: Pin | None = option(None, doc="output of the white light")
    cycle_time: float = option(0.010, above=0.0, maximum=5.0, unit="s", doc="length of one PWM cycle")
    hardware_pwm: bool = option(False, doc="use hardware PWM")
    initial_red: float = option(0.0, minimum=0.0, maximum=1.0, doc="red at the start")
    initial_green: float = option(0.0, minimum=0.0, maximum=1.0, doc="green at the start")
    initial_blue: float = option(0.0, minimum=0.0, maximum=1.0, doc="blue at the start")
    initial_white: float = option(0.0, minimum=0.0, maximum=1.0, doc="white at the start")

    def check(self) -> Iterator[tuple[str, str]]:
        """There is a light at all."""
        if all(pin is None for pin in self.pins):
            yield "red_pin", "at least one of red_pin, green_pin, blue_pin and white_pin is needed"

    @property
    def pins(self) -> tuple[Pin | None, ...]:
        """Red, green, blue and white."""
        return (self.red_pin, self.green_pin, self.blue_pin, self.white_pin)

    @property
    def initial(self) -> Color:
        """Red, green, blue and white at the start."""
        return (self.initial_red, self.initial_green, self.initial_blue, self.initial_white)


@frozen
class LedStatus:
    """Status of an LED."""

    color_data: list[Color] = status_field(doc="red, green, blue and white (0 to 1) of each chip")


@define(eq=False, repr=False)
class Led:
    """One lamp."""

    name: str
    _toolhead: Toolhead
    _outputs: tuple[TimedOutput | None, ...]
    color: Color
    _sent: Color = field(init=False)

    @_sent.default
    def _start_sent(self) -> Color:
        return self.color

    @command("SET_LED", mux="LED")
    async def set_led(
        self,
        call: Call,
        *,
        red: float = param(0.0, minimum=0.0, maximum=1.0),
        green: float = param(0.0, minimum=0.0, maximum=1.0),
        blue: float = param(0.0, minimum=0.0, maximum=1.0),
        white: float = param(0.0, minimum=0.0, maximum=1.0),
        index: int = param(1, minimum=1, maximum=1, doc="there is but one"),
        transmit: bool = True,
        sync: bool = True,
    ) -> None:
        """Set the colour of an LED"""
        color = (red, green, blue, white)
        if not transmit:
            self.color = color
        elif sync:
            self._toolhead.on_print_time(lambda print_time: self._set(color, print_time))
        else:
            self._set(color, None)

    def _set(self, color: Color, print_time: float | None) -> None:
        self.color = color
        for output, value, before in zip(self._outputs, color, self._sent, strict=True):
            if output is None or value == before:
                continue
            if print_time is None:
                output.set_soon(value)
            else:
                output.set(print_time, value)
        self._sent = color

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        for output in self._outputs:
            if output is not None:
                output.cancel_timer()

    async def close(self) -> None:
        """The printer goes away."""
        self.shutdown("")

    def status(self, eventtime: float) -> LedStatus:
        """See L{LedStatus}."""
        return LedStatus([self.color])


def build_led(
    config: LedConfig, identity: Identity, board: Board, clock: IReactorTime, toolhead: Toolhead
) -> Led:
    """Build the lamp."""
    outputs: list[TimedOutput | None] = []
    for pin, start in zip(config.pins, config.initial, strict=True):
        if pin is None:
            outputs.append(None)
            continue
        pwm = board.pwm_out(
            pin, cycle_time=config.cycle_time, hardware=config.hardware_pwm, max_duration=0.0, start=start
        )
        outputs.append(TimedOutput(clock, pwm.mcu.estimated_print_time, pwm.set))
    return Led(identity.name, toolhead, tuple(outputs), config.initial)


led = PrinterObject("led *", LedConfig, build_led)
