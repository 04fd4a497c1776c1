"""The heater behind C{[extruder]}, C{[heater_bed]} and C{[heater_generic]}: sensor, control and output.

Each reading runs the control, and the control's power goes to the output at least every other second: the
micro-controller shuts down by itself when it hears nothing for C{MAX_HEAT_TIME} seconds.
"""

from collections.abc import Callable
from typing import TypeVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.mcu.outputs import PwmOut
from klipperd.objects import Identity, status_field
from klipperd.printer.fitter import Fitter
from klipperd.printer.heater_options import HeaterConfig
from klipperd.printer.heaters import TemperatureSource
from klipperd.printer.thermometer import Gauge, SensorType, Thermometer
from klipperd.thermal.control import Control

__all__ = ["MAX_HEAT_TIME", "Heater", "HeaterOwner", "HeaterStatus", "build_heater", "fit_heater"]

_log = Logger()

MAX_HEAT_TIME = 3.0
"""Seconds that a heater stays on without a word from the host."""

_REFRESH = 1.0
_LEAD = 0.3
_STEP = 1.0 / 255.0

_Kind = TypeVar("_Kind", bound="Heater")


@frozen
class HeaterStatus:
    """Status of a heater."""

    temperature: float = status_field(doc="last temperature, smoothed (degrees Celsius)")
    target: float = status_field(doc="target temperature (degrees Celsius), 0 when off")
    power: float = status_field(doc="present setting of the heater's output, 0 to 1")


@define(eq=False, repr=False)
class _Output:
    """The heater's PWM pin: sends what changes, and repeats what does not before it expires."""

    _pwm: PwmOut
    _clock: IReactorTime
    value: float = field(init=False, default=0.0)
    _sent: float = field(init=False, default=-1e9)

    def set(self, value: float) -> None:
        """Set the power, C{_LEAD} seconds from now."""
        now = self._clock.seconds()
        same = abs(value - self.value) < _STEP and (value > 0.0) == (self.value > 0.0)
        if same and (value <= 0.0 or now - self._sent < _REFRESH):
            return
        self.value, self._sent = value, now
        self._pwm.set(self._pwm.mcu.estimated_print_time(now) + _LEAD, value)


@define(eq=False, repr=False)
class Heater(TemperatureSource):
    """One heater. C{name} is the last word of its section's name, as commands and options use it."""

    section: str
    name: str
    config: HeaterConfig
    gauge: Gauge
    _output: _Output
    control: Control = field(init=False)
    gcode_id: str | None = None
    thermometer: Thermometer = field(init=False)
    target: float = field(init=False, default=0.0)
    _demanding: Callable[[], bool] = field(init=False, default=lambda: True)
    _suspended: bool = field(init=False, default=False)
    _down: bool = field(init=False, default=False)

    @control.default
    def _make_control(self) -> Control:
        return self.config.control.make(self.config.max_power, self.config.smooth_time)

    # readings

    def read(self, time: float, celsius: float) -> None:
        """Take in a reading of C{time} (s) and set the power that follows from it."""
        smoothed = self.gauge.take(time, celsius)
        if self._down:
            return
        target = 0.0 if self._suspended else self.target
        power = self.control.update(time, celsius, target)
        # Whatever a control says: no power without a target, none above the limit.
        if target <= 0.0 or max(celsius, smoothed) >= self.config.max_temp:
            power = 0.0
        self._output.set(min(max(power, 0.0), self.config.max_power))

    @property
    def settled(self) -> bool:
        """Whether the heater is off, or its temperature has arrived at the target and stays there."""
        known = self.gauge.settled
        if known is not None:
            return known
        return self.target <= 0.0 or self.control.settled(self.temperature, self.target)

    @property
    def demanding(self) -> bool:
        """Whether the heater is meant to bring the temperature up to the target now."""
        return self.target > 0.0 and not self._suspended and self._demanding()

    # what others may ask for

    def check_target(self, celsius: float) -> None:
        """Raise CommandError when C{celsius} is neither 0 nor within the limits."""
        low, high = self.config.min_temp, self.config.max_temp
        if celsius > 0.0 and not low <= celsius <= high:
            limit = f"below its min_temp {low:g}" if celsius < low else f"above its max_temp {high:g}"
            raise CommandError(f"Requested temperature {celsius:g} for [{self.section}] is {limit}")

    def set_target(self, celsius: float) -> None:
        """Heat to C{celsius}; 0 switches off. @raise CommandError: when it is out of the limits."""
        self.check_target(celsius)
        if self._down and celsius > 0.0:
            raise CommandError(f"[{self.section}] stays off: the printer has shut down")
        self.target = max(celsius, 0.0)
        self.gauge.aim(self.target)

    def use_control(self, control: Control, demanding: Callable[[], bool]) -> Control:
        """Let another control have the heater, as tuning tests do; gives the one that had it."""
        before, self.control = self.control, control
        self._demanding = demanding
        return before

    def restore_control(self, control: Control) -> None:
        """End what L{use_control} began."""
        self.control, self._demanding = control, lambda: True

    def suspend(self, suspended: bool) -> None:
        """Keep the heater without power for a while, whatever its target is."""
        self._suspended = suspended
        if suspended and not self._down:
            self._output.set(0.0)

    # life

    def ready(self) -> None:
        """The printer is ready."""
        self.thermometer.start()

    def shutdown(self, reason: str) -> None:
        """Forget the target; the micro-controller has switched off by itself."""
        self._down, self.target = True, 0.0

    def close(self) -> None:
        """Switch off, where the printer is still alive, and end the readings."""
        self.thermometer.stop()
        if not self._down and self._output.value > 0.0:
            self.target = 0.0
            self._output.set(0.0)
        self._down = True

    def status(self, eventtime: float) -> HeaterStatus:
        """See L{HeaterStatus}."""
        return HeaterStatus(round(self.temperature, 2), self.target, self._output.value)


@define(eq=False, repr=False)
class HeaterOwner:
    """A printer object that is one heater."""

    heater: Heater

    def ready(self) -> None:
        """The printer is ready."""
        self.heater.ready()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down."""
        self.heater.shutdown(reason)

    async def close(self) -> None:
        """The printer goes away."""
        self.heater.close()

    def status(self, eventtime: float) -> HeaterStatus:
        """See L{HeaterStatus}."""
        return self.heater.status(eventtime)


def build_heater(
    config: HeaterConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: SensorType,
    gcode_id: str | None = None,
) -> Heater:
    """A heater for a section, with its sensor fitted, known to all."""
    return fit_heater(Heater, config, identity, fitter, sensor_type, gcode_id)


def fit_heater(
    kind: type[_Kind],
    config: HeaterConfig,
    identity: Identity,
    fitter: Fitter,
    sensor_type: SensorType,
    gcode_id: str | None,
) -> _Kind:
    """As L{build_heater}, for a subclass of L{Heater}."""
    clock = fitter.clock
    pwm = fitter.board.pwm_out(
        config.heater_pin, cycle_time=config.pwm_cycle_time, max_duration=MAX_HEAT_TIME
    )
    gauge, output = fitter.gauge(identity.section, config), _Output(pwm, clock)
    heater = kind(identity.section, identity.name, config, gauge, output, gcode_id)
    limits = (config.min_temp, config.max_temp)
    heater.thermometer = fitter.fit(sensor_type, config.sensor, identity, limits, heater.read)
    fitter.heaters.add(heater)
    return heater
