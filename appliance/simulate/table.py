"""A simulation's result as text for a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import IO

from appliance.simulate.result import SimulationResult

__all__ = ["ProgressBar", "duration", "render"]

_BAR = 30
_MOST_LAYERS = 8
_BLOCKS = " ▏▎▍▌▋▊▉█"
_REASONS = {
    "asked_speed": "the speed asked for",
    "max_velocity": "max_velocity",
    "axis": "an axis' own limit",
    "extruder": "the extruder",
    "acceleration": "max_accel",
    "minimum_cruise_ratio": "minimum_cruise_ratio",
    "corner_velocity": "square_corner_velocity",
    "corner_circle": "acceleration along short moves",
    "stop": "a stop",
    "none": "not known",
}


def duration(seconds: float) -> str:
    """C{1 h 02 min 03.4 s}."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    hours, rest = divmod(round(seconds, 1), 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours:.0f} h {minutes:02.0f} min {left:04.1f} s"
    return f"{minutes:.0f} min {left:04.1f} s" if minutes else f"{left:.1f} s"


class ProgressBar:
    """Shows how far a simulation is, where a person looks on."""

    def __init__(self, out: IO[str] = sys.stderr) -> None:
        self._out = out if out.isatty() else None

    def show(self, share: float, print_time: float) -> None:
        """C{share}: of the file, 0 to 1; C{print_time}: s of the print so far."""
        if self._out is None:
            return
        eighths = int(_BAR * 8 * share)
        bar = _BLOCKS[8] * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")
        self._out.write(f"\r[{bar:<{_BAR}}] {share:6.1%}  {duration(print_time)} of the print")
        self._out.flush()

    def clear(self) -> None:
        """Take the line away."""
        if self._out is not None:
            self._out.write("\r\x1b[K")
            self._out.flush()


def render(result: SimulationResult) -> str:
    """All of it but single layers."""
    return "\n".join(_lines(result))


def _lines(result: SimulationResult) -> Iterator[str]:
    speed = result.print_time / result.elapsed if result.elapsed > 0.0 else 0.0
    yield f"{result.file}  on {result.config} ({result.kinematics})"
    yield f"simulated in {result.elapsed:.2f} s, {speed:.0f} times as fast as the print"
    yield ""
    yield from _table(
        (),
        [
            ("print time", duration(result.print_time)),
            ("  in motion", duration(result.moving_time)),
            ("  heating (modelled)", duration(result.heating_time)),
            ("  dwelling, pauses", duration(result.other_time)),
            ("moves", f"{result.moves}"),
            ("path", f"{result.distance / 1000.0:.2f} m"),
            ("filament", f"{result.filament / 1000.0:.3f} m"),
            ("top speed", f"{result.top_speed:.0f} mm/s  (x, y, z: {_three(result.axis_speed)})"),
            ("top acceleration", f"{result.top_accel:.0f} mm/s²  (x, y, z: {_three(result.axis_accel)})"),
            *(("  " + _heater(h.section), f"to {h.highest_target:.0f} °C at {h.rate:.2f} °C/s")
              for h in result.heaters),
        ],
    )  # fmt: skip
    for title, rows in (
        ("by kind of line", _features(result)),
        ("by layer", _layers(result)),
        ("motors", _motors(result)),
        ("what limits the planner", _limits(result)),
    ):
        if rows:
            yield ""
            yield from _table((title, *_HEADS[title]), rows)
    for warning in result.warnings:
        yield f"warning: {warning}"


_HEADS = {
    "by kind of line": ("time", "share", "path m", "filament m", "top mm/s"),
    "by layer": ("height mm", "begins at", "time", "filament m"),
    "motors": ("steps", "peak steps/s", "99.9 % below", "rates"),
    "what limits the planner": ("time", "share"),
}


def _heater(section: str) -> str:
    return f"heater {section}"


def _three(values: list[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)


def _features(result: SimulationResult) -> list[tuple[str, ...]]:
    moving = result.moving_time or 1.0
    return [
        (f.name, duration(f.time), f"{f.time / moving:.1%}", f"{f.distance / 1000.0:.2f}",
         f"{f.filament / 1000.0:.3f}", f"{f.top_speed:.0f}")
        for f in result.features
    ]  # fmt: skip


def _layers(result: SimulationResult) -> list[tuple[str, ...]]:
    layers = result.layers
    shown = layers if len(layers) <= _MOST_LAYERS else [*layers[:3], *layers[-3:]]
    rows: list[tuple[str, ...]] = [
        (f"{at.number}", f"{at.height:g}" if at.height is not None else "", duration(at.begin),
         duration(at.time), f"{at.filament / 1000.0:.3f}")
        for at in shown
    ]  # fmt: skip
    if len(shown) < len(layers):
        times = sorted(layer.time for layer in layers)
        rows.insert(3, (f"... {len(layers)} layers", "", "median", duration(times[len(times) // 2]), ""))
    return rows


def _motors(result: SimulationResult) -> list[tuple[str, ...]]:
    return [
        (m.name, f"{m.steps}", f"{m.peak_rate:.0f}", f"{m.top_rate:.0f}", _sparks(m.rates))
        for m in result.motors
        if m.steps
    ]


def _sparks(rates: list[tuple[float, int]]) -> str:
    """Steps by rate, an octave a column, from 1 step/s up."""
    octaves: dict[int, int] = {}
    for rate, count in rates:
        octave = int(rate).bit_length() - 1
        octaves[octave] = octaves.get(octave, 0) + count
    most = max(octaves.values(), default=1)
    columns = (octaves.get(octave, 0) for octave in range(max(octaves, default=0) + 1))
    return "".join("▁▂▃▄▅▆▇█"[min(int(8 * count / most), 7)] if count else " " for count in columns)


def _limits(result: SimulationResult) -> list[tuple[str, ...]]:
    moving = result.moving_time or 1.0
    rows: list[tuple[str, ...]] = []
    for what, times in (
        ("speed: ", result.limits.cruising),
        ("acceleration: ", result.limits.accelerating),
    ):
        for reason, time in sorted(times.items(), key=lambda item: -item[1]):
            rows.append((what + _REASONS.get(reason, reason), duration(time), f"{time / moving:.1%}"))
    total = result.moves or 1
    for reason, count in sorted(result.limits.junctions.items(), key=lambda item: -item[1]):
        rows.append((f"corners: {_REASONS.get(reason, reason)}", f"{count} corners", f"{count / total:.1%}"))
    return rows


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns, the first to the left, the others to the right where they have heads."""
    rows = list(rows)
    every = [*([heads] if heads else []), *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(every[0]))]
    for number, row in enumerate(every):
        cells = [row[0].ljust(widths[0])]
        cells += [c.rjust(w) if heads else c for c, w in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()
        if heads and number == 0:
            yield "─" * (sum(widths) + 2 * (len(widths) - 1))
