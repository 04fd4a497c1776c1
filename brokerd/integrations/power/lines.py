"""Devices at a GPIO line: a relay, or a radio transmitter."""

import time
from collections.abc import Callable

from attrs import define, field

from brokerd.integrations.gpio import GpioLines, Output
from brokerd.integrations.power.config import GpioPower, RfPower
from brokerd.integrations.power.device import SwitchFailed
from brokerd.threads import WorkerThreads

__all__ = ["GpioSwitch", "RfSwitch", "pulses"]

# Lengths of the high and the low part of each symbol, in short pulses: the commonest code of 433 MHz plugs.
_SYMBOLS = {"0": (1, 3), "1": (3, 1)}
_SYNC = (1, 31)
_SPIN = 150e-6  # the last part of each wait is not slept but spun, since sleeping ends late (s)


@define(eq=False, repr=False)
class GpioSwitch:
    """A line that is active while the device is on."""

    _config: GpioPower
    _lines: GpioLines
    _output: Output | None = field(init=False, default=None)
    _on: bool = field(init=False, default=False)

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        try:
            self._output, self._on = self._lines.output(self._config.pin, self._config.initial_state)
        except (OSError, ImportError) as error:
            raise SwitchFailed(f"no GPIO line: {error}") from None

    async def read(self) -> bool | None:
        return self._on if self._output is not None else None

    async def write(self, on: bool) -> bool:
        if self._output is None:
            raise SwitchFailed("there is no GPIO line")
        self._output.set(on)
        self._on = on
        return on

    def stop(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            output.release()


def pulses(code: str) -> list[tuple[int, int]]:
    """One transmission: high and low times, in short pulses; ends with the pause that separates two."""
    return [_SYMBOLS[each] for each in code] + [_SYNC]


def _wait_until(moment: float) -> None:
    rest = moment - time.perf_counter()
    if rest > _SPIN:
        time.sleep(rest - _SPIN)
    while time.perf_counter() < moment:
        """Not longer than the spinning part."""


@define(eq=False, repr=False)
class RfSwitch:
    """A transmitter that sends a code. It never knows whether the device heard it."""

    _config: RfPower
    _lines: GpioLines
    _threads: WorkerThreads
    _output: Output | None = field(init=False, default=None)
    _on: bool = field(init=False, default=False)

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        try:
            self._output, _ = self._lines.output(self._config.pin, False)
        except (OSError, ImportError) as error:
            raise SwitchFailed(f"no GPIO line: {error}") from None

    async def read(self) -> bool | None:
        return self._on if self._output is not None else None

    async def write(self, on: bool) -> bool:
        output = self._output
        if output is None:
            raise SwitchFailed("there is no GPIO line")
        code = self._config.on_code if on else self._config.off_code
        await self._threads.run(self._transmit, output, code)
        self._on = on
        return on

    def _transmit(self, output: Output, code: str) -> None:
        """In a worker thread."""
        moment = time.perf_counter()
        for high, low in pulses(code) * self._config.repeat:
            output.set(True)
            moment += high * self._config.pulse_length
            _wait_until(moment)
            output.set(False)
            moment += low * self._config.pulse_length
            _wait_until(moment)

    def stop(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            output.release()
