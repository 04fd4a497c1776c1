"""Runs the simulation, and says what it found in the words of the API."""

import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field
from twisted.internet.defer import DeferredLock

from brokerd.errors import ApiError
from brokerd.programs import ProgramFailed, Programs
from brokerd.registry.declare import shape
from brokerd.settings import SimulatorProgram

__all__ = ["Simulator", "as_estimate", "installed", "layer_times"]

shape(
    "Estimate",
    """{
    total_time: num  # s, without waiting for temperatures
    heating_time: num  # s
    total_distance: num  # mm
    total_extrude_distance: num  # mm of filament
    max_flow: num  # mm^3/s
    max_speed: num  # mm/s
    num_moves: int
    total_output_time: num  # s of moves that extrude
    total_travel_time: num  # s of moves that don't
    phase_times: {acceleration: num, cruise: num, deceleration: num}  # s
    kind_times: {*: num}  # s by the slicer's kind of line
    layer_times: [[num]]  # pairs of height (mm) and time (s)
    simulation: {...}  # what limits the print, as the simulation tells it
}""",
)

_FILAMENT = 1.75  # mm, where the configuration is not known


def installed(words: str) -> SimulatorProgram | None:
    """The program that C{words} run, or None if there is none on the path or beside our interpreter."""
    command = tuple(words.split())
    places = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
    path = shutil.which(command[0], path=places) if command else None
    return SimulatorProgram((path, *command[1:]), "?") if path is not None else None


@define(eq=False, repr=False)
class Simulator:
    """The simulation; one at a time, and never in the way of the printer.

    @ivar program: how it is run, or None if this broker has none.
    """

    program: SimulatorProgram | None
    _programs: Programs
    _one_at_a_time: DeferredLock = field(init=False, factory=DeferredLock)

    async def run(self, file: Path, config: Path | None, timeout: float) -> dict[str, Any]:
        """What the simulation finds out about a file.

        @raise ApiError: if there is no simulation, or it fails; with its words.
        """
        if self.program is None:
            raise ApiError("there is no simulation here: the broker runs without the appliance", 503)
        words = [*self.program.command, str(file), "--json"]
        if config is not None:
            words += ["--config", str(config)]
        await self._one_at_a_time.acquire()
        try:
            ended = await self._programs.run("nice", "-n", "15", *words, timeout=timeout)
            found = orjson.loads(ended.check())
        except ProgramFailed as error:
            raise ApiError(f"the simulation: {error}") from None
        except ValueError:
            raise ApiError("the simulation did not answer with JSON") from None
        finally:
            self._one_at_a_time.release()
        if not isinstance(found, dict) or "print_time" not in found:
            raise ApiError("the simulation answered something else than was expected")
        return found


def _total(found: Mapping[str, Any]) -> float:
    """Seconds without waiting for temperatures, as slicers count them."""
    return float(found["print_time"]) - float(found.get("heating_time", 0.0))


def layer_times(found: Mapping[str, Any]) -> list[float]:
    """Seconds before the first layer and of each layer."""
    layers = found.get("layers", ())
    within = [float(each["time"]) for each in layers]
    if layers and layers[0].get("number") == 0:
        return within
    return [max(0.0, float(found.get("moving_time", 0.0)) - sum(within)), *within]


def as_estimate(found: Mapping[str, Any], filament_diameter: float = _FILAMENT) -> dict[str, Any]:
    """What C{server.analysis.estimate} answers. Times in s, lengths in mm, flow in mm^3/s."""
    features = found.get("features", ())
    area = math.pi * filament_diameter**2 / 4.0
    limits = found.get("limits", {})
    extruding = sum(float(each["time"]) for each in features if float(each.get("filament", 0.0)) > 0.0)
    moving = float(found.get("moving_time", 0.0))
    return {
        "total_time": _total(found),
        "heating_time": float(found.get("heating_time", 0.0)),
        "total_distance": found.get("distance", 0.0),
        "total_extrude_distance": found.get("filament", 0.0),
        "max_flow": max((float(each.get("top_flow", 0.0)) for each in features), default=0.0) * area,
        "max_speed": found.get("top_speed", 0.0),
        "num_moves": found.get("moves", 0),
        "total_output_time": extruding,
        "total_travel_time": max(0.0, moving - extruding),
        # Speeding up and slowing down mirror each other; the simulation counts them together.
        "phase_times": {
            "acceleration": sum(limits.get("accelerating", {}).values()) / 2.0,
            "cruise": sum(limits.get("cruising", {}).values()),
            "deceleration": sum(limits.get("accelerating", {}).values()) / 2.0,
        },
        "kind_times": {each["name"]: each["time"] for each in features},
        "layer_times": [[each.get("height") or 0.0, each["time"]] for each in found.get("layers", ())],
        "simulation": {
            name: found[name]
            for name in ("kinematics", "top_accel", "axis_speed", "axis_accel", "extent", "motors", "limits",
                         "heaters", "warnings")
            if name in found
        },
    }  # fmt: skip
