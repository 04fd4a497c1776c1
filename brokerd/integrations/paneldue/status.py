"""The printer's status as a PanelDue wants it: RepRapFirmware's answers to M408, M36 and M20 S2."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

__all__ = ["OBJECTS", "PanelStatus", "file_information", "listing"]

Status = Mapping[str, Mapping[str, Any]]

# What is followed of the printer, besides its heaters.
OBJECTS: Mapping[str, Sequence[str] | None] = {
    "idle_timeout": ["state"],
    "pause_resume": ["is_paused"],
    "print_stats": ["state", "filename", "print_duration", "filament_used"],
    "virtual_sdcard": ["progress", "is_active"],
    "toolhead": ["position", "homed_axes", "extruder"],
    "gcode_move": ["speed_factor", "extrude_factor", "homing_origin", "gcode_position"],
    "fan": ["speed", "rpm"],
}
_HEATER_OFF, _HEATER_ACTIVE = 0, 2


def _fixed(value: Any, places: int = 1) -> float:
    return round(float(value or 0.0), places)


@define(eq=False, repr=False)
class PanelStatus:
    """Knows the last values of all that the screen shows.

    @ivar heaters: the bed first, then the extruders, as the screen numbers them.
    @ivar extruders: names of those.
    """

    machine_name: str
    heaters: list[str] = field(init=False, factory=list)
    values: dict[str, dict[str, Any]] = field(init=False, factory=dict)

    def update(self, status: Status) -> None:
        """New values."""
        for name, values in status.items():
            self.values.setdefault(name, {}).update(values)

    def found(self, heaters: Sequence[str]) -> None:
        """The heaters that the printer has."""
        extruders = sorted(each for each in heaters if each.startswith("extruder"))
        bed = ["heater_bed"] if "heater_bed" in heaters else []
        self.heaters = [*bed, *extruders]

    @property
    def extruders(self) -> list[str]:
        return [each for each in self.heaters if each != "heater_bed"]

    def _of(self, name: str) -> Mapping[str, Any]:
        return self.values.get(name, {})

    def letter(self, ready: bool) -> str:
        """The printer's state: I idle, P printing, A paused, B busy, S stopped, C starting."""
        if not ready:
            return "S"
        state = self._of("print_stats").get("state")
        if state == "paused" or self._of("pause_resume").get("is_paused"):
            return "A"
        if state == "printing":
            return "P"
        return "B" if self._of("idle_timeout").get("state") == "Printing" else "I"

    def basic(self, ready: bool) -> dict[str, Any]:
        """The answer to C{M408 S0}."""
        heaters = [self._of(each) for each in self.heaters]
        move, toolhead = self._of("gcode_move"), self._of("toolhead")
        homed = str(toolhead.get("homed_axes", ""))
        position = move.get("gcode_position") or toolhead.get("position") or [0.0, 0.0, 0.0]
        fan, origin = self._of("fan"), move.get("homing_origin") or [0.0, 0.0, 0.0]
        answer: dict[str, Any] = {
            "status": self.letter(ready),
            "heaters": [_fixed(each.get("temperature")) for each in heaters],
            "active": [_fixed(each.get("target")) for each in heaters],
            "standby": [_fixed(each.get("target")) for each in heaters],
            "hstat": [_HEATER_ACTIVE if each.get("target") else _HEATER_OFF for each in heaters],
            "pos": [_fixed(each, 3) for each in position[:3]],
            "sfactor": _fixed(move.get("speed_factor", 1.0) * 100.0),
            "efactor": [_fixed(move.get("extrude_factor", 1.0) * 100.0)] * max(1, len(self.extruders)),
            "baby_step": _fixed(origin[2], 3),
            "tool": self._tool(toolhead),
            "probe": "0",
            "fanPercent": [_fixed(fan.get("speed", 0.0) * 100.0)],
            "fanRPM": int(fan.get("rpm") or 0),
            "homed": [int(axis in homed) for axis in "xyz"],
        }
        if answer["status"] in "PA":
            answer["fraction_printed"] = _fixed(self._of("virtual_sdcard").get("progress"), 3)
        return answer

    def _tool(self, toolhead: Mapping[str, Any]) -> int:
        try:
            return self.extruders.index(str(toolhead.get("extruder")))
        except ValueError:
            return 0 if self.extruders else -1

    def full(self, ready: bool) -> dict[str, Any]:
        """The answer to C{M408 S1} and above: with what never changes."""
        return {
            **self.basic(ready),
            "myName": self.machine_name,
            "firmwareName": "Klipper",
            "numTools": len(self.extruders),
            "geometry": "cartesian",
            "axes": 3,
            "volumes": 1,
        }

    @property
    def job(self) -> str | None:
        """The file that is being printed, or None."""
        stats = self._of("print_stats")
        return str(stats.get("filename")) if stats.get("state") in ("printing", "paused") else None

    @property
    def seconds(self) -> int:
        """How long it has been printed (s)."""
        return int(self._of("print_stats").get("print_duration") or 0)


def file_information(name: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to C{M36}, from a file's metadata."""
    modified = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(float(metadata.get("modified") or 0.0)))
    answer: dict[str, Any] = {
        "err": 0,
        "size": int(metadata.get("size") or 0),
        "lastModified": modified,
        "generatedBy": str(metadata.get("slicer") or "unknown"),
        "height": _fixed(metadata.get("object_height"), 2),
        "firstLayerHeight": _fixed(metadata.get("first_layer_height"), 2),
        "layerHeight": _fixed(metadata.get("layer_height"), 2),
        "filament": [_fixed(metadata.get("filament_total"))],
        "fileName": name,
    }
    if metadata.get("estimated_time"):
        answer["printTime"] = int(metadata["estimated_time"])
    return answer


def listing(folder: str, names: Sequence[str]) -> dict[str, Any]:
    """The answer to C{M20 S2}; folders begin with an asterisk."""
    return {"dir": folder, "files": list(names)}
