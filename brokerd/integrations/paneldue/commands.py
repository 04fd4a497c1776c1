"""What a PanelDue's G-code means here. What is not listed goes to the motion host as it is."""

import re
from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["Command", "parse", "translate"]

_WORD = re.compile(r"([A-Za-z])\s*(\"(?:[^\"]|\"\")*\"|[^\s]*)")
_CODE = re.compile(r"([GMT])\s*(\d+(?:\.\d+)?)\s*(.*)$", re.IGNORECASE | re.DOTALL)


@frozen
class Command:
    """One command.

    @ivar code: such as C{M408}; empty if it is no G-code of numbers.
    @ivar rest: all that follows it.
    @ivar text: as it came.
    """

    code: str
    rest: str
    text: str
    words: Mapping[str, str] = field(factory=dict)

    @property
    def path(self) -> str:
        """A file name that is the rest of the command, or its word P; without quotes."""
        text = self.words.get("P", self.rest)
        return text.strip().strip('"').replace('""', '"')


def parse(text: str) -> Command:
    """A command's parts."""
    found = _CODE.match(text)
    if found is None:
        return Command("", "", text)
    letter, number, rest = found.groups()
    words = {name.upper(): value.strip('"') for name, value in _WORD.findall(rest)}
    return Command(f"{letter.upper()}{number}", rest, text, words)


def _number(command: Command, name: str) -> float | None:
    try:
        return float(command.words[name])
    except (KeyError, ValueError):
        return None


def translate(command: Command, extruders: list[str]) -> str:
    """The motion host's G-code for RepRapFirmware's, where they differ.

    @param extruders: names, in the order of tools.
    """
    tool, target = _number(command, "P"), _number(command, "S")
    if command.code == "G10" and target is not None:
        name = _extruder(extruders, tool)
        return f"SET_HEATER_TEMPERATURE HEATER={name} TARGET={max(0.0, target):g}" if name else ""
    if command.code in ("M140", "M141") and target is not None:
        # Minus 273 is RepRapFirmware's way to say off.
        return f"M140 S{max(0.0, target):g}" if command.code == "M140" else ""
    if command.code == "M290":
        step = target if target is not None else _number(command, "Z")
        return f"SET_GCODE_OFFSET Z_ADJUST={step:g} MOVE=1" if step is not None else ""
    if command.code == "M221" and target is not None:
        return f"M221 S{target:g}"
    if command.code == "M106" and target is not None:
        # A fraction or of 255, as RepRapFirmware takes both.
        return f"M106 S{target * 255 if target <= 1.0 else target:g}"
    if command.code == "G32":
        return "BED_MESH_CALIBRATE"
    if command.code.startswith("T"):
        number = int(float(command.code[1:]))
        return f"T{number}" if len(extruders) > 1 else ""
    if command.code in ("M120", "M121"):
        return f"{'SAVE' if command.code == 'M120' else 'RESTORE'}_GCODE_STATE NAME=PANELDUE"
    return command.text


def _extruder(extruders: list[str], tool: float | None) -> str | None:
    number = int(tool or 0)
    return extruders[number] if 0 <= number < len(extruders) else None
