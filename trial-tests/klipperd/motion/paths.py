"""Paths to test with: random ones, dense curves as slicers make them, and nasty ones."""

import math
import random

Target = tuple[float, float, float, float, float]


def random_path(seed: int, count: int) -> list[Target]:
    """Moves of all sizes and directions within 0..200 mm, some printing, some retracting."""
    draw = random.Random(seed)
    x, y, z, e = 100.0, 100.0, 10.0, 0.0
    path = []
    for _ in range(count):
        size = 10 ** draw.uniform(-3, 1.7)
        kind = draw.random()
        speed = 10 ** draw.uniform(0.3, 2.7)
        if kind < 0.1:
            e += draw.choice((-1, 1)) * draw.uniform(0.01, 2)
        elif kind < 0.15:
            z = min(max(z + draw.uniform(-1, 1), 0), 200)
        else:
            angle = draw.uniform(0, 2 * math.pi)
            there = min(max(x + size * math.cos(angle), 0), 200), min(max(y + size * math.sin(angle), 0), 200)
            if kind > 0.4:
                e += 0.033 * math.dist((x, y), there)
            x, y = there
        path.append((round(x, 4), round(y, 4), round(z, 4), round(e, 5), round(speed, 2)))
    return path


def vase_path(turns: float, segment: float = 0.3, radius: float = 20.0, speed: float = 80.0) -> list[Target]:
    """A wavy spiral of short segments, extruding all the time, numbers as a slicer writes them."""
    path = []
    count = int(turns * 2 * math.pi * radius / segment)
    e, last = 0.0, (100.0 + radius, 100.0)
    path.append((*last, 0.2, 0.0, 150.0))
    for i in range(1, count):
        angle = i * segment / radius
        r = radius + 1.5 * math.sin(9 * angle)
        there = round(100 + r * math.cos(angle), 3), round(100 + r * math.sin(angle), 3)
        e = round(e + 0.03326 * math.dist(last, there), 5)
        path.append((*there, round(0.2 + 0.2 * angle / (2 * math.pi), 3), e, speed))
        last = there
    return path


def zigzag_path(count: int, width: float = 3.0, speed: float = 200.0) -> list[Target]:
    """Solid infill: short parallel lines."""
    path = []
    for i in range(count):
        x = 100.0 + (width if i % 2 else 0.0) + 0.2 * (i // 2 % 2)
        path.append((x, 100.0 + 0.4 * ((i + 1) // 2), 0.2, round(0.033 * (width + 0.4) * i, 5), speed))
    return path
