"""Position over time: pieces in which each axis is a quadratic of time.

All numbers are longdouble; times are print_time in seconds, positions mm.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ..oracle import Move

LD = np.longdouble
Array = NDArray[np.longdouble]
X, Y, Z, E = range(4)
REST = LD(2)
"""Seconds of rest shown before the first and after the last motion."""
NEAREST_BREAKS = LD(1e-15)
"""Seconds; pieces shorter than this are left out, since position is continuous."""


def exact(value: float | Decimal) -> np.longdouble:
    """The number itself, or its nearest longdouble."""
    return LD(str(value)) if isinstance(value, Decimal) else LD(value)


@dataclass
class Trapezoid:
    """One move: speeds up, cruises and slows down along a straight line of any number of axes.

    C{length}: of the path (mm); C{speeds}: at start, cruise and end (mm/s); C{times}: of the phases (s).
    """

    begin: float | Decimal
    start: Sequence[float]
    end: Sequence[float]
    length: float | Decimal
    speeds: Sequence[float | Decimal]
    times: Sequence[float | Decimal]
    accel: float | Decimal
    advance: float | Decimal = 0.0

    @classmethod
    def of(cls, move: Move) -> "Trapezoid":
        speeds = [speed.sqrt() for speed in (move.entry, move.peak, move.exit)]
        return cls(
            move.begins, move.start, move.end, move.length, speeds, move.phases(), move.accel, move.advance
        )

    def stretches(self) -> Iterable[tuple[np.longdouble, np.longdouble, Array]]:
        """Begin, end and coefficients (axes, 3) of each phase."""
        begin = exact(self.begin)
        where = np.array(self.start, LD)
        along = (np.array(self.end, LD) - where) / exact(self.length)
        accel = exact(self.accel)
        v0, v, _ = map(exact, self.speeds)
        for span, speed, change in zip(
            map(exact, self.times), (v0, v, v), (accel, LD(0), -accel), strict=True
        ):
            if span > NEAREST_BREAKS:
                yield begin, begin + span, np.stack([where, along * speed, along * change / 2], axis=1)
                where = where + along * (speed + change * span / 2) * span
                begin = begin + span


@dataclass
class Motion:
    """C{coefficients} (pieces, axes, 3): position = c0 + c1 u + c2 u^2, u = t - C{breaks}[piece].

    C{breaks} has one more element than there are pieces. Outside of them nothing moves. C{advance} (s) of
    pressure is that of each piece's move.
    """

    breaks: Array
    coefficients: Array
    advance: Array

    @classmethod
    def along(cls, trapezoids: Iterable[Trapezoid]) -> "Motion":
        """The motion of moves in order of time, with rests between them."""
        breaks: list[np.longdouble] = []
        pieces: list[Array] = []
        advance: list[np.longdouble] = []
        for move in trapezoids:
            for begin, end, piece in move.stretches():
                if not breaks:
                    breaks.append(begin - REST)
                    pieces.append(at_rest(move.start))
                    advance.append(LD(0))
                if not pieces or begin - breaks[-1] > NEAREST_BREAKS:
                    breaks.append(begin)
                    pieces.append(piece)
                    advance.append(exact(move.advance))
                else:
                    pieces[-1], advance[-1] = piece, exact(move.advance)
                breaks.append(end)
                pieces.append(at_rest(move.end))
                advance.append(LD(0))
        breaks.append(breaks[-1] + REST)
        return cls(np.array(breaks, LD), np.array(pieces, LD), np.array(advance, LD))

    @property
    def middles(self) -> Array:
        return (self.breaks[:-1] + self.breaks[1:]) / 2

    def piece_at(self, t: Array) -> NDArray[np.intp]:
        """The piece that holds t; the first and the last reach to infinity."""
        return np.clip(np.searchsorted(self.breaks, t, "right") - 1, 0, len(self.coefficients) - 1)

    def axes(self, t: Array, piece: NDArray[np.intp] | None = None) -> tuple[Array, Array, Array]:
        """Position, velocity and acceleration (times, axes) of the piece's polynomials, wherever t is."""
        piece = self.piece_at(t) if piece is None else piece
        c0, c1, c2 = np.moveaxis(self.coefficients[piece], 2, 0)
        u = (t - self.breaks[piece])[:, None]
        return c0 + (c1 + c2 * u) * u, c1 + 2 * c2 * u, 2 * c2

    def shaped(self, *pulses: Sequence[tuple[float, float]]) -> "Motion":
        """Each axis replaced by its mean over shifted copies: sum A_i p(t - (T_i - Tm)), Tm = sum A_i T_i.

        One list of (time, amplitude) an axis; an empty one leaves it alone.
        """
        shifts = [centred(axis) for axis in pulses]
        shifts += [[(LD(0), LD(1))]] * (self.coefficients.shape[1] - len(shifts))
        every = np.concatenate([self.breaks + shift for axis in shifts for shift, _ in axis])
        breaks = np.sort(every)
        breaks = breaks[np.concatenate([[True], np.diff(breaks) > NEAREST_BREAKS])]
        middles = (breaks[:-1] + breaks[1:]) / 2
        coefficients = np.zeros((len(middles), len(shifts), 3), LD)
        for axis, copies in enumerate(shifts):
            for shift, amplitude in copies:
                # The copy's polynomial about the new piece's begin is its Taylor series there.
                parts = self.axes(breaks[:-1] - shift, self.piece_at(middles - shift))
                for power, (part, factor) in enumerate(zip(parts, (1, 1, 2), strict=True)):
                    coefficients[:, axis, power] += amplitude * part[:, axis] / factor
        return Motion(breaks, coefficients, self.advance[self.piece_at(middles)])

    def pressed(self, share: float = 1.0) -> "Motion":
        """p + K p' on each piece, K its share of pressure advance."""
        advance = LD(share) * self.advance[:, None]
        c0, c1, c2 = np.moveaxis(self.coefficients, 2, 0)
        pressed = np.stack([c0 + advance * c1, c1 + 2 * advance * c2, c2], axis=2)
        return Motion(self.breaks, pressed, np.zeros_like(self.advance))

    def parted(self, axis: int = E) -> "Motion":
        """What an axis moves along x, along y and else, as three axes: by squares of the path's direction."""
        spans = np.diff(self.breaks)
        c1, c2 = self.coefficients[:, X : Z + 1, 1], self.coefficients[:, X : Z + 1, 2]
        way = c1 + c2 * spans[:, None]
        squares = way**2
        total = squares.sum(axis=1)
        shares = squares / np.where(total > 0, total, LD(1))[:, None]
        shares[:, Z] = 1 - shares[:, X] - shares[:, Y]
        made = self.coefficients[:, axis, None, :] * shares[:, :, None]
        gained = (made[:, :, 1] + made[:, :, 2] * spans[:, None]) * spans[:, None]
        made[:, :, 0] = np.concatenate([np.zeros((1, 3), LD), np.cumsum(gained, axis=0)[:-1]])
        made[:, Z, 0] += self.coefficients[0, axis, 0]
        return Motion(self.breaks, made, self.advance)

    def summed(self) -> "Motion":
        """One axis: the sum of all."""
        return Motion(self.breaks, self.coefficients.sum(axis=1, keepdims=True), self.advance)


def at_rest(where: Sequence[float]) -> Array:
    piece = np.zeros((len(where), 3), LD)
    piece[:, 0] = np.array(where, LD)
    return piece


def centred(pulses: Sequence[tuple[float, float]]) -> list[tuple[np.longdouble, np.longdouble]]:
    """(shift, amplitude): amplitudes made to sum up to 1, shifts to have no mean."""
    if not pulses:
        return [(LD(0), LD(1))]
    total = sum(LD(amplitude) for _, amplitude in pulses)
    mean = sum(LD(time) * LD(amplitude) for time, amplitude in pulses) / total
    return [(LD(time) - mean, LD(amplitude) / total) for time, amplitude in pulses]
