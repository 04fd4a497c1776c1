"""Lets the printer leave out single objects: comments that name them become EXCLUDE_OBJECT commands.

Understood are C{; printing object NAME id:N copy N} and C{; stop printing object ...} (PrusaSlicer and its
kin), C{;MESH:NAME} (Cura) and C{;PRINTING:NAME} (ideaMaker). A file is read twice, first for the outlines of
its objects and then to write it anew, so this is run as a program of its own:
C{python -m brokerd.files.objects SOURCE DESTINATION}. It ends with 0 if it wrote DESTINATION and with 3 if
there was nothing to do.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from attrs import define, field

__all__ = ["MARK", "NOTHING_TO_DO", "convex_hull", "has_tags", "is_processed", "process"]

MARK = b"; Pre-Processed for Cancel-Object support"
NOTHING_TO_DO = 3
_TAG = re.compile(
    rb"^;[ \t]*(?:(?P<stop>stop printing object)|printing object (?P<object>.+?)|MESH:(?P<mesh>.+?)"
    rb"|PRINTING:[ \t]*(?P<printing>.+?))[ \t]*$"
)
_STOP_OF_LAYER = (b";LAYER:", b"; LAYER", b";TIME_ELAPSED:", b";REMAINING_TIME:")
_EXCLUDE = b"EXCLUDE_OBJECT_"
_WORD = re.compile(rb"([XYEIJ])([-+]?(?:\d+\.?\d*|\.\d+))")
_MOST_POINTS = 4096  # of one object before they are thinned to their hull

Point = tuple[float, float]


def is_processed(header: bytes) -> bool:
    """Whether the commands are there already: by an earlier run, another program or the slicer."""
    return MARK in header or b"\n" + _EXCLUDE in header


def has_tags(data: bytes) -> bool:
    """Whether a piece of a file names objects in a way that is understood."""
    return b"; printing object " in data or b"\n;MESH:" in data or b"\n;PRINTING:" in data


def convex_hull(points: Iterable[Point]) -> list[Point]:
    """The corners of the hull, counter-clockwise [Andrew 1979]."""
    ordered = sorted(set(points))
    if len(ordered) <= 2:
        return ordered
    return _half(ordered) + _half(reversed(ordered))


def _half(points: Iterable[Point]) -> list[Point]:
    hull: list[Point] = []
    for x, y in points:
        while len(hull) >= 2:
            (x1, y1), (x2, y2) = hull[-2:]
            if (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) > 0:
                break
            hull.pop()
        hull.append((x, y))
    return hull[:-1]


@define(eq=False, repr=False)
class _Outline:
    points: list[Point] = field(factory=list)

    def add(self, point: Point) -> None:
        self.points.append(point)
        if len(self.points) > _MOST_POINTS:
            self.points = convex_hull(self.points)

    def definition(self, name: bytes) -> bytes:
        hull = convex_hull(self.points)
        if not hull:
            return _EXCLUDE + b"DEFINE NAME=" + name + b"\n"
        center = (sum(x for x, _ in hull) / len(hull), sum(y for _, y in hull) / len(hull))
        polygon = ",".join(f"[{x:.3f},{y:.3f}]" for x, y in [*hull, hull[0]])
        where = f" CENTER={center[0]:.3f},{center[1]:.3f} POLYGON=[{polygon}]\n"
        return _EXCLUDE + b"DEFINE NAME=" + name + where.encode()


@define(eq=False, repr=False)
class _Tracker:
    """Which object each line belongs to, and where the nozzle is."""

    current: bytes | None = None

    def change(self, line: bytes) -> tuple[bool, bytes | None]:
        """Whether a comment changes the object, and to which one."""
        if self.current is not None and line.startswith(_STOP_OF_LAYER):
            return True, None
        match = _TAG.match(line.rstrip(b"\r\n"))
        if match is None:
            return False, None
        name = match["object"] or match["mesh"] or match["printing"]
        if match["stop"] or name in (None, b"NONMESH", b"NON-OBJECT"):
            return True, None
        return True, re.sub(rb"[^0-9A-Za-z_]+", b"_", name).strip(b"_") or b"object"


@define(eq=False, repr=False)
class _Nozzle:
    """Where the nozzle is: absolute coordinates in mm, and the extruder's."""

    x: float = 0.0
    y: float = 0.0
    e: float = 0.0
    relative: bool = False
    relative_e: bool = False

    def move(self, line: bytes) -> bool:
        """Follow a move; tells whether it extrudes along a way."""
        words = dict(_WORD.findall(line.partition(b";")[0]))
        if b"X" in words:
            self.x = float(words[b"X"]) + (self.x if self.relative else 0.0)
        if b"Y" in words:
            self.y = float(words[b"Y"]) + (self.y if self.relative else 0.0)
        if b"E" not in words:
            return False
        value, before = float(words[b"E"]), self.e
        self.e = value
        extrudes = value > 0.0 if self.relative_e or self.relative else value > before
        return extrudes and (b"X" in words or b"Y" in words)

    def set_mode(self, line: bytes) -> None:
        """Follow a change of modes."""
        if line.startswith((b"M83", b"M82")):
            self.relative_e = line.startswith(b"M83")
        elif line.startswith((b"G90", b"G91")):
            self.relative = line.startswith(b"G91")
        elif line.startswith(b"G92"):
            self.e = float(dict(_WORD.findall(line)).get(b"E", self.e))


def _outlines(file: IO[bytes]) -> dict[bytes, _Outline]:
    """The outline of what is extruded for each object."""
    tracker, nozzle, outlines = _Tracker(), _Nozzle(), dict[bytes, _Outline]()
    outline: _Outline | None = None
    for line in file:
        if line.startswith(b";"):
            changed, name = tracker.change(line)
            if changed:
                tracker.current = name
                outline = outlines.setdefault(name, _Outline()) if name is not None else None
        elif line[:2] in (b"G0", b"G1", b"G2", b"G3") and line[2:3] in b" \t":
            start = nozzle.x, nozzle.y
            if nozzle.move(line) and outline is not None:
                outline.add(start)
                outline.add((nozzle.x, nozzle.y))
        else:
            nozzle.set_mode(line)
    return outlines


def _rewritten(file: IO[bytes], outlines: dict[bytes, _Outline]) -> Iterator[bytes]:
    tracker = _Tracker()
    defined = False
    for line in file:
        if not defined and line[:1].isalpha():
            defined = True
            yield MARK + b" by brokerd\n"
            for each, outline in outlines.items():
                yield outline.definition(each)
        changed, name = tracker.change(line) if line.startswith(b";") else (False, None)
        if changed and name != tracker.current:
            if tracker.current is not None:
                yield _EXCLUDE + b"END NAME=" + tracker.current + b"\n"
            yield line
            if name is not None:
                yield _EXCLUDE + b"START NAME=" + name + b"\n"
            tracker.current = name
            continue
        yield line
    if tracker.current is not None:
        yield _EXCLUDE + b"END NAME=" + tracker.current + b"\n"


def process(source: Path, destination: Path) -> bool:
    """Write C{source} with commands for its objects; False, and nothing written, if it has none or has them.

    @raise OSError: if a file can't be read or written.
    """
    with source.open("rb") as file:
        if is_processed(file.read(1024 * 1024)):
            return False
        file.seek(0)
        outlines = _outlines(file)
        if not outlines:
            return False
        file.seek(0)
        with destination.open("wb") as out:
            out.writelines(_rewritten(file, outlines))
    return True


def main(words: list[str]) -> int:
    """The program."""
    source, destination = map(Path, words)
    return 0 if process(source, destination) else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
