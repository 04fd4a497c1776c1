"""GPIO lines of the machine: names of pins, and the seam to libgpiod (2.x), which is imported when needed."""

import re
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["GpioLines", "GpiodLines", "Input", "Output", "Pin", "parse_pin"]

log = Logger()

_PIN = re.compile(r"([\^~!]*)(?:([\w./-]*gpiochip\d+)/)?gpio(\d+)$")


@frozen
class Pin:
    """One line.

    @ivar chip: device of the chip.
    @ivar line: its number there.
    @ivar inverted: whether a low level means active.
    @ivar bias: C{up}, C{down} or empty.
    """

    chip: str
    line: int
    inverted: bool = False
    bias: str = ""


def parse_pin(text: str) -> Pin:
    """A pin such as C{gpio26}, C{!gpiochip0/gpio26} or C{^gpio26}.

    @raise ValueError: with what was expected.
    """
    found = _PIN.match(text.strip())
    marks = found.group(1) if found is not None else ""
    if found is None or len(set(marks)) < len(marks) or {"^", "~"} <= set(marks):
        raise ValueError("a pin such as gpio26, !gpio26, ^gpio26, ~gpio26 or gpiochip0/gpio26")
    chip = found.group(2) or "gpiochip0"
    path = chip if chip.startswith("/") else f"/dev/{chip}"
    bias = "up" if "^" in marks else "down" if "~" in marks else ""
    return Pin(path, int(found.group(3)), "!" in marks, bias)


class Output(Protocol):
    """A line that is driven."""

    def set(self, active: bool) -> None:
        """Drive it."""

    def release(self) -> None:
        """Give it back; it keeps its level for as long as the kernel likes."""


class Input(Protocol):
    """A line that is watched."""

    def read(self) -> bool:
        """Whether it is active now."""

    def release(self) -> None:
        """Watch it no longer."""


class GpioLines(Protocol):
    """Where lines come from."""

    def output(self, pin: Pin, active: bool | None) -> tuple[Output, bool]:
        """Drive a line; with None as it is driven now. The result tells whether it is active.

        @raise OSError: if it can't be had.
        """

    def watched_input(self, pin: Pin, changed: Callable[[bool], None]) -> Input:
        """Watch a line; C{changed} gets its state after each edge.

        @raise OSError: if it can't be had.
        """


@define(eq=False, repr=False)
class _GpiodOutput:
    _request: Any
    _line: int

    def set(self, active: bool) -> None:
        from gpiod.line import Value

        self._request.set_value(self._line, Value.ACTIVE if active else Value.INACTIVE)

    def release(self) -> None:
        self._request.release()


@implementer(IReadDescriptor)
@define(eq=False, repr=False)
class _GpiodInput:
    """A watched line; the reactor reads its events."""

    _request: Any
    _line: int
    _reactor: Any
    _changed: Callable[[bool], None]

    def fileno(self) -> int:
        number: int = self._request.fd
        return number

    def doRead(self) -> None:
        for event in self._request.read_edge_events():
            self._changed(event.event_type is event.Type.RISING_EDGE)

    def connectionLost(self, reason: Failure) -> None:
        log.warn("a GPIO line is gone: {reason}", reason=reason.getErrorMessage())

    def logPrefix(self) -> str:
        return "gpio"

    def read(self) -> bool:
        from gpiod.line import Value

        return bool(self._request.get_value(self._line) is Value.ACTIVE)

    def release(self) -> None:
        self._reactor.removeReader(self)
        self._request.release()


@define(eq=False, repr=False)
class GpiodLines:
    """Lines by libgpiod.

    @ivar _reactor: watches their events.
    """

    _reactor: Any
    _consumer: str = field(default="brokerd", init=False)

    def _request(self, pin: Pin, **settings: Any) -> Any:
        import gpiod
        from gpiod.line import Bias

        bias = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN}.get(pin.bias, Bias.AS_IS)
        line = gpiod.LineSettings(bias=bias, active_low=pin.inverted, **settings)
        try:
            return gpiod.request_lines(pin.chip, consumer=self._consumer, config={pin.line: line})
        except OSError as error:
            raise OSError(f"{pin.chip} line {pin.line}: {error.strerror or error}") from None

    def output(self, pin: Pin, active: bool | None) -> tuple[Output, bool]:
        """See L{GpioLines.output}."""
        import gpiod
        from gpiod.line import Direction, Value

        if active is not None:
            value = Value.ACTIVE if active else Value.INACTIVE
            request = self._request(pin, direction=Direction.OUTPUT, output_value=value)
            return _GpiodOutput(request, pin.line), active
        request = self._request(pin, direction=Direction.AS_IS)
        value = request.get_value(pin.line)
        settings = gpiod.LineSettings(direction=Direction.OUTPUT, output_value=value, active_low=pin.inverted)
        request.reconfigure_lines({pin.line: settings})
        return _GpiodOutput(request, pin.line), value is Value.ACTIVE

    def watched_input(self, pin: Pin, changed: Callable[[bool], None]) -> Input:
        """See L{GpioLines.watched_input}."""
        from gpiod.line import Direction, Edge

        request = self._request(pin, direction=Direction.INPUT, edge_detection=Edge.BOTH)
        watched = _GpiodInput(request, pin.line, self._reactor, changed)
        self._reactor.addReader(watched)
        return watched
