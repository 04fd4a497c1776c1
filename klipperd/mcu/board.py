"""The one way to hardware: pins of printer.cfg become outputs, inputs and motors of their MCU."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import ConfigError, KlipperdError
from klipperd.mcu.endstop import Endstop
from klipperd.mcu.inputs import AdcIn, Buttons, PulseCounter
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.outputs import DigitalOut, HardPwm, OutputPin, PwmOut, SoftPwm
from klipperd.mcu.pin_names import MAIN_CHIP, PinName, describe_pin, parse_pin
from klipperd.mcu.pins import Alias, ChipPins
from klipperd.mcu.stepper import McuStepper
from klipperd.objects import Pin
from klipperd.objects.values import nearest
from klipperd.wire.errors import WireError

__all__ = ["Board", "ClaimedPin", "PinChip"]

T = TypeVar("T")

_POLL_TIME = 0.002
"""s between two looks at buttons."""


class PinChip(Protocol):
    """Something beside MCUs whose name stands before a pin, such as C{probe:z_virtual_endstop}.

    It has those methods of L{Board} that make sense for it, with the name after the colon in front."""


@frozen
class ClaimedPin:
    """A pin of an MCU that somebody uses."""

    pin: Pin
    mcu: Mcu
    name: str
    inverted: bool
    pull_up: int


@define(eq=False, repr=False)
class Board:
    """All MCUs of the printer, by the names of pins.

    Each method is called while objects are built. It raises L{ConfigError}, with the pin's place, when the
    pin is malformed, unknown, reserved or used by another.
    """

    _clock: IReactorTime
    mcus: Mapping[str, Mcu]
    _pins: dict[str, ChipPins] = field(init=False, factory=dict)
    _chips: dict[str, Any] = field(init=False, factory=dict)
    _shared: dict[tuple[str, str], tuple[Pin, PinName, Any]] = field(init=False, factory=dict)

    @classmethod
    def of(
        cls,
        clock: IReactorTime,
        mcus: Iterable[Mcu],
        aliases: Mapping[str, Sequence[Alias]] | None = None,
        overrides: Iterable[str] = (),
    ) -> "Board":
        """A board of prepared MCUs, one of them called C{mcu}.

        @param aliases: MCU name -> aliases of its pins.
        @param overrides: names of pins that may be used twice.
        """
        made = cls(clock, {mcu.name: mcu for mcu in mcus})
        for mcu in made.mcus.values():
            pins = mcu.dictionary.enumerations.get("pin")
            reserved = ChipPins.reserved_pins(mcu.dictionary.prefixed("RESERVE_PINS_"))
            known = pins.numbers if pins is not None else {}
            made._pins[mcu.name] = ChipPins(mcu.name, known, reserved, frozenset(overrides))
            made._pins[mcu.name].add_aliases((aliases or {}).get(mcu.name, ()))
            if mcu is not made.main:
                mcu.follow(made.main)
        return made

    @property
    def main(self) -> Mcu:
        """The MCU whose clock is the print time."""
        return self.mcus[MAIN_CHIP]

    def add_chip(self, name: str, chip: PinChip) -> None:
        """Have pins C{name:...} served by C{chip}."""
        if name in self.mcus or name in self._chips:
            raise KlipperdError(f"there are two chips called {name!r}")
        self._chips[name] = chip

    # ---- pins ----

    def claim(
        self, pin: Pin, *, can_invert: bool = True, can_pull: bool = False, share: str | None = None
    ) -> ClaimedPin:
        """Use a pin of an MCU for something that has no method here."""
        parsed = parse_pin(pin, can_invert=can_invert, can_pull=can_pull)
        if parsed.chip not in self.mcus:
            raise self._unknown_chip(pin, parsed)
        name = self._pins[parsed.chip].claim(pin, parsed, share)
        return ClaimedPin(pin, self.mcus[parsed.chip], name, parsed.inverted, parsed.pull_up)

    def _unknown_chip(self, pin: Pin, parsed: PinName) -> ConfigError:
        if parsed.chip in self._chips:
            return ConfigError.single(
                f"pin {pin.text!r} of {parsed.chip!r} cannot be used for this", pin.place
            )
        known = [*self.mcus, *self._chips]
        hint = nearest(parsed.chip, known)
        return ConfigError.single(f"pin {pin.text!r}: there is no MCU {parsed.chip!r}{hint}", pin.place)

    def _delegate(self, pin: Pin, method: str, *args: Any, **options: Any) -> Any:
        """What another chip than an MCU makes of its pin; None for pins of MCUs."""
        parsed = parse_pin(pin, can_pull=True)
        serve = getattr(self._chips.get(parsed.chip), method, None)
        return serve(parsed.name, pin, *args, **options) if serve is not None else None

    def _once(self, pin: Pin, kind: str, can_pull: bool, make: Callable[[ClaimedPin], T]) -> T:
        """Something that several users of a pin share."""
        parsed = parse_pin(pin, can_pull=can_pull)
        claimed = self.claim(pin, can_pull=can_pull, share=kind)
        key = (claimed.mcu.name, claimed.name)
        before = self._shared.get(key)
        if before is None:
            made = _checked(pin, lambda: make(claimed))
            self._shared[key] = (pin, parsed, made)
            return made
        if (before[1].inverted, before[1].pull_up) != (parsed.inverted, parsed.pull_up):
            raise ConfigError.single(
                f"pin {pin.text!r} is shared with {describe_pin(before[0])}: both need the same marks ! ^ ~",
                pin.place,
            )
        shared: T = before[2]
        return shared

    # ---- outputs ----

    def digital_out(
        self,
        pin: Pin,
        *,
        max_duration: float = 2.0,
        start: float = 0.0,
        shutdown: float = 0.0,
        share: str | None = None,
    ) -> DigitalOut:
        """An output that is on or off.

        @param max_duration: s after which it falls back to C{shutdown} (and the MCU shuts down) unless it
        is set
            again; 0 = never.
        @param start: 0 or 1, its value at the start.
        @param shutdown: 0 or 1, its value when the MCU shuts down.
        @param share: all who ask for the pin with the same word get the same object.
        """
        if (served := self._delegate(pin, "digital_out", max_duration, start, shutdown)) is not None:
            made: DigitalOut = served
            return made

        def configure(claimed: ClaimedPin) -> DigitalOut:
            return DigitalOut.configure(_output(claimed, max_duration, start, shutdown))

        if share is None:
            return _checked(pin, lambda: configure(self.claim(pin)))
        return self._once(pin, share, False, configure)

    def pwm_out(
        self,
        pin: Pin,
        *,
        cycle_time: float,
        hardware: bool = False,
        max_duration: float = 2.0,
        start: float = 0.0,
        shutdown: float = 0.0,
    ) -> PwmOut:
        """An output between 0 and 1; see L{digital_out}.

        @param cycle_time: s of one cycle.
        @param hardware: by the MCU's hardware instead of its timers.
        """
        if (served := self._delegate(pin, "pwm_out", cycle_time, max_duration, start, shutdown)) is not None:
            made: PwmOut = served
            return made
        claimed = self.claim(pin)
        kind: type[HardPwm] | type[SoftPwm] = HardPwm if hardware else SoftPwm
        return _checked(
            pin,
            lambda: kind.configure(_output(claimed, max_duration, start, shutdown), cycle_time),
        )

    # ---- inputs ----

    def adc_in(
        self,
        pin: Pin,
        *,
        sample_time: float,
        sample_count: int,
        report_time: float,
        minimum: float = 0.0,
        maximum: float = 1.0,
        on_reading: Callable[[float, float], None],
        explain: Callable[[], str | None] | None = None,
    ) -> AdcIn:
        """Readings of an analog input.

        @param sample_time: s between the samples of a reading.
        @param report_time: s between readings.
        @param minimum: of the reference, 0 to 1; after four readings out of range the MCU shuts down.
        @param on_reading: called with the print time and the reading, 0 to 1.
        @param explain: asked what is wrong with the reading after the MCU shut down for it.
        """
        if (served := self._delegate(pin, "adc_in", report_time, minimum, maximum, on_reading)) is not None:
            made: AdcIn = served
            return made
        claimed = self.claim(pin, can_invert=False)
        return _checked(
            pin,
            lambda: AdcIn.configure(
                claimed.mcu,
                pin,
                claimed.name,
                sample_time=sample_time,
                sample_count=sample_count,
                report_time=report_time,
                minimum=minimum,
                maximum=maximum,
                on_reading=on_reading,
                explain=explain,
            ),
        )

    def endstop(self, pin: Pin) -> Endstop:
        """A switch that stops motors; several users of one pin get the same object."""
        if (served := self._delegate(pin, "endstop")) is not None:
            made: Endstop = served
            return made
        return self._once(
            pin,
            "endstop",
            True,
            lambda claimed: Endstop.configure(
                claimed.mcu,
                pin,
                claimed.name,
                inverted=claimed.inverted,
                pull_up=claimed.pull_up,
                clock=self._clock,
            ),
        )

    def buttons(
        self,
        pins: Sequence[Pin],
        on_change: Callable[[float, tuple[bool, ...]], None],
        *,
        poll_time: float = _POLL_TIME,
    ) -> Buttons:
        """Up to eight inputs of one MCU, polled together.

        @param on_change: called with the print time and which ones are pressed, in the order of C{pins}.
        """
        claimed = [self.claim(pin, can_pull=True) for pin in pins]
        for other in claimed[1:]:
            if other.mcu is not claimed[0].mcu:
                raise ConfigError.single(
                    f"{describe_pin(other.pin)} must be at the same MCU as {describe_pin(pins[0])}",
                    other.pin.place,
                )
        described = [(c.pin, c.name, c.inverted, c.pull_up) for c in claimed]
        return _checked(
            pins[0],
            lambda: Buttons.configure(claimed[0].mcu, described, poll_time=poll_time, on_change=on_change),
        )

    def pulse_counter(
        self,
        pin: Pin,
        *,
        poll_interval: float,
        report_time: float,
        on_count: Callable[[float, int], None],
    ) -> PulseCounter:
        """Counts both edges of an input.

        @param poll_interval: s between two looks; shorter than half a pulse.
        @param report_time: s between reports.
        @param on_count: called with the print time of each report and the edges so far (modulo 2^32).
        """
        claimed = self.claim(pin, can_pull=True, can_invert=True)
        return _checked(
            pin,
            lambda: PulseCounter.configure(
                claimed.mcu,
                pin,
                claimed.name,
                pull_up=claimed.pull_up,
                poll_interval=poll_interval,
                report_time=report_time,
                on_count=on_count,
            ),
        )

    # ---- motors ----

    def stepper(self, step_pin: Pin, dir_pin: Pin, *, pulse_duration: float | None = None) -> McuStepper:
        """A stepper motor's driver; both pins at the same MCU.

        @param pulse_duration: s; default 2 us, or 100 ns where the driver steps on both edges.
        """
        step, direction = self.claim(step_pin), self.claim(dir_pin)
        if step.mcu is not direction.mcu:
            raise ConfigError.single(
                f"{describe_pin(dir_pin)} must be at the same MCU as {describe_pin(step_pin)}", dir_pin.place
            )
        return _checked(
            step_pin,
            lambda: McuStepper.configure(
                step.mcu,
                (step_pin, step.name, step.inverted),
                (dir_pin, direction.name, direction.inverted),
                pulse_duration,
            ),
        )


def _output(claimed: ClaimedPin, max_duration: float, start: float, shutdown: float) -> OutputPin:
    return OutputPin(
        mcu=claimed.mcu,
        pin=claimed.pin,
        name=claimed.name,
        inverted=claimed.inverted,
        max_duration=max_duration,
        start=start,
        shutdown=shutdown,
    )


def _checked(pin: Pin, make: Callable[[], T]) -> T:
    """Turn what the firmware lacks into an error of the configuration."""
    try:
        return make()
    except WireError as error:
        raise ConfigError.single(f"{describe_pin(pin)}: {error}", pin.place) from error
