"""Paths as slicers make them, and a plain reader of their G-code."""

import math
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from .paths import Target

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "config" / "samples" / "twisted-vase.gcode"
MORE = ROOT.parent / "shared" / "gcode"
"""Larger files, sliced from real models; used where they are."""
FILAMENT = 0.4 * 0.2 / (math.pi * (1.75 / 2) ** 2)
"""mm of filament for a mm of line."""


def targets(lines: Iterable[str], start: tuple[float, float, float, float]) -> Iterator[Target]:
    """Each G0 or G1 of slicer output as x, y, z, e and mm/s; coordinates are absolute, e as M82 or M83."""
    where = list(start)
    speed, relative, shift = 50.0, False, start[3]
    for text in lines:
        words = text.partition(";")[0].split()
        if not words:
            continue
        values = {word[0]: float(word[1:]) for word in words[1:] if word[0] in "XYZEF"}
        if words[0] in ("M82", "M83"):
            relative = words[0] == "M83"
        elif words[0] == "G92" and "E" in values:
            shift = where[3] - values["E"]
        elif words[0] in ("G0", "G1"):
            speed = values.pop("F", speed * 60) / 60
            for axis, value in values.items():
                number = "XYZE".index(axis)
                base = (where[3] if relative else shift) if axis == "E" else 0.0
                where[number] = base + value
            if values:
                yield (where[0], where[1], where[2], where[3], speed)


def centred(path: Iterable[Target], x: float, y: float) -> list[Target]:
    """The same path about x, y: the middle of what it covers."""
    path = list(path)
    across, along = ([target[axis] for target in path] for axis in (0, 1))
    shift = x - (min(across) + max(across)) / 2, y - (min(along) + max(along)) / 2
    return [(target[0] + shift[0], target[1] + shift[1], *target[2:]) for target in path]


class Slicer:
    """Draws a layer of a part: perimeters with rounded corners, infill, retractions with a hop, gap fill."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.lines = ["G21", "G90", "M83", "G92 E0"]
        self.x = self.y = self.z = 0.0

    def print_to(self, x: float, y: float, flow: float = 1.0) -> None:
        length = math.dist((self.x, self.y), (x, y))
        self.x, self.y = round(x, 3), round(y, 3)
        self.lines.append(f"G1 X{self.x:g} Y{self.y:g} E{length * FILAMENT * flow:.5f}")

    def travel(self, x: float, y: float, hop: bool) -> None:
        if hop:
            self.lines += ["G1 E-.8 F2400", f"G1 Z{self.z + 0.4:.2f} F720"]
        self.x, self.y = round(x, 3), round(y, 3)
        self.lines.append(f"G1 X{self.x:g} Y{self.y:g} F9000")
        if hop:
            self.lines += [f"G1 Z{self.z:.2f} F720", "G1 E.8 F2400"]

    def ring(self, radius: float, speed: int) -> None:
        """A rounded square with corners of small segments of uneven length."""
        corner = radius / 3
        self.travel(radius, 0, self.draw.random() < 0.5)
        self.lines.append(f"G1 F{speed}")
        for quarter in range(4):
            middle = (quarter + 0.5) * math.pi / 2
            at = (radius - corner) * math.sqrt(2)
            bend = 0.0
            while bend < math.pi / 2:
                a = middle - math.pi / 4 + bend
                self.print_to(
                    at * math.cos(middle) + corner * math.cos(a), at * math.sin(middle) + corner * math.sin(a)
                )
                bend += self.draw.choice((0.02, 0.05, 0.2, 0.31))
        self.print_to(radius, 0)

    def infill(self, size: float, speed: int) -> None:
        self.travel(-size, -size, True)
        self.lines.append(f"G1 F{speed}")
        x, side = -size, -1
        while x < size:
            side = -side
            self.print_to(x, side * size)
            x += 0.45 * self.draw.choice((1, 1, 4))
            self.print_to(x, side * (size + 0.003))

    def gap_fill(self, count: int) -> None:
        """Tiny moves of changing flow."""
        self.travel(self.x + 1, self.y, False)
        self.lines.append("G1 F1200")
        for _ in range(count):
            self.print_to(
                self.x + self.draw.uniform(-0.1, 0.15),
                self.y + self.draw.uniform(0, 0.05),
                self.draw.uniform(0.2, 2),
            )

    def layer(self, z: float, size: float = 8.0) -> None:
        self.z = z
        self.lines.append(f"G1 Z{z:.2f} F720")
        self.ring(size, 3600)
        self.ring(size - 0.45, 4800)
        self.infill(size - 1, 6000)
        self.gap_fill(15)


def sliced_lines(seed: int, layers: int = 1, size: float = 8.0) -> list[str]:
    """G-code of a small part about x = y = 0."""
    slicer = Slicer(seed)
    for number in range(layers):
        slicer.layer(0.2 * (number + 1), size)
    return slicer.lines


def snippets(count: int, lines: int) -> Iterator[tuple[str, list[Target]]]:
    """Pieces of real files: the sample's, and of larger files where there are some. Each from rest."""
    for path in [SAMPLE, *sorted(MORE.glob("*.gcode"))]:
        text = path.read_text("utf-8").splitlines()
        every = list(targets(text, (0.0, 0.0, 0.0, 0.0)))
        for number in range(count):
            at = 200 + (len(every) - 200 - lines) * number // max(count, 1)
            piece = every[at : at + lines]
            e = piece[0][3]
            yield (
                f"{path.name}:{number}",
                [(x, y, z, there - e, speed) for x, y, z, there, speed in piece],
            )
