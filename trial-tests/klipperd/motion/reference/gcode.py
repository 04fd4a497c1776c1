"""What moving G-code means: a plain interpreter of lines, one at a time (G-Codes.md, RS274/NGC 3.5).

Arcs stay arcs here: into how many chords they are parted is for whoever moves along them.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

INCH = 25.4
WORD = re.compile(r"([A-Z])\s*([-+]?\d*\.?\d+)")
PLANES = {"G17": (0, 1, "IJ"), "G18": (2, 0, "KI"), "G19": (1, 2, "JK")}


@dataclass
class Straight:
    """A move to C{end} (x, y, z, e in mm) at mm/s, under an acceleration if there was an M204."""

    start: list[float]
    end: list[float]
    speed: float
    accel: float | None


@dataclass
class Arc(Straight):
    """An arc in two of the axes about C{centre}; the others go evenly. C{sweep}: radians, signed."""

    axes: tuple[int, int]
    centre: tuple[float, float]
    sweep: float


@dataclass
class Interpreter:
    position: list[float] = field(default_factory=lambda: [0.0] * 4)
    origin: list[float] = field(default_factory=lambda: [0.0] * 4)
    unit: float = 1.0
    absolute: bool = True
    absolute_e: bool = True
    feedrate: float = 25.0
    speed_factor: float = 1.0
    extrude_factor: float = 1.0
    accel: float | None = None
    plane: str = "G17"

    def moves(self, lines: Iterable[str]) -> Iterator[Straight]:
        for line in lines:
            text = line.partition(";")[0].partition("*")[0].upper()
            words = dict(WORD.findall(re.sub(r"\(.*?\)|^\s*N\d+", "", text)))
            for letter in "GM":
                if letter in words:
                    move = self.execute(letter + words.pop(letter), {k: float(v) for k, v in words.items()})
                    if move is not None:
                        yield move

    def execute(self, command: str, words: dict[str, float]) -> Straight | None:
        if command in ("G0", "G1", "G2", "G3"):
            return self.move(command, words)
        if command in PLANES:
            self.plane = command
        elif command in ("G20", "G21"):
            self.unit = INCH if command == "G20" else 1.0
        elif command in ("G90", "G91"):
            self.absolute = command == "G90"
        elif command in ("M82", "M83"):
            self.absolute_e = command == "M82"
        elif command == "M204":
            self.accel = words["S"] if "S" in words else min(words["P"], words["T"])
        elif command == "M220":
            self.speed_factor = words.get("S", 100.0) / 100
        elif command == "M221":
            # What the present E is called doesn't change.
            called = (self.position[3] - self.origin[3]) / self.extrude_factor
            self.extrude_factor = words.get("S", 100.0) / 100
            self.origin[3] = self.position[3] - called * self.extrude_factor
        elif command == "G92":
            for axis, letter in enumerate("XYZE"):
                if letter in words or not words:
                    factor = self.extrude_factor if letter == "E" else 1.0
                    value = words.get(letter, 0.0) * self.unit * factor
                    self.origin[axis] = self.position[axis] - value
        return None

    def move(self, command: str, words: dict[str, float]) -> Straight:
        if "F" in words:
            self.feedrate = words["F"] * self.unit / 60
        start, end = self.position, list(self.position)
        for axis, letter in enumerate("XYZE"):
            if letter in words:
                value = words[letter] * self.unit * (self.extrude_factor if letter == "E" else 1.0)
                relative = not self.absolute or (letter == "E" and not self.absolute_e)
                end[axis] = (start if relative else self.origin)[axis] + value
        self.position = end
        speed = self.feedrate * self.speed_factor
        if command in ("G0", "G1"):
            return Straight(start, end, speed, self.accel)
        return self.arc(Straight(start, end, speed, self.accel), command == "G2", words)

    def arc(self, move: Straight, clockwise: bool, words: dict[str, float]) -> Arc:
        first, second, letters = PLANES[self.plane]
        a, b = ((place[first], place[second]) for place in (move.start, move.end))
        if "R" in words:
            centre = centre_by_radius(a, b, words["R"] * self.unit, clockwise)
        else:
            centre = tuple(
                at + words.get(letter, 0.0) * self.unit for at, letter in zip(a, letters, strict=True)
            )
        begin, end = (math.atan2(at[1] - centre[1], at[0] - centre[0]) for at in (a, b))
        sweep = (end - begin) % math.tau
        if math.dist(a, b) < 1e-9:
            sweep = 0.0
        sweep = sweep - math.tau if clockwise else sweep or math.tau
        return Arc(move.start, move.end, move.speed, move.accel, (first, second), centre, sweep)


def centre_by_radius(a, b, radius: float, clockwise: bool) -> tuple[float, float]:
    """Of the two circles through a and b the one whose arc is less than half (more than half for R < 0)."""
    middle = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    chord = math.dist(a, b)
    height = math.sqrt(max(radius**2 - (chord / 2) ** 2, 0.0))
    left = (a[1] - b[1]) / chord, (b[0] - a[0]) / chord
    side = 1 if (radius > 0) != clockwise else -1
    return middle[0] + side * height * left[0], middle[1] + side * height * left[1]
