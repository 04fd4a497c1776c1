"""What the motion core must do, computed slowly and plainly from the formulas, in 50 digits.

Shares no code with the compiled core and uses other methods: junction speeds are the greatest fixed
point of the constraints, found by sweeping until nothing changes; step times come from the textbook
root of the quadratic; smoothing is the integral that defines it.
"""

from dataclasses import dataclass, field
from decimal import Decimal, getcontext
from itertools import pairwise

getcontext().prec = 50
INFINITE = Decimal("Infinity")
ZERO = Decimal(0)
SHORTEST = Decimal("1e-9")


@dataclass
class Limits:
    max_velocity: float = 300.0
    max_accel: float = 3000.0
    square_corner_velocity: float = 5.0
    minimum_cruise_ratio: float = 0.5
    axis_velocity: tuple[float, ...] = (float("inf"),) * 3
    axis_accel: tuple[float, ...] = (float("inf"),) * 3
    instant_velocity: float = 1.0
    only_velocity: float = float("inf")
    only_accel: float = float("inf")
    pressure_advance: float = 0.0


@dataclass
class Move:
    """A move from start to end (x, y, z, e) with what the formulas need."""

    start: tuple[float, ...]
    end: tuple[float, ...]
    length: Decimal
    unit: tuple[Decimal, ...]  # of x, y, z; all zero when only e moves
    e_ratio: Decimal  # mm of e per mm of path
    cruise: Decimal  # largest v^2
    accel: Decimal
    smooth_accel: Decimal
    advance: Decimal
    entry: Decimal = ZERO  # v^2 at its start
    exit: Decimal = ZERO
    peak: Decimal = ZERO
    begins: Decimal = ZERO  # print_time

    @property
    def in_space(self) -> bool:
        return any(self.unit)

    def phases(self) -> tuple[Decimal, Decimal, Decimal]:
        """Seconds of speeding up, cruising, slowing down."""
        v0, v, v1 = self.entry.sqrt(), self.peak.sqrt(), self.exit.sqrt()
        up, down = (v - v0) / self.accel, (v - v1) / self.accel
        rest = self.length - (v0 + v) / 2 * up - (v1 + v) / 2 * down
        return up, max(rest, ZERO) / v, down

    def duration(self) -> Decimal:
        return sum(self.phases(), ZERO)


def exact(values) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def make_moves(start, targets, limits: Limits) -> list[Move]:
    """Moves through targets (x, y, z, e, speed); targets nearer than 1e-9 mm are left out."""
    moves = []
    here = tuple(start)
    for *target, speed in targets:
        move = make_move(here, tuple(target), speed, limits)
        if move is not None:
            moves.append(move)
            here = move.end
    return moves


def make_move(start, end, speed: float, limits: Limits) -> Move | None:
    delta = [b - a for a, b in zip(exact(start), exact(end), strict=True)]
    length = sum((d * d for d in delta[:3]), ZERO).sqrt()
    if length < SHORTEST:
        length, unit = abs(delta[3]), (ZERO,) * 3
        end = (*start[:3], end[3])
    else:
        unit = tuple(d / length for d in delta[:3])
    if length < SHORTEST:
        return None
    velocity, accel = Decimal(speed), Decimal(limits.max_accel)
    if any(unit):
        velocity = min(velocity, Decimal(limits.max_velocity))
    for share, axis_velocity, axis_accel in zip(unit, limits.axis_velocity, limits.axis_accel, strict=True):
        if share:
            velocity = min(velocity, Decimal(axis_velocity) / abs(share))
            accel = min(accel, Decimal(axis_accel) / abs(share))
    ratio = delta[3] / length
    printing = bool(delta[3] > 0 and (unit[0] or unit[1]))
    if ratio and not printing:
        velocity = min(velocity, Decimal(limits.only_velocity) / abs(ratio))
        accel = min(accel, Decimal(limits.only_accel) / abs(ratio))
    smooth = accel * (1 - Decimal(limits.minimum_cruise_ratio))
    advance = Decimal(limits.pressure_advance) if printing else ZERO
    return Move(tuple(start), tuple(end), length, unit, ratio, velocity**2, accel, smooth, advance)


def junction(a: Move, b: Move, limits: Limits) -> Decimal:
    """Largest v^2 at which b may follow a, reach of acceleration aside."""
    if not (a.in_space and b.in_space):
        return ZERO
    bounds = [a.cruise, b.cruise]
    cosine = -sum((p * q for p, q in zip(a.unit, b.unit, strict=True)), ZERO)
    cosine = max(min(cosine, Decimal(1)), Decimal(-1))
    sine_half = ((1 - cosine) / 2).sqrt()
    cosine_half = ((1 + cosine) / 2).sqrt()
    if sine_half < SHORTEST:
        return ZERO
    # A smaller turn is the rounding of coordinates.
    if cosine_half > SHORTEST:
        scv2 = Decimal(limits.square_corner_velocity) ** 2
        for move in (a, b):
            deviation = scv2 * (Decimal(2).sqrt() - 1) / move.accel
            bounds.append(move.accel * deviation * sine_half / (1 - sine_half))
            bounds.append(move.accel * move.length * (sine_half / cosine_half) / 2)
    if a.e_ratio != b.e_ratio:
        bounds.append((Decimal(limits.instant_velocity) / (a.e_ratio - b.e_ratio)) ** 2)
    return min(bounds)


def greatest_speeds(caps: list[Decimal], rises: list[Decimal]) -> list[Decimal]:
    """The greatest S with S_i <= caps_i and |S_i+1 - S_i| <= rises_i."""
    speeds = list(caps)
    changed = True
    while changed:
        changed = False
        for i, rise in enumerate(rises):
            for p, q in ((i, i + 1), (i + 1, i)):
                if speeds[q] > speeds[p] + rise:
                    speeds[q] = speeds[p] + rise
                    changed = True
    return speeds


def peak_of(move: Move, entry: Decimal, exit: Decimal, accel: Decimal, cap: Decimal) -> Decimal:
    return max(min(cap, (entry + exit) / 2 + accel * move.length), entry, exit)


def cruise_caps(moves: list[Move], caps: list[Decimal]) -> list[Decimal]:
    """Per move: the peak of the rise and fall that it belongs to, under the smoothed acceleration."""
    smooth = greatest_speeds(caps, [2 * move.smooth_accel * move.length for move in moves])
    peaks = [
        peak_of(move, before, after, move.smooth_accel, move.cruise)
        for move, (before, after) in zip(moves, pairwise(smooth), strict=True)
    ]

    def higher(s: Decimal, other: Decimal) -> bool:
        return s > other * (1 + Decimal("1e-9")) + Decimal("1e-15")

    rising = [higher(peak, smooth[i]) and not higher(peak, smooth[i + 1]) for i, peak in enumerate(peaks)]
    falling = [not higher(peak, smooth[i]) and higher(peak, smooth[i + 1]) for i, peak in enumerate(peaks)]
    # A junction passed as fast as its limits allow ends a run.
    passed = [s >= cap * (1 - Decimal("1e-12")) for s, cap in zip(smooth, caps, strict=True)]
    found = []
    for i, peak in enumerate(peaks):
        best, k = peak, i
        # Follow the rise to where it ends.
        while rising[k] and k + 1 < len(moves) and not passed[k + 1] and higher(peaks[k + 1], smooth[k + 1]):
            k += 1
            best = max(best, peaks[k])
        k = i
        # Follow the fall back to where it began.
        while falling[k] and k > 0 and not passed[k] and higher(peaks[k - 1], smooth[k]):
            k -= 1
            best = max(best, peaks[k])
        found.append(best)
    return found


def plan(moves: list[Move], limits: Limits, print_time: float = 0.0) -> list[Move]:
    """Fill in speeds and times; the path begins and ends at rest."""
    if not moves:
        return moves
    caps = [ZERO, *(junction(a, b, limits) for a, b in pairwise(moves)), ZERO]
    tops = cruise_caps(moves, caps)
    tight = [min(cap, tops[max(i - 1, 0)], tops[min(i, len(tops) - 1)]) for i, cap in enumerate(caps)]
    speeds = greatest_speeds(tight, [2 * move.accel * move.length for move in moves])
    begins = Decimal(print_time)
    for i, move in enumerate(moves):
        move.entry, move.exit = speeds[i], speeds[i + 1]
        move.peak = peak_of(move, move.entry, move.exit, move.accel, min(move.cruise, tops[i]))
        move.begins = begins
        begins += move.duration()
    return moves


@dataclass
class StepCounter:
    """Steps of one motor by the documented convention."""

    step_distance: Decimal
    origin: Decimal
    steps: int = 0
    direction: int = 0
    found: list[tuple[Decimal, int]] = field(default_factory=list)  # (print_time, direction)

    def threshold(self, direction: int) -> Decimal:
        halves = Decimal("0.5625") if self.direction == -direction else Decimal("0.5")
        return self.origin + (self.steps + halves * direction) * self.step_distance

    def take(self, when: Decimal, direction: int) -> None:
        self.steps += direction
        self.direction = direction
        self.found.append((when, direction))


def linear_steps(moves: list[Move], weights, step_distance: float) -> list[tuple[Decimal, int]]:
    """(print_time, direction) of each step of a motor at weights . (x, y, z, e)."""

    def coordinate(where) -> Decimal:
        # Products and sums as doubles: what is commanded is what the host's numbers say.
        return Decimal(sum(w * p for w, p in zip(weights, where, strict=True)))

    if not moves:
        return []
    counter = StepCounter(Decimal(step_distance), coordinate(moves[0].start))
    for move in moves:
        start, end = coordinate(move.start), coordinate(move.end)
        direction = 1 if end > start else -1
        while start != end and (end - counter.threshold(direction)) * direction >= SHORTEST:
            path = (counter.threshold(direction) - start) / (end - start) * move.length
            counter.take(move.begins + time_of(move, max(path, ZERO)), direction)
    return counter.found


def time_of(move: Move, path: Decimal) -> Decimal:
    """Seconds after a move's start at which path mm are done: the textbook root."""
    up, cruise, down = move.phases()
    v0, v, v1 = move.entry.sqrt(), move.peak.sqrt(), move.exit.sqrt()
    up_d, down_d = (v0 + v) / 2 * up, (v1 + v) / 2 * down
    if path < up_d:
        return ((v0 * v0 + 2 * move.accel * path).sqrt() - v0) / move.accel
    if path <= move.length - down_d:
        return up + (path - up_d) / v
    left = max(v * v - 2 * move.accel * (path - (move.length - down_d)), v1 * v1)
    return up + cruise + (v - left.sqrt()) / move.accel


class Extruder:
    """Position over time of an extruder with smoothed pressure advance, by the defining integral."""

    def __init__(self, moves: list[Move], smooth_time: float) -> None:
        self.half = smooth_time / 2
        # (begin, end, position at begin, speed at begin, acceleration, advance), in floats
        self.pieces: list[tuple[float, ...]] = []
        here, clock = moves[0].start[3], float("-inf")
        for move in moves:
            begin = float(move.begins)
            self.pieces.append((clock, begin, here, 0.0, 0.0, 0.0))
            clock = self._add(move, begin)
            here = move.end[3]
        self.pieces.append((clock, float("inf"), here, 0.0, 0.0, 0.0))

    def _add(self, move: Move, begin: float) -> float:
        ratio, accel = float(move.e_ratio), float(move.accel)
        up, cruise, down = map(float, move.phases())
        v0, v = float(move.entry.sqrt()), float(move.peak.sqrt())
        at = move.start[3]
        for span, speed, change in ((up, v0, accel), (cruise, v, 0.0), (down, v, -accel)):
            self.pieces.append((begin, begin + span, at, ratio * speed, ratio * change, float(move.advance)))
            at += ratio * (speed + change * span / 2) * span
            begin += span
        return begin

    @staticmethod
    def _value(piece, x: float) -> float:
        begin, _, at, speed, accel, advance = piece
        u = x - begin if speed or accel else 0.0
        return at + (speed + accel * u / 2) * u + advance * (speed + accel * u)

    def position(self, t: float) -> float:
        half, total = self.half, 0.0
        for piece in self.pieces:
            cuts = [max(t - half, piece[0]), min(t + half, piece[1])]
            if cuts[0] >= cuts[1]:
                continue
            if cuts[0] < t < cuts[1]:
                cuts.insert(1, t)
            # Simpson's rule is exact for the cubics that these integrands are.
            for a, b in pairwise(cuts):
                nodes = ((a, 1), ((a + b) / 2, 4), (b, 1))
                sums = sum(w * self._value(piece, x) * (half - abs(t - x)) for x, w in nodes)
                total += (b - a) / 6 * sums
        return total / half**2
