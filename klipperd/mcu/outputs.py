"""Outputs of an MCU: on or off, or anything between by PWM; set at print times.

Source: MCU_Commands.md.  Each scheduled change takes a slot of the MCU's move queue until its time.
"""

from collections.abc import Iterable

from attrs import define, field

from klipperd.errors import ConfigError
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pin_names import describe_pin
from klipperd.objects import Pin
from klipperd.wire.codec import Encoder

__all__ = ["DigitalOut", "HardPwm", "PwmOut", "SoftPwm", "check_duration"]

_LEAST_LEAD = 0.100
"""s; a change that would come later than this is put off: better late than 'Timer too close'."""
_MOST_TICKS = (1 << 31) - 1
_QUEUE_DIGITAL = "queue_digital_out oid=%c clock=%u on_ticks=%u"


def check_duration(mcu: Mcu, pin: Pin, max_duration: float, start: float, shutdown: float) -> int:
    """C{max_duration} (s) in ticks.

    @raise ConfigError: too long for the MCU's clock, or at odds with the start value.
    """
    ticks = mcu.seconds_to_ticks(max_duration)
    if ticks > _MOST_TICKS:
        raise ConfigError.single(
            f"{describe_pin(pin)}: MCU {mcu.name!r} can time at most {_MOST_TICKS / mcu.freq:.1f} s,"
            f" not {max_duration:g} s",
            pin.place,
        )
    if ticks and start != shutdown:
        raise ConfigError.single(
            f"{describe_pin(pin)}: an output that expires must start with its shutdown value {shutdown:g},"
            f" not with {start:g}",
            pin.place,
        )
    return ticks


@define(eq=False)
class _Schedule:
    """Sends changes of one output in order, never into the past."""

    mcu: Mcu
    _command: Encoder
    _oid: int
    _owner: str
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
            f"The output {self._owner} was set last {silent:.1f} s before; it must be set again within"
            f" {self._expiry:g} s while it is on."
        )

    def set(self, print_time: float, value: int) -> None:
        """Have the output take a raw value."""
        mcu = self.mcu
        soonest = mcu.print_time_to_clock(mcu.print_time_now() + _LEAST_LEAD)
        clock = max(mcu.print_time_to_clock(print_time), soonest, self._last)
        self._last = clock
        payload = self._command.encode_fast(self._oid, clock & 0xFFFFFFFF, value)
        mcu.send(payload, self._lane, req_clock=clock, slot_until=clock)


@define(eq=False)
class DigitalOut:
    """An output that is on or off."""

    mcu: Mcu
    oid: int
    _inverted: bool
    _start: bool
    _schedule: _Schedule

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pin: Pin,
        name: str,
        *,
        inverted: bool,
        max_duration: float,
        start: float,
        shutdown: float,
    ) -> "DigitalOut":
        """Have the MCU set up the pin C{name}.

        @raise ConfigError: the duration does not fit.
        """
        ticks = check_duration(mcu, pin, max_duration, start, shutdown)
        owner = describe_pin(pin)
        oid = mcu.configuration.new_oid(owner)
        command = mcu.dictionary.command(_QUEUE_DIGITAL)
        made = cls(mcu, oid, inverted, start >= 0.5, _Schedule(mcu, command, oid, owner, max_duration))
        mcu.configuration.add(
            mcu.dictionary.command(
                "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u"
            ),
            owner,
            oid=made.oid,
            pin=name,
            value=int((start >= 0.5) != inverted),
            default_value=int((shutdown >= 0.5) != inverted),
            max_duration=ticks,
        )
        mcu.on_start(made._at_start)
        return made

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        """An MCU that was configured before has the pin as the last printer left it."""
        if resumed:
            update = self.mcu.dictionary.find_command("update_digital_out oid=%c value=%c")
            if update is not None:
                yield update.encode(oid=self.oid, value=int(self._start != self._inverted))

    def set(self, print_time: float, on: bool) -> None:
        """Switch the output at a print time."""
        self._schedule.set(print_time, int(on != self._inverted))


class PwmOut:
    """An output between 0 (off) and 1 (on)."""

    mcu: Mcu
    oid: int

    def set(self, print_time: float, value: float) -> None:
        """Set the output at a print time; C{value} is taken as 0 or 1 where it is beyond."""
        raise NotImplementedError


@define(eq=False)
class SoftPwm(PwmOut):
    """PWM that the MCU's timers do on any pin."""

    mcu: Mcu
    oid: int
    _inverted: bool
    _cycle_ticks: int
    _start: float
    _schedule: _Schedule

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pin: Pin,
        name: str,
        *,
        inverted: bool,
        cycle_time: float,
        max_duration: float,
        start: float,
        shutdown: float,
    ) -> "SoftPwm":
        """Have the MCU set up the pin C{name}.

        @raise ConfigError: a duration does not fit, or the shutdown value is neither on nor off.
        """
        ticks = check_duration(mcu, pin, max_duration, start, shutdown)
        cycle_ticks = mcu.seconds_to_ticks(cycle_time)
        owner = describe_pin(pin)
        if shutdown not in (0.0, 1.0):
            raise ConfigError.single(
                f"{owner}: without hardware_pwm the shutdown value must be 0 or 1, not {shutdown:g}",
                pin.place,
            )
        if not 0 < cycle_ticks <= _MOST_TICKS:
            raise ConfigError.single(
                f"{owner}: MCU {mcu.name!r} cannot do a cycle of {cycle_time:g} s", pin.place
            )
        oid = mcu.configuration.new_oid(owner)
        schedule = _Schedule(mcu, mcu.dictionary.command(_QUEUE_DIGITAL), oid, owner, max_duration)
        made = cls(mcu, oid, inverted, cycle_ticks, start, schedule)
        dictionary = mcu.dictionary
        mcu.configuration.add(
            dictionary.command("config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u"),
            owner,
            oid=made.oid,
            pin=name,
            value=int((start >= 1.0) != inverted),
            default_value=int((shutdown >= 1.0) != inverted),
            max_duration=ticks,
        )
        mcu.configuration.add(
            dictionary.command("set_digital_out_pwm_cycle oid=%c cycle_ticks=%u"),
            owner,
            oid=made.oid,
            cycle_ticks=cycle_ticks,
        )
        mcu.on_start(made._at_start)
        return made

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        if resumed or 0.0 < self._start < 1.0:
            self.set(0.0, self._start)
        return ()

    def set(self, print_time: float, value: float) -> None:
        """See L{PwmOut.set}."""
        value = min(max(value, 0.0), 1.0)
        if self._inverted:
            value = 1.0 - value
        self._schedule.set(print_time, int(value * self._cycle_ticks + 0.5))


@define(eq=False)
class HardPwm(PwmOut):
    """PWM that the MCU's hardware does on the pins that have it."""

    mcu: Mcu
    oid: int
    _inverted: bool
    _full: int
    _start: float
    _schedule: _Schedule

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pin: Pin,
        name: str,
        *,
        inverted: bool,
        cycle_time: float,
        max_duration: float,
        start: float,
        shutdown: float,
    ) -> "HardPwm":
        """Have the MCU set up the pin C{name}.

        @raise ConfigError: a duration does not fit.
        """
        ticks = check_duration(mcu, pin, max_duration, start, shutdown)
        owner = describe_pin(pin)
        oid = mcu.configuration.new_oid(owner)
        command = mcu.dictionary.command("queue_pwm_out oid=%c clock=%u value=%hu")
        schedule = _Schedule(mcu, command, oid, owner, max_duration)
        made = cls(mcu, oid, inverted, mcu.dictionary.integer("PWM_MAX"), start, schedule)
        mcu.configuration.add(
            mcu.dictionary.command(
                "config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u"
            ),
            owner,
            oid=made.oid,
            pin=name,
            cycle_ticks=max(1, mcu.seconds_to_ticks(cycle_time)),
            value=made._raw(start),
            default_value=made._raw(shutdown),
            max_duration=ticks,
        )
        mcu.on_start(made._at_start)
        return made

    def _raw(self, value: float) -> int:
        value = min(max(value, 0.0), 1.0)
        return int((1.0 - value if self._inverted else value) * self._full + 0.5)

    def _at_start(self, resumed: bool) -> Iterable[bytes]:
        if resumed:
            self.set(0.0, self._start)
        return ()

    def set(self, print_time: float, value: float) -> None:
        """See L{PwmOut.set}."""
        self._schedule.set(print_time, self._raw(value))
