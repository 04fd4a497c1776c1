"""What a sliced file asks for, read as plainly as possible: the yardstick for what was printed.

Shares no code with the motion host. Knows G0/G1, G90/G91, M82/M83 and G92 E, which is what slicers emit.
"""

from attrs import define, field

__all__ = ["Wanted", "read_wanted"]


@define
class Wanted:
    """Where the file ends, how much it extrudes in all, and the box that it moves in after homing.

    C{extruded} is net: retracted filament counts negative (mm). Axes are X, Y, Z (mm).
    """

    position: list[float] = field(factory=lambda: [0.0, 0.0, 0.0])
    extruded: float = 0.0
    lowest: list[float] = field(factory=lambda: [float("inf")] * 3)
    highest: list[float] = field(factory=lambda: [float("-inf")] * 3)


def read_wanted(text: str) -> Wanted:
    """Walk the file line by line."""
    wanted = Wanted()
    absolute, absolute_e, last_e = True, True, 0.0
    for line in text.splitlines():
        words = line.split(";")[0].split()
        if not words:
            continue
        values = {word[0]: float(word[1:]) for word in words[1:] if word[0] in "XYZEF" and len(word) > 1}
        match words[0]:
            case "G90":
                absolute = absolute_e = True
            case "G91":
                absolute = False
            case "M82":
                absolute_e = True
            case "M83":
                absolute_e = False
            case "G92":
                last_e = values.get("E", last_e)
            case "G0" | "G1":
                for axis, letter in enumerate("XYZ"):
                    if letter in values:
                        start = 0.0 if absolute else wanted.position[axis]
                        wanted.position[axis] = start + values[letter]
                        wanted.lowest[axis] = min(wanted.lowest[axis], wanted.position[axis])
                        wanted.highest[axis] = max(wanted.highest[axis], wanted.position[axis])
                if "E" in values:
                    step = values["E"] - last_e if absolute_e and absolute else values["E"]
                    wanted.extruded += step
                    last_e += step
    return wanted
