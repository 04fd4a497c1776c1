"""Slicers whose comments are no plain pairs of key and value.

Each function reads what is particular to one slicer; what they share is in L{brokerd.files.slicers}.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from brokerd.files.gcode_comments import GcodeEnds

__all__ = ["dialect_fields"]

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
# Simplify3D: ";   layerHeight,0.2" and ";   temperatureSetpointTemperatures,210,60"
_S3D_SETTING = re.compile(rb"^;\s+(\w+),(.*?)\s*$", re.MULTILINE)
_S3D_LAYER = re.compile(rb"^; layer (\d+|end),? ?(?:Z = (-?\d+(?:\.\d+)?))?", re.MULTILINE)
# KISSlicer: ";    Ext 1 =  3456.1 mm  (8.31 cm^3)", "; END_LAYER_OBJECT z=34.4"
_KISS_EXTRUDER = re.compile(rb"^;\s*Ext\s*#?\s*(\d+)\s*=\s*(\d+(?:\.\d+)?)\s*mm", re.MULTILINE)
_KISS_LAYER = re.compile(rb"^; (?:BEGIN|END)_LAYER_OBJECT z=(-?\d+(?:\.\d+)?)", re.MULTILINE)
# ideaMaker: ";Material#1 Used: 9159.6", ";Bounding Box: xmin xmax ymin ymax zmin zmax"
_IDEA_USED = re.compile(rb"^;Material ?#(\d+) Used:\s*(\d+(?:\.\d+)?)", re.MULTILINE)
_IDEA_BOX = re.compile(rb"^;Bounding Box:([^\n]*)", re.MULTILINE)
_IDEA_HEIGHT = re.compile(rb"^;HEIGHT:(\d+(?:\.\d+)?)", re.MULTILINE)
# Kiri:Moto: "; --- filament used: 1234.56 mm ---", "; --- print time: 5321s ---"
_KIRI_USED = re.compile(rb"filament used:\s*(\d+(?:\.\d+)?)\s*mm")
_KIRI_TIME = re.compile(rb"print time:\s*(\d+(?:\.\d+)?)\s*s")


def dialect_fields(slicer: str, ends: GcodeEnds) -> dict[str, Any]:
    """What only this slicer says in its way; nothing for a slicer without peculiarities."""
    read = _DIALECTS.get(slicer)
    found = {} if read is None else read(ends)
    return {name: value for name, value in found.items() if value is not None}


def _number(data: bytes | None) -> float | None:
    match = _NUMBER.search(data) if data is not None else None
    return float(match.group()) if match is not None else None


def _text(data: bytes | None) -> str | None:
    return data.decode("utf-8", "replace").strip() or None if data is not None else None


def _last(pattern: re.Pattern[bytes], data: bytes) -> bytes | None:
    found = pattern.findall(data)
    return found[-1] if found else None


def _simplify3d(ends: GcodeEnds) -> dict[str, Any]:
    settings: dict[bytes, bytes] = {}
    for name, value in _S3D_SETTING.findall(ends.header):
        settings.setdefault(name, value)
    height, percent = (
        _number(settings.get(b"layerHeight")),
        _number(settings.get(b"firstLayerHeightPercentage")),
    )
    first = round(height * percent / 100.0, 4) if height is not None and percent is not None else None
    layers = [z for _, z in _S3D_LAYER.findall(ends.footer) if z]
    return {
        "layer_height": height,
        "first_layer_height": first,
        "nozzle_diameter": _number(settings.get(b"extruderDiameter")),
        "object_height": float(layers[-1]) if layers else None,
        "filament_type": _text(settings.get(b"printMaterial")),
        **_simplify3d_temperatures(settings),
    }


def _simplify3d_temperatures(settings: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Set points stand in one list, and another list says which of them are beds."""
    points = [_number(each) for each in settings.get(b"temperatureSetpointTemperatures", b"").split(b",")]
    beds = [each.strip() == b"1" for each in settings.get(b"temperatureHeatedBed", b"").split(b",")]
    pairs = list(zip(points, beds, strict=False))
    return {
        "first_layer_extr_temp": next((point for point, bed in pairs if not bed), None),
        "first_layer_bed_temp": next((point for point, bed in pairs if bed), None),
    }


def _kisslicer(ends: GcodeEnds) -> dict[str, Any]:
    used = [float(length) for _, length in _KISS_EXTRUDER.findall(ends.footer)]
    height = _last(_KISS_LAYER, ends.footer)
    return {
        "filament_total": round(sum(used), 2) if used else None,
        "referenced_tools": [tool for tool, length in enumerate(used) if length > 0.0] or None,
        "object_height": _number(height),
    }


def _ideamaker(ends: GcodeEnds) -> dict[str, Any]:
    by_number = dict(_IDEA_USED.findall(ends.header + ends.footer))
    used = [float(length) for length in by_number.values()]
    heights = _IDEA_HEIGHT.findall(ends.header)
    box = _IDEA_BOX.search(ends.header)
    corners = [float(each) for each in _NUMBER.findall(box.group(1))] if box is not None else []
    return {
        "filament_total": round(sum(used), 2) if used else None,
        "first_layer_height": _number(heights[0]) if heights else None,
        "layer_height": _number(heights[1] if len(heights) > 1 else None),
        "object_height": corners[5] if len(corners) >= 6 else None,
    }


def _kirimoto(ends: GcodeEnds) -> dict[str, Any]:
    used, seconds = _KIRI_USED.search(ends.footer), _KIRI_TIME.search(ends.footer)
    return {
        "filament_total": _number(used.group(1)) if used is not None else None,
        "estimated_time": _number(seconds.group(1)) if seconds is not None else None,
    }


_DIALECTS: Mapping[str, Callable[[GcodeEnds], dict[str, Any]]] = {
    "Simplify3D": _simplify3d,
    "KISSlicer": _kisslicer,
    "IdeaMaker": _ideamaker,
    "KiriMoto": _kirimoto,
}
