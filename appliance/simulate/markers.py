"""What slicers write into comments: where layers and kinds of lines begin.

PrusaSlicer, SuperSlicer, OrcaSlicer, Bambu Studio, Cura, ideaMaker and Simplify3D are understood.
"""

import mmap
import re
from pathlib import Path

from attrs import frozen

__all__ = ["Marker", "read_markers"]

_MARK = re.compile(
    rb"^[ \t]*;[ \t]*(?:"
    rb"(?:TYPE:|FEATURE: ?|feature )(?P<type>[^\r\n]*)"
    rb"|(?P<change>LAYER_CHANGE|CHANGE_LAYER|LAYER:[ \t]*-?\d+|layer \d+)[^\r\n]*"
    rb"|(?:Z:|Z_HEIGHT:)[ \t]*(?P<z>[0-9.]+)"
    rb")",
    re.MULTILINE,
)
_HEIGHT = re.compile(rb"Z[ \t]*=[ \t]*([0-9.]+)")


@frozen
class Marker:
    """A place in the file at which another section begins.

    C{offset}: its byte; C{layer}: 0 before the first one; C{height}: mm, None when the file doesn't say;
    C{feature}: kind of line, empty before the first is named.
    """

    offset: int
    layer: int
    height: float | None
    feature: str


def read_markers(path: str | Path) -> list[Marker]:
    """All markers of a file, in order; none of the same place. @raise OSError: it can't be read."""
    with open(path, "rb") as source:
        source.seek(0, 2)
        if source.tell() == 0:
            return []
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _find(data)


def _find(data: mmap.mmap) -> list[Marker]:
    found: list[Marker] = []
    layer, height, feature = 0, None, ""
    for match in _MARK.finditer(data):
        if match["type"] is not None:
            feature = match["type"].decode(errors="replace").strip()
        elif match["z"] is not None:
            height = _number(match["z"])
            # It belongs to the layer that has just been announced.
            if found and found[-1].layer == layer and found[-1].height is None:
                last = found[-1]
                found[-1] = Marker(last.offset, last.layer, height, last.feature)
            continue
        else:
            layer += 1
            named = _HEIGHT.search(match[0])
            height = _number(named[1]) if named else None
        found.append(Marker(match.start(), layer, height, feature))
    return found


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
