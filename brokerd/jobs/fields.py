"""What sensors add to the record of a job: one value a field, made of all measurements while the job ran."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from attrs import define, field

__all__ = ["HistoryField", "Strategy"]

Strategy = Literal["basic", "accumulate", "delta", "average", "maximum", "minimum", "collect"]
_MOST_COLLECTED = 100
_FLAGS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


@define(eq=False, repr=False)
class HistoryField:
    """One field of the job history.

    @ivar provider: who measures, such as C{sensor power_meter}.
    @ivar strategy: basic (the last measurement), accumulate (their sum), delta (last minus first), average,
        maximum, minimum, or collect (a list of different ones).
    @ivar init_tracker: whether a job begins with the last measurement before it.
    @ivar exclude_paused: whether measurements of a paused job count for nothing.
    @ivar report_total: whether the values of all jobs are added up.
    @ivar report_maximum: whether the greatest value of all jobs is kept.
    @ivar precision: decimals of what is reported, or None.
    """

    provider: str
    name: str
    description: str = ""
    units: str | None = None
    strategy: Strategy = "basic"
    init_tracker: bool = False
    exclude_paused: bool = False
    report_total: bool = False
    report_maximum: bool = False
    precision: int | None = None
    _last: Any = field(init=False, default=None)
    _value: Any = field(init=False, default=None)
    _count: int = field(init=False, default=0)
    _reference: float | None = field(init=False, default=None)
    _running: bool = field(init=False, default=False)
    _paused: bool = field(init=False, default=False)

    @staticmethod
    def parse(provider: str, name: str, options: Mapping[str, str]) -> "tuple[str, HistoryField]":
        """From the pairs of an option C{history_field_NAME}: the parameter that feeds it, and the field.

        @raise ValueError: with what is wrong.
        """
        given = dict(options)
        parameter = given.pop("parameter", "")
        if not parameter:
            raise ValueError("a history field needs parameter=NAME")
        converted: dict[str, Any] = {}
        for key, text in given.items():
            convert = _OPTIONS.get(key)
            if convert is None:
                raise ValueError(f"a history field knows {', '.join(('parameter', *_OPTIONS))}, not {key!r}")
            converted["description" if key == "desc" else key] = convert(text)
        return parameter, HistoryField(provider, name, **converted)

    def measured(self, value: Any) -> None:
        """A new measurement."""
        self._last = value
        if self._running and not (self._paused and self.exclude_paused):
            self._track(value)

    def begin(self) -> None:
        """A job begins."""
        self._running, self._paused = True, False
        self._count = 0
        self._reference = None
        self._value = [] if self.strategy == "collect" else 0.0 if self.strategy in _SUMS else None
        if self.init_tracker and self._last is not None:
            self._track(self._last)

    def pause(self, paused: bool) -> None:
        """The job is paused, or goes on."""
        if paused != self._paused:
            self._paused = paused
            if self.exclude_paused:
                self._reference = None

    def end(self) -> None:
        """The job is over; its value stays until the next one begins."""
        self._running = False

    @property
    def value(self) -> Any:
        """What the job has come to so far; None if nothing was measured."""
        value = self._value
        if self.strategy == "average":
            value = value / self._count if self._count else None
        if isinstance(value, float) and self.precision is not None:
            value = round(value, self.precision)
        return list(value) if isinstance(value, list) else value

    @property
    def entry(self) -> dict[str, Any]:
        """As C{auxiliary_data} shows it."""
        return {
            "provider": self.provider,
            "name": self.name,
            "value": self.value,
            "description": self.description,
            "units": self.units,
        }

    @property
    def has_totals(self) -> bool:
        return self.strategy != "collect" and (self.report_total or self.report_maximum)

    def _track(self, value: Any) -> None:
        self._count += 1
        if self.strategy == "basic":
            self._value = value
        elif self.strategy == "collect":
            if value not in self._value:
                self._value = [*self._value, value][-_MOST_COLLECTED:]
        elif isinstance(value, int | float):
            self._track_number(float(value))

    def _track_number(self, value: float) -> None:
        before = self._value
        match self.strategy:
            case "accumulate" | "average":
                self._value = (before or 0.0) + value
            case "delta":
                self._value = before + value - (value if self._reference is None else self._reference)
                self._reference = value
            case "maximum":
                self._value = value if before is None else max(before, value)
            case "minimum":
                self._value = value if before is None else min(before, value)


_SUMS = ("accumulate", "delta")


def _flag(text: str) -> bool:
    try:
        return _FLAGS[text.lower()]
    except KeyError:
        raise ValueError(f"{text!r} is neither true nor false") from None


def _strategy(text: str) -> str:
    if text.lower() not in get_args(Strategy):
        raise ValueError(f"the strategy is one of {', '.join(get_args(Strategy))}, not {text!r}")
    return text.lower()


def _precision(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"the precision is an integer, not {text!r}") from None


_OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "desc": str,
    "strategy": _strategy,
    "units": str,
    "init_tracker": _flag,
    "exclude_paused": _flag,
    "report_total": _flag,
    "report_maximum": _flag,
    "precision": _precision,
}
