"""Inputs of an MCU: analog readings, buttons, pulse counters."""

from collections.abc import Callable, Iterable, Sequence

from attrs import define, field

from klipperd.errors import ConfigError
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pin_names import describe_pin
from klipperd.objects import Pin
from klipperd.wire.codec import Message

__all__ = ["AdcIn", "Buttons", "PulseCounter"]

_START = 0.5
"""s after the MCU was configured; inputs start one after the other, so as not to report all at once."""
_STAGGER = 0.01
_BAD_READINGS = 4
"""Readings out of range, one after the other, after which the MCU shuts down."""
_MOST_RAW = 0xFFFF

_NEW_QUERY = (
    "query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u bytes_per_report=%c"
    " min_value=%hu max_value=%hu range_check_count=%c"
)
_OLD_QUERY = (
    "query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u"
    " min_value=%hu max_value=%hu range_check_count=%c"
)


def _start_clock(mcu: Mcu, oid: int) -> int:
    return mcu.print_time_to_clock(mcu.print_time_now() + _START + _STAGGER * (oid % 32)) & 0xFFFFFFFF


@define(eq=False, repr=False)
class AdcIn:
    """Readings of an analog input, 0 to 1 of its reference, at a regular interval."""

    mcu: Mcu
    oid: int
    _pin: Pin
    _on_reading: Callable[[float, float], None]
    _sample_ticks: int
    _sample_count: int
    _report_ticks: int
    _limits: tuple[float, float]
    _owner_explains: Callable[[], str | None] | None
    value: float | None = field(init=False, default=None)
    """The last reading."""

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pin: Pin,
        name: str,
        *,
        sample_time: float,
        sample_count: int,
        report_time: float,
        minimum: float,
        maximum: float,
        on_reading: Callable[[float, float], None],
        explain: Callable[[], str | None] | None = None,
    ) -> "AdcIn":
        """Have the MCU read the pin C{name}.

        @param explain: asked what is wrong with the reading after the MCU shut down for it.
        @raise ConfigError: more samples than the MCU can add up.
        """
        owner = describe_pin(pin)
        full = mcu.dictionary.integer("ADC_MAX")
        if not 1 <= sample_count <= _MOST_RAW // full:
            raise ConfigError.single(
                f"{owner}: MCU {mcu.name!r} can average 1 to {_MOST_RAW // full} samples, not {sample_count}",
                pin.place,
            )
        made = cls(
            mcu,
            mcu.configuration.new_oid(owner),
            pin,
            on_reading,
            mcu.seconds_to_ticks(sample_time),
            sample_count,
            mcu.seconds_to_ticks(report_time),
            (minimum, maximum),
            explain,
        )
        mcu.configuration.add(
            mcu.dictionary.command("config_analog_in oid=%c pin=%u"), owner, oid=made.oid, pin=name
        )
        mcu.on_start(made._query)
        mcu.on_message("analog_in_state", made._report, made.oid)
        mcu.on_fault(made._explain)
        return made

    def _query(self, resumed: bool) -> Iterable[bytes]:
        query = self.mcu.dictionary.command(_NEW_QUERY, _OLD_QUERY)
        full = self.mcu.dictionary.integer("ADC_MAX") * self._sample_count
        low, high = self._limits
        values = {
            "oid": self.oid,
            "clock": _start_clock(self.mcu, self.oid),
            "sample_ticks": self._sample_ticks,
            "sample_count": self._sample_count,
            "rest_ticks": self._report_ticks,
            "min_value": min(max(int(low * full), 0), _MOST_RAW),
            "max_value": max(0, min(-int(-high * full // 1), _MOST_RAW)),
            "range_check_count": _BAD_READINGS,
        }
        if "bytes_per_report" in query:
            values["bytes_per_report"] = 2
        yield query.encode(**values)

    def _report(self, message: Message, received: float) -> None:
        """C{values} are 16-bit sums of samples, the last of them one interval before C{next_clock}."""
        full = self.mcu.dictionary.integer("ADC_MAX") * self._sample_count
        if "value" in message.values:
            raws = [message["value"]]
        else:
            data: bytes = message["values"]
            raws = [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]
        next_clock = self.mcu.extend_clock(message["next_clock"])
        for ago, raw in zip(range(len(raws), 0, -1), raws, strict=True):
            self.value = raw / full
            clock = next_clock - ago * self._report_ticks
            self._on_reading(self.mcu.clock_to_print_time(clock), self.value)

    def _explain(self, reason: str) -> str | None:
        low, high = self._limits
        if "ADC out of range" not in reason or self.value is None or low <= self.value <= high:
            return None
        if self._owner_explains is not None and (told := self._owner_explains()) is not None:
            return told
        return (
            f"The analog input {describe_pin(self._pin)} reads {self.value:.4f} of its reference; allowed are"
            f" {low:.4f} to {high:.4f}."
        )


@define(eq=False, repr=False)
class Buttons:
    """Up to eight inputs of one MCU that are polled together."""

    mcu: Mcu
    oid: int
    _on_change: Callable[[float, tuple[bool, ...]], None]
    _count: int
    _invert: int
    _poll_ticks: int
    _acknowledged: int = field(init=False, default=0)

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pins: Sequence[tuple[Pin, str, bool, int]],
        *,
        poll_time: float,
        on_change: Callable[[float, tuple[bool, ...]], None],
    ) -> "Buttons":
        """Have the MCU poll pins given as (pin, name, inverted, pull_up).

        @param on_change: called with the print time and which ones are pressed, in the order of C{pins}.
        @raise ConfigError: there are more than eight.
        """
        first = pins[0][0]
        owner = ", ".join(describe_pin(pin) for pin, *_ in pins)
        if len(pins) > 8:
            raise ConfigError.single(f"{owner}: an MCU polls at most 8 buttons together", first.place)
        invert = sum(1 << position for position, (_, _, inverted, _) in enumerate(pins) if inverted)
        ticks = mcu.seconds_to_ticks(poll_time)
        made = cls(mcu, mcu.configuration.new_oid(owner), on_change, len(pins), invert, ticks)
        configuration, dictionary = mcu.configuration, mcu.dictionary
        configuration.add(
            dictionary.command("config_buttons oid=%c button_count=%c"),
            owner,
            oid=made.oid,
            button_count=len(pins),
        )
        add = dictionary.command("buttons_add oid=%c pos=%c pin=%u pull_up=%c")
        for position, (pin, name, _, pull_up) in enumerate(pins):
            configuration.add(add, describe_pin(pin), oid=made.oid, pos=position, pin=name, pull_up=pull_up)
        mcu.on_start(made._query)
        mcu.on_message("buttons_state", made._report, made.oid)
        return made

    def _query(self, resumed: bool) -> Iterable[bytes]:
        self._acknowledged = 0
        yield self.mcu.dictionary.command(
            "buttons_query oid=%c clock=%u rest_ticks=%u retransmit_count=%c invert=%c"
        ).encode(
            oid=self.oid,
            clock=_start_clock(self.mcu, self.oid),
            rest_ticks=self._poll_ticks,
            retransmit_count=50,
            invert=self._invert,
        )

    def _report(self, message: Message, received: float) -> None:
        """C{state} has a byte for each change, from number C{ack_count} (modulo 256) on; some are known."""
        known = (self._acknowledged - message["ack_count"]) & 0xFF
        news = message["state"][known:] if known < 128 else b""
        if not news:
            return
        self._acknowledged += len(news)
        acknowledge = self.mcu.dictionary.command("buttons_ack oid=%c count=%c")
        self.mcu.send(acknowledge.encode(oid=self.oid, count=len(news)))
        print_time = self.mcu.estimated_print_time(received)
        for state in news:
            pressed = tuple(bool(state >> position & 1) for position in range(self._count))
            self._on_change(print_time, pressed)


@define(eq=False, repr=False)
class PulseCounter:
    """Counts both edges of an input, for tachometers."""

    mcu: Mcu
    oid: int
    _on_count: Callable[[float, int], None]
    _poll_ticks: int
    _report_ticks: int

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        pin: Pin,
        name: str,
        *,
        pull_up: int,
        poll_interval: float,
        report_time: float,
        on_count: Callable[[float, int], None],
    ) -> "PulseCounter":
        """Have the MCU count at the pin C{name}.

        @param on_count: called with the print time of each report and the edges so far (modulo 2^32).
        """
        owner = describe_pin(pin)
        made = cls(
            mcu,
            mcu.configuration.new_oid(owner),
            on_count,
            mcu.seconds_to_ticks(poll_interval),
            mcu.seconds_to_ticks(report_time),
        )
        mcu.configuration.add(
            mcu.dictionary.command("config_counter oid=%c pin=%u pull_up=%c"),
            owner,
            oid=made.oid,
            pin=name,
            pull_up=pull_up,
        )
        mcu.on_start(made._query)
        mcu.on_message("counter_state", made._report, made.oid)
        return made

    def _query(self, resumed: bool) -> Iterable[bytes]:
        yield self.mcu.dictionary.command(
            "query_counter oid=%c clock=%u poll_ticks=%u sample_ticks=%u"
        ).encode(
            oid=self.oid,
            clock=_start_clock(self.mcu, self.oid),
            poll_ticks=self._poll_ticks,
            sample_ticks=self._report_ticks,
        )

    def _report(self, message: Message, received: float) -> None:
        clock = self.mcu.extend_clock(message["next_clock"]) - self._report_ticks
        self._on_count(self.mcu.clock_to_print_time(clock), message["count"])
