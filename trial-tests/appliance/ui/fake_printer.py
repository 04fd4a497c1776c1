"""A motion host as the page sees it: status objects that follow a few commands, without a time of its own.

Whoever holds it moves it on: L{FakePrinter.warm} and L{FakePrinter.print_to} do at once what takes a real
printer minutes. Field names and answers are the documented ones.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["CommandRefused", "FakePrinter"]

_HEATERS = ["extruder", "heater_bed"]
_SENSORS = [*_HEATERS, "temperature_sensor chamber"]


class CommandRefused(Exception):
    """The printer says C{!!}."""


def _number(text: str, letter: str) -> float | None:
    found = re.search(rf"\b{letter}(-?[\d.]+)", text)
    return float(found.group(1)) if found else None


class FakePrinter:
    """One printer in one of the host's named states.

    @ivar commands: every script that it was given, oldest first.
    """

    def __init__(
        self, gcodes: Path, say: Callable[[str], None], changed: Callable[[dict[str, Any]], None]
    ) -> None:
        self._gcodes = gcodes
        self._say = say
        self._changed = changed
        self.commands: list[str] = []
        self.state = "ready"
        self.message = "Printer is ready"
        self.status: dict[str, dict[str, Any]] = self._at_start()

    def _at_start(self) -> dict[str, dict[str, Any]]:
        def heater(temperature: float) -> dict[str, Any]:
            return {"temperature": temperature, "target": 0.0, "power": 0.0}

        return {
            "webhooks": {"state": "ready", "state_message": "Printer is ready"},
            "heaters": {
                "available_heaters": _HEATERS,
                "available_sensors": _SENSORS,
                "available_monitors": [],
            },
            "extruder": {**heater(24.3), "can_extrude": False},
            "heater_bed": heater(23.1),
            "temperature_sensor chamber": {
                "temperature": 25.8,
                "measured_min_temp": 24.0,
                "measured_max_temp": 26.0,
            },
            "toolhead": {
                "homed_axes": "",
                "position": [0.0, 0.0, 0.0, 0.0],
                "axis_minimum": [0.0, 0.0, 0.0, 0.0],
                "axis_maximum": [220.0, 220.0, 250.0, 0.0],
                "max_velocity": 300.0,
                "max_accel": 3000.0,
            },
            "motion_report": {
                "live_position": [0.0, 0.0, 0.0, 0.0],
                "live_velocity": 0.0,
                "live_extruder_velocity": 0.0,
            },
            "gcode_move": {
                "gcode_position": [0.0, 0.0, 0.0, 0.0],
                "speed": 1500.0,
                "speed_factor": 1.0,
                "extrude_factor": 1.0,
                "absolute_coordinates": True,
            },
            "print_stats": {
                "filename": "",
                "total_duration": 0.0,
                "print_duration": 0.0,
                "filament_used": 0.0,
                "state": "standby",
                "message": "",
                "info": {"total_layer": None, "current_layer": None},
            },
            "virtual_sdcard": {
                "is_active": False,
                "progress": 0.0,
                "file_path": None,
                "file_position": 0,
                "file_size": 0,
            },
            "display_status": {"progress": 0.0, "message": None},
            "fan": {"speed": 0.0, "rpm": None},
            "pause_resume": {"is_paused": False},
        }

    def update(self, **objects: dict[str, Any]) -> None:
        """Change fields of status objects and tell of it; C{_} in a name stands for itself."""
        for name, fields in objects.items():
            self.status[name].update(fields)
        self._changed(objects)

    # What time does to a printer

    def warm(self, share: float = 1.0) -> None:
        """Bring every heater C{share} of the way to its target (to the room, 24 C, when it is off)."""
        for name in _HEATERS:
            now = self.status[name]
            goal = now["target"] or 24.0
            temperature = round(now["temperature"] + share * (goal - now["temperature"]), 2)
            self.update(**{name: {"temperature": temperature, "power": 0.4 if now["target"] else 0.0}})

    def print_to(self, position: int, seconds: float = 600.0) -> None:
        """Have read C{position} bytes of the file, C{seconds} after its start; the end completes it."""
        size = self.status["virtual_sdcard"]["file_size"]
        ended = position >= size
        progress = position / size
        place = [110.0 + 20 * progress, 100.0, 0.2 + 8 * progress, 0.0]
        self.update(
            virtual_sdcard={
                "progress": progress,
                "file_position": position,
                "is_active": not ended,
            },
            print_stats={
                "print_duration": seconds,
                "total_duration": seconds + 60,
                "filament_used": 2000.0 * progress,
                "state": "complete" if ended else self.status["print_stats"]["state"],
            },
            motion_report={
                "live_position": place,
                "live_velocity": 0.0 if ended else 87.4,
                "live_extruder_velocity": 0.0 if ended else 3.2,
            },
            gcode_move={"gcode_position": place, "speed": 7200.0},
        )

    # What clients ask of it

    def shut_down(self, message: str, state: str = "shutdown") -> None:
        """Be in a state that needs a restart."""
        self.state, self.message = state, message
        self.update(webhooks={"state": state, "state_message": message})

    def restart(self) -> None:
        """Begin anew, ready."""
        self.state, self.message = "ready", "Printer is ready"
        self.status = self._at_start()
        self._say("// Klipper state: Ready")

    def run(self, script: str) -> None:
        """Run G-code.

        @raise CommandRefused: as a real printer does, with the reason.
        """
        self.commands.append(script)
        if self.state != "ready":
            raise CommandRefused(self.message)
        for line in script.splitlines():
            self._run_line(line.strip())

    def _run_line(self, line: str) -> None:
        word = line.split(" ")[0].upper()
        if word == "G28":
            self.update(toolhead={"homed_axes": "xyz"}, motion_report={"live_position": [0.0, 0.0, 0.0, 0.0]})
        elif word == "G1":
            self._move(line)
        elif word == "M84":
            self.update(toolhead={"homed_axes": ""})
        elif word == "M105":
            named = [("B", self.status["heater_bed"]), ("T0", self.status["extruder"])]
            self._say(
                " ".join(f"{name}:{now['temperature']:.1f} /{now['target']:.1f}" for name, now in named)
            )
        elif word == "SET_HEATER_TEMPERATURE":
            found = re.search(r"HEATER=(\S+) TARGET=(\S+)", line)
            assert found is not None, line
            if float(found.group(2)) > 300:
                raise CommandRefused(f"Requested temperature ({found.group(2)}) out of range (0.0:300.0)")
            self.update(**{found.group(1): {"target": float(found.group(2))}})
        elif word == "TURN_OFF_HEATERS":
            self.update(extruder={"target": 0.0}, heater_bed={"target": 0.0})
        elif word == "STATUS":
            self._say("// Klipper state: Ready")
        elif word not in {"G90", "G91", "SAVE_GCODE_STATE", "RESTORE_GCODE_STATE"}:
            self._say(f'// Unknown command:"{word}"')

    def _move(self, line: str) -> None:
        place = list(self.status["motion_report"]["live_position"])
        for index, axis in enumerate("XYZ"):
            place[index] += _number(line, axis) or 0.0
        if not 0 <= place[0] <= 220:
            raise CommandRefused(f"Move out of range: {place[0]:.3f} {place[1]:.3f} {place[2]:.3f} [0.000]")
        self.update(motion_report={"live_position": place})

    def start(self, filename: str) -> None:
        """Print a file of the gcodes folder."""
        path = self._gcodes / filename
        if not path.is_file():
            raise CommandRefused(f"Unable to open file: {filename}")
        self.status["print_stats"].update(self._at_start()["print_stats"])
        self.update(
            print_stats={
                "filename": filename,
                "state": "printing",
                "print_duration": 0.0,
                "filament_used": 0.0,
            },
            virtual_sdcard={
                "is_active": True,
                "progress": 0.0,
                "file_path": str(path),
                "file_position": 0,
                "file_size": path.stat().st_size,
            },
        )

    def pause(self) -> None:
        """Pause the print."""
        self.update(print_stats={"state": "paused"}, pause_resume={"is_paused": True})

    def resume(self) -> None:
        """Go on with it."""
        self.update(print_stats={"state": "printing"}, pause_resume={"is_paused": False})

    def cancel(self) -> None:
        """Give it up."""
        self.update(
            print_stats={"state": "cancelled", "filename": self.status["print_stats"]["filename"]},
            virtual_sdcard={"is_active": False, "progress": 0.0, "file_position": 0},
        )
