"""What G0, G1 and their modal companions mean: from words of G-code to positions of the machine.

Positions are lists of mm: x, y, z, e, then the axes that are named in C{extra}. Three coordinate systems
are kept by two offsets (G-Codes.md, Code_Overview.md "Coordinate systems"):

  position   of the machine, as the configuration means it = G-code position * factor + base
  base       what G92 and SET_GCODE_OFFSET have shifted
  homing     the part of it that SET_GCODE_OFFSET asked for, which a G28 leaves in place
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import define, field, frozen

from klipperd.errors import CommandError

__all__ = ["INCH", "GcodeCoordinates", "GcodeState", "MoveWords"]

INCH = 25.4
"""mm"""

_E = 3


class MoveWords(Protocol):
    """A G0 or G1: L{klipperd.gcode.lexer.Line} or the present line of a C{BlockReader}."""

    def axes(
        self,
    ) -> tuple[float | None, float | None, float | None, float | None, float | None]:
        """X, Y, Z, E and F, None where absent."""

    def word(self, letter: str) -> float | None:
        """Any word."""


@frozen
class GcodeState:
    """What SAVE_GCODE_STATE keeps."""

    absolute: bool
    absolute_extrude: bool
    base: tuple[float, ...]
    position: tuple[float, ...]
    homing: tuple[float, ...]
    feedrate: float
    speed_factor: float
    extrude_factor: float


@define(eq=False)
class GcodeCoordinates:
    """The modal state of G-code moves; C{move(position, speed)} executes what comes of them.

    C{move} raises when it refuses, and then nothing here has changed. Speeds are in mm/s.
    """

    move: Callable[[Sequence[float], float], None]
    extra: Sequence[str] = ()
    absolute: bool = True
    absolute_extrude: bool = True
    unit: float = 1.0
    feedrate: float = 25.0
    speed_factor: float = 1.0
    extrude_factor: float = 1.0
    position: list[float] = field(factory=lambda: [0.0] * 4)
    base: list[float] = field(factory=lambda: [0.0] * 4)
    homing: list[float] = field(factory=lambda: [0.0] * 4)

    def linear(self, words: MoveWords) -> None:
        """Execute a G0 or G1. @raise CommandError: when it is refused; nothing has changed then."""
        x, y, z, e, f = words.axes()
        unit = self.unit
        feedrate = self.feedrate
        if f is not None:
            feedrate = f * unit / 60.0
            if feedrate <= 0.0:
                raise CommandError(f"Invalid speed: F{f:g}")
        position = self.position.copy()
        if self.absolute:
            base = self.base
            if x is not None:
                position[0] = x * unit + base[0]
            if y is not None:
                position[1] = y * unit + base[1]
            if z is not None:
                position[2] = z * unit + base[2]
        else:
            if x is not None:
                position[0] += x * unit
            if y is not None:
                position[1] += y * unit
            if z is not None:
                position[2] += z * unit
        if e is not None:
            distance = e * unit * self.extrude_factor
            if self.absolute and self.absolute_extrude:
                position[3] = distance + self.base[3]
            else:
                position[3] += distance
        if self.extra:
            self._extra_axes(words, position)
        if position != self.position:
            self.move(position, feedrate * self.speed_factor)
            self.position = position
        self.feedrate = feedrate

    def _extra_axes(self, words: MoveWords, position: list[float]) -> None:
        for index, letter in enumerate(self.extra, 4):
            value = words.word(letter)
            if value is not None:
                start = self.base[index] if self.absolute else position[index]
                position[index] = value * self.unit + start

    def set_position(self, index: int, value: float | None) -> None:
        """G92: call the present position of an axis C{value} (in G-code units), or all of it zero."""
        wanted = 0.0 if value is None else value * self.unit
        if index == _E:
            wanted *= self.extrude_factor
        self.base[index] = self.position[index] - wanted

    def set_speed_factor(self, factor: float) -> None:
        """M220."""
        self.speed_factor = factor

    def set_extrude_factor(self, factor: float) -> None:
        """M221: later extrusions count so much; the present E stays what it was called."""
        called = (self.position[_E] - self.base[_E]) / self.extrude_factor
        self.base[_E] = self.position[_E] - called * factor
        self.extrude_factor = factor

    def set_offset(self, index: int, offset: float) -> float:
        """SET_GCODE_OFFSET: the origin's offset of an axis (mm); how far that shifts it."""
        shift = offset - self.homing[index]
        self.homing[index] = offset
        self.base[index] += shift
        return shift

    def move_by(self, shifts: Sequence[float], speed: float | None) -> None:
        """Move by some mm an axis, at C{speed} or at the speed of the last G1."""
        self._go([p + s for p, s in zip(self.position, shifts, strict=True)], speed)

    def _go(self, position: list[float], speed: float | None) -> None:
        if position != self.position:
            self.move(position, speed if speed is not None else self.speed)
            self.position = position

    @property
    def speed(self) -> float:
        """That of the next move without F (mm/s)."""
        return self.feedrate * self.speed_factor

    def gcode_position(self) -> list[float]:
        """The present position as a G1 would name it (mm)."""
        called = [p - b for p, b in zip(self.position, self.base, strict=True)]
        called[_E] /= self.extrude_factor
        return called

    def machine_moved(self, position: Sequence[float]) -> None:
        """Something other than G1 has moved the machine, or has set its position."""
        self.position = list(position)
        missing = len(self.position) - len(self.base)
        if missing > 0:
            self.base.extend([0.0] * missing)
            self.homing.extend([0.0] * missing)

    def axes_homed(self, indices: Sequence[int]) -> None:
        """G28 forgets what G92 said of these axes."""
        for index in indices:
            self.base[index] = self.homing[index]

    def save(self) -> GcodeState:
        """SAVE_GCODE_STATE."""
        return GcodeState(
            self.absolute,
            self.absolute_extrude,
            tuple(self.base),
            tuple(self.position),
            tuple(self.homing),
            self.feedrate,
            self.speed_factor,
            self.extrude_factor,
        )

    def restore(self, state: GcodeState) -> None:
        """RESTORE_GCODE_STATE; the machine stays where it is."""
        self.absolute, self.absolute_extrude = state.absolute, state.absolute_extrude
        self.base, self.homing = list(state.base), list(state.homing)
        self.feedrate = state.feedrate
        self.speed_factor, self.extrude_factor = state.speed_factor, state.extrude_factor
        # Filament that moved meanwhile isn't moved back: the saved E value is called by today's place.
        self.base[_E] += self.position[_E] - state.position[_E]

    def move_back(self, state: GcodeState, speed: float | None) -> None:
        """Move x, y, z to where they were when C{state} was saved."""
        self._go([*state.position[:3], *self.position[3:]], speed)
