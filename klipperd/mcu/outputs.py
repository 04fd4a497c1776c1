"""Outputs of an MCU: on or off, or anything between by PWM; set at print times.

Source: MCU_Commands.md.  Each scheduled change takes a slot of the MCU's move queue until its time.
"""

from collections.abc import Iterable

from attrs import define, field, frozen

from klipperd.errors import ConfigError
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pin_names import describe_pin
from klipperd.objects import Pin
from klipperd.wire.codec import Encoder

__all__ = ["DigitalOut", "HardPwm", "OutputPin", "PwmOut", "SoftPwm"]

_LEAST_LEAD = 0.100
"""s; a change that would come later than this is put off: better late than 'Timer too close'."""
_MOST_TICKS = (1 << 31) - 1
_QUEUE_DIGITAL = "queue_digital_out oid=%c clock=%u on_ticks=%u"


@frozen(kw_only=True)
class OutputPin:
    """A claimed pin and what holds for any output on it.

    @ivar name: the pin's name at the MCU.
    @ivar max_duration: s after which the MCU shuts down when the output was not set again; 0 = never.
    @ivar start: value (0 to 1) from the start on; C{shutdown}: when the MCU shuts down.
    """

    mcu: Mcu
    pin: Pin
    name: str
    inverted: bool
    max_duration: float
    start: float
    shutdown: float

    def error(self, problem: str) -> ConfigError:
        """An error about this pin."""
        return ConfigError.single(f"{describe_pin(self.pin)}: {problem}", self.pin.place)

    def duration_ticks(self) -> int:
        """C{max_duration} in ticks.

        @raise ConfigError: too long for the MCU's clock, or at odds with the start value.
        """
        ticks = self.mcu.seconds_to_ticks(self.max_duration)
        if ticks > _MOST_TICKS:
            most = _MOST_TICKS / self.mcu.freq
            raise self.error(
                f"MCU {self.mcu.name!r} can time at most {most:.1f} s, not {self.max_duration:g} s"
            )
        if ticks and self.start != self.shutdown:
            raise self.error(
                f"an output that expires must start with its shutdown value {self.shutdown:g},"
                f" not with {self.start:g}"
            )
        return ticks

    def schedule(self, message: str) -> "_Schedule":
        """Changes by C{message}, of a new object of the MCU."""
        owner = describe_pin(self.pin)
        oid = self.mcu.configuration.new_oid(owner)
        return _Schedule(self.mcu, self.mcu.dictionary.command(message), oid, owner, self.max_duration)

    def configure(self, schedule: "_Schedule", message: str, **values: int | str) -> None:
        """Have the MCU configure the object of C{schedule}."""
        command = self.mcu.dictionary.command(message)
        self.mcu.configuration.add(command, schedule.owner, oid=schedule.oid, **values)

    def configure_digital(self, schedule: "_Schedule", on_from: float) -> None:
        """Have the MCU configure a digital output; values from C{on_from} up are on."""
        self.configure(
            schedule,
            "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u",
            pin=self.name,
            value=int((self.start >= on_from) != self.inverted),
            default_value=int((self.shutdown >= on_from) != self.inverted),
            max_duration=self.duration_ticks(),
        )

    def raw(self, value: float, full: int) -> int:
        """A value of PWM as the MCU takes it, C{full} being always on."""
        value = min(max(value, 0.0), 1.0)
        return int((1.0 - value if self.inverted else value) * full + 0.5)


@define(eq=False, repr=False)
class _Schedule:
    """Sends changes of one output in order, never into the past."""

    mcu: Mcu
    _command: Encoder
    oid: int
    owner: str
    _expiry: float
    """s after which the MCU shuts down when the output was not set again; 0 = never."""
    _lane: int = field(init=False)
    _last: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._lane = self.mcu.new_lane()
        if self._expiry:
            self.mcu.on_fault(self._explain)

    def _explain(self, reason: str) -> str | None:
        silent = self.mcu.print_time_now() - self.mcu.clock_to_print_time(self._last)
        if "Missed scheduling" not in reason or not self._last or silent < 0.9 * self._expiry:
            return None
        return (
            f"The output {self.owner} was set last {silent:.1f} s before; it must be set again within"
            f" {self._expiry:g} s while it is on."
        )

    def set(self, print_time: float, value: int) -> None:
        """Have the output take a raw value."""
        mcu = self.mcu
        soonest = mcu.print_time_to_clock(mcu.print_time_now() + _LEAST_LEAD)
        clock = max(mcu.print_time_to_clock(print_time), soonest, self._last)
        self._last = clock
        payload = self._command.encode_fast(self.oid, clock & 0xFFFFFFFF, value)
        mcu.send(payload, self._lane, req_clock=clock, slot_until=clock)


@define(eq=False, repr=False)
class DigitalOut:
    """An output that is on or off."""

    _pin: OutputPin
    _schedule: _Schedule

    @classmethod
    def configure(cls, pin: OutputPin) -> "DigitalOut":
        """Have the MCU set up the pin.

        @raise ConfigError: the duration does not fit.
        """
        made = cls(pin, pin.schedule(_QUEUE_DIGITAL))
        pin.configure_digital(made._schedule, 0.5)
        pin.mcu.on_start(made._at_start)
        return made

    @property
    def mcu(self) -> Mcu:
        """The MCU that the pin is at."""
        return self._pin.mcu

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        """An MCU that was configured before has the pin as the last printer left it."""
        if resumed:
            update = self.mcu.dictionary.find_command("update_digital_out oid=%c value=%c")
            if update is not None:
                value = (self._pin.start >= 0.5) != self._pin.inverted
                yield update.encode(oid=self._schedule.oid, value=int(value))

    def set(self, print_time: float, on: bool) -> None:
        """Switch the output at a print time."""
        self._schedule.set(print_time, int(on != self._pin.inverted))


@define(eq=False, repr=False)
class PwmOut:
    """An output between 0 (off) and 1 (on).

    @ivar _full: its raw value when it is always on.
    """

    _pin: OutputPin
    _schedule: _Schedule
    _full: int

    @property
    def mcu(self) -> Mcu:
        """The MCU that the pin is at."""
        return self._pin.mcu

    def set(self, print_time: float, value: float) -> None:
        """Set the output at a print time; C{value} is taken as 0 or 1 where it is beyond."""
        self._schedule.set(print_time, self._pin.raw(value, self._full))


class SoftPwm(PwmOut):
    """PWM that the MCU's timers do on any pin."""

    @classmethod
    def configure(cls, pin: OutputPin, cycle_time: float) -> "SoftPwm":
        """Have the MCU set up the pin, with cycles of C{cycle_time} s.

        @raise ConfigError: a duration does not fit, or the shutdown value is neither on nor off.
        """
        cycle_ticks = pin.mcu.seconds_to_ticks(cycle_time)
        if pin.shutdown not in (0.0, 1.0):
            raise pin.error(f"without hardware_pwm the shutdown value must be 0 or 1, not {pin.shutdown:g}")
        if not 0 < cycle_ticks <= _MOST_TICKS:
            raise pin.error(f"MCU {pin.mcu.name!r} cannot do a cycle of {cycle_time:g} s")
        made = cls(pin, pin.schedule(_QUEUE_DIGITAL), cycle_ticks)
        pin.configure_digital(made._schedule, 1.0)
        message = "set_digital_out_pwm_cycle oid=%c cycle_ticks=%u"
        pin.configure(made._schedule, message, cycle_ticks=cycle_ticks)
        pin.mcu.on_start(made._at_start)
        return made

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        if resumed or 0.0 < self._pin.start < 1.0:
            self.set(0.0, self._pin.start)
        return ()


class HardPwm(PwmOut):
    """PWM that the MCU's hardware does on the pins that have it."""

    @classmethod
    def configure(cls, pin: OutputPin, cycle_time: float) -> "HardPwm":
        """Have the MCU set up the pin, with cycles of about C{cycle_time} s.

        @raise ConfigError: a duration does not fit.
        """
        full = pin.mcu.dictionary.integer("PWM_MAX")
        made = cls(pin, pin.schedule("queue_pwm_out oid=%c clock=%u value=%hu"), full)
        pin.configure(
            made._schedule,
            "config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u",
            pin=pin.name,
            cycle_ticks=max(1, pin.mcu.seconds_to_ticks(cycle_time)),
            value=pin.raw(pin.start, full),
            default_value=pin.raw(pin.shutdown, full),
            max_duration=pin.duration_ticks(),
        )
        pin.mcu.on_start(made._at_start)
        return made

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        if resumed:
            self.set(0.0, self._pin.start)
        return ()
