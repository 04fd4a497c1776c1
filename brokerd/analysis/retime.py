"""Writes exact times into a G-code file: in the slicer's comments, in M73 and at Cura's C{;TIME_ELAPSED:}.

A program of its own, since it reads every line: C{python -m brokerd.analysis.retime SOURCE DESTINATION
TIMES}, with TIMES a JSON file {total: s, layers: [s before the first layer, s of the first, ...], version}.
Within a layer time is taken to pass as the bytes do.
"""

import re
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from attrs import define

__all__ = ["MARK", "duration", "is_processed", "retime"]

MARK = b"; Times by the exact simulation of brokerd "
_LAYER = re.compile(rb"^[ \t]*;[ \t]*(?:LAYER_CHANGE|CHANGE_LAYER|LAYER:[ \t]*-?\d+|layer \d+)", re.MULTILINE)
_M73 = re.compile(rb"([PQRS])(\d+(?:\.\d+)?)")
_FOOTER = 4096  # bytes in which our mark stands


def duration(seconds: float) -> str:
    """C{1d 2h 3m 4s}."""
    rest, text = round(seconds), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if rest >= size or text:
            text += f"{rest // size}{unit} "
            rest %= size
    return f"{text}{rest}s"


def is_processed(path: Path) -> bool:
    """Whether a file has exact times already. Blocks."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _FOOTER))
        return MARK in file.read()


@define(eq=False, repr=False)
class _Clock:
    """Time by place in the file.

    @ivar starts: bytes at which stretches begin; C{times}: seconds of the print at each of them.
    """

    starts: Sequence[int]
    times: Sequence[float]
    total: float

    @staticmethod
    def of(data: bytes, layers: Sequence[float], total: float) -> "_Clock":
        begins = [0, *(match.start() for match in _LAYER.finditer(data)), _last_command(data)]
        known = sum(layers)
        if len(begins) != len(layers) + 1 or known <= 0.0:
            return _Clock([0, begins[-1]], [0.0, total], total)
        times = [0.0]
        for each in layers:
            times.append(times[-1] + each * total / known)
        return _Clock(begins, times, total)

    def at(self, place: int) -> float:
        """Seconds since the beginning."""
        index = min(max(bisect_right(self.starts, place) - 1, 0), len(self.starts) - 2)
        begin, end = self.starts[index], self.starts[index + 1]
        share = min((place - begin) / (end - begin), 1.0) if end > begin else 0.0
        return self.times[index] + share * (self.times[index + 1] - self.times[index])


def _last_command(data: bytes) -> int:
    """Where the last line that is no comment ends."""
    end = len(data)
    while end > 0:
        start = data.rfind(b"\n", 0, end) + 1
        if data[start : start + 1].isalpha():
            return end
        end = start - 1
    return len(data)


def _words(seconds: float) -> bytes:
    return duration(seconds).encode()


# How slicers state the time of the whole; what is in the first group is replaced.
_TOTALS: tuple[tuple[re.Pattern[bytes], Callable[[float], bytes]], ...] = (
    (re.compile(rb"^; estimated printing time(?: \(\w+ mode\))? = (.*)$"), _words),
    (re.compile(rb"^; model printing time: [^;]*; total estimated time: (.*)$"), _words),
    (re.compile(rb"^;TIME:([\d.]+)$"), lambda t: b"%d" % round(t)),
    (re.compile(rb"^;PRINT\.TIME:([\d.]+)$"), lambda t: b"%d" % round(t)),
    (re.compile(rb"^;Print Time: ([\d.]+)$"), lambda t: b"%d" % round(t)),
    (re.compile(rb"^; --- print time: ([\d.]+s) ---$"), lambda t: b"%ds" % round(t)),
    (re.compile(rb"^;\s+Build [Tt]ime: (.*)$"), _words),
    (
        re.compile(rb"^; (?:Estimated|Calculated-during-export) Build Time:\s+(.*)$"),
        lambda t: b"%.2f minutes" % (t / 60),
    ),
)


def _rewritten(line: bytes, place: int, clock: _Clock) -> bytes:
    """A line with the times as they are."""
    if line.startswith(b"M73"):
        now = clock.at(place)
        percent = 100.0 * now / clock.total if clock.total > 0 else 100.0
        left = (clock.total - now) / 60.0
        values = {b"P": percent, b"Q": percent, b"R": left, b"S": left}
        return _M73.sub(lambda match: match[1] + b"%d" % round(values[match[1]]), line)
    if line.startswith(b";TIME_ELAPSED:"):
        return b";TIME_ELAPSED:%.3f" % clock.at(place)
    for pattern, text in _TOTALS:
        match = pattern.match(line)
        if match is not None:
            return line[: match.start(1)] + text(clock.total) + line[match.end(1) :]
    return line


def retime(source: Path, destination: Path, times: dict[str, Any]) -> None:
    """Write C{source} with exact times. @raise OSError: if a file can't be read or written."""
    data = source.read_bytes()
    total = float(times["total"])
    clock = _Clock.of(data, [float(each) for each in times["layers"]], total)
    place, stated = 0, False
    with destination.open("wb") as out:
        for line in data.splitlines(keepends=True):
            place += len(line)
            text = line.rstrip(b"\r\n")
            if text.startswith(MARK):
                continue
            if text[:1] in b";M" and text:
                changed = _rewritten(text, place, clock)
                stated = stated or (changed.startswith(b";") and any(p.match(text) for p, _ in _TOTALS))
                line = changed + line[len(text) :]
            out.write(line)
        if not data.endswith(b"\n"):
            out.write(b"\n")
        if not stated:
            out.write(b"; estimated printing time (normal mode) = " + _words(total) + b"\n")
        out.write(MARK + str(times.get("version", "")).encode() + b"\n")


def main(words: list[str]) -> None:
    """The program."""
    source, destination, times = map(Path, words)
    retime(source, destination, orjson.loads(times.read_bytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
