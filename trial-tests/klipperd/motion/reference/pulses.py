"""Input shapers: what they are, and what vibration they leave.

C{pulses} gives those that have a formula; humps are known by what they do, see C{residual}.
"""

from collections.abc import Callable, Sequence

import numpy as np

from .motion import LD

PI = np.arccos(LD(-1))
TOLERANCE = LD("0.05")
"""Part of the vibration that the EI shapers leave at most, near their frequency."""

Pulses = list[tuple[float, float]]


def zv(k: Callable[[str], np.longdouble]) -> list[tuple[str, np.longdouble]]:
    return [("0", LD(1)), ("0.5", k("1"))]


def mzv(k: Callable[[str], np.longdouble]) -> list[tuple[str, np.longdouble]]:
    q = 1 - 1 / np.sqrt(LD(2))
    return [("0", q), ("0.375", (np.sqrt(LD(2)) - 1) * k("0.75")), ("0.75", q * k("1.5"))]


def zvd(k: Callable[[str], np.longdouble]) -> list[tuple[str, np.longdouble]]:
    return [("0", LD(1)), ("0.5", 2 * k("1")), ("1", k("2"))]


def ei(k: Callable[[str], np.longdouble]) -> list[tuple[str, np.longdouble]]:
    v = TOLERANCE
    return [("0", (1 + v) / 4), ("0.5", (1 - v) / 2 * k("1")), ("1", (1 + v) / 4 * k("2"))]


FORMULAS = {"zv": zv, "mzv": mzv, "zvd": zvd, "ei": ei}


def pulses(name: str, frequency: float, damping: float) -> Pulses:
    """(seconds, amplitude); amplitudes sum up to 1. K^c decays over c half periods."""
    root = np.sqrt(1 - LD(damping) ** 2)
    period = 1 / (LD(frequency) * root)
    found = FORMULAS[name](lambda c: np.exp(-LD(c) * LD(damping) * PI / root))
    total = sum(amplitude for _, amplitude in found)
    return [(float(LD(share) * period), float(amplitude / total)) for share, amplitude in found]


def residual(shaper: Sequence[tuple[float, float]], frequency: float, damping: float) -> float:
    """Amplitude left of a vibration after the pulses, as part of what one pulse alone would leave."""
    natural = 2 * PI * LD(frequency)
    ringing = natural * np.sqrt(1 - LD(damping) ** 2)
    times = np.array([time for time, _ in shaper], LD)
    amplitudes = np.array([amplitude for _, amplitude in shaper], LD)
    grown = amplitudes / amplitudes.sum() * np.exp(LD(damping) * natural * (times - times[-1]))
    return float(np.hypot((grown * np.cos(ringing * times)).sum(), (grown * np.sin(ringing * times)).sum()))
