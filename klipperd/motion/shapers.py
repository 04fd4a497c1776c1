"""Input shapers: what pulses suppress a vibration of a given frequency and damping.

Only the pulses; how motion is shaped by them is in C{shaped.pyx}. Formulas: docs/motion.md.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

__all__ = ["MOST_DAMPING", "NAMES", "Pulses", "ShaperProblem", "check_shaper", "is_custom", "pulses"]

Pulses = list[tuple[float, float]]
"""(s, share of 1) of each."""


class ShaperProblem(ValueError):
    """There is no such shaper, or not with such parameters."""


class _Wave(NamedTuple):
    """A damped vibration."""

    period: float
    """s, of the damped vibration."""
    damping: float
    """Ratio."""

    def decay(self, periods: float) -> float:
        """What is left of an amplitude after so many periods."""
        zeta = self.damping
        return math.exp(-2.0 * math.pi * zeta * periods / math.sqrt(1.0 - zeta * zeta))

    def at(self, *shares: tuple[float, float]) -> Pulses:
        """Pulses at (periods, amplitude before decay)."""
        return [(periods * self.period, amplitude * self.decay(periods)) for periods, amplitude in shares]

    def fitted(self, *pulses: tuple[tuple[float, ...], tuple[float, ...]]) -> Pulses:
        """Pulses whose (periods, amplitude) are polynomials in the damping ratio."""
        return [(self._fit(time) * self.period, self._fit(amplitude)) for time, amplitude in pulses]

    def _fit(self, coefficients: tuple[float, ...]) -> float:
        return sum(c * self.damping**k for k, c in enumerate(coefficients))


def _zv(wave: _Wave) -> Pulses:
    return wave.at((0.0, 1.0), (0.5, 1.0))


def _zvd(wave: _Wave) -> Pulses:
    return wave.at((0.0, 1.0), (0.5, 2.0), (1.0, 1.0))


def _mzv(wave: _Wave, n: float = 3.0, t: float = 0.75) -> Pulses:
    """Three pulses over t periods: C{t = 0.5} is zv, C{t = 1} zvd."""
    if n != 3.0:
        raise ShaperProblem(f"mzv with n = {n:g} pulses is not known, only with n = 3")
    if not 0.5 <= t <= 1.0:
        raise ShaperProblem(f"mzv: t = {t:g} must be within 0.5 to 1")
    return wave.at((0.0, 1.0), (0.5 * t, -2.0 * math.cos(math.pi * t)), (t, 1.0))


def _ei(wave: _Wave, v_tol: float = 0.05) -> Pulses:
    """What is left of a vibration near the frequency is v_tol at most."""
    if not 0.0 <= v_tol < 1.0:
        raise ShaperProblem(f"ei: v_tol = {v_tol:g} must be at least 0 and below 1")
    return wave.at((0.0, 1.0 + v_tol), (0.5, 2.0 - 2.0 * v_tol), (1.0, 1.0 + v_tol))


def _two_hump_ei(wave: _Wave) -> Pulses:
    """For 5 % of vibration left. Fits of Singhose, Seering and Singer (1997)."""
    return wave.fitted(
        ((0.0,), (0.16054, 0.76699, 2.26560, -1.22750)),
        ((0.49890, 0.16270, -0.54262, 6.16180), (0.33911, 0.45081, -2.58080, 1.73650)),
        ((0.99748, 0.18382, -1.58270, 8.17120), (0.34089, -0.61533, -0.68765, 0.42261)),
        ((1.49920, -0.09297, -0.28338, 1.85710), (0.15997, -0.60246, 1.00280, -0.93145)),
    )


def _three_hump_ei(wave: _Wave) -> Pulses:
    """As for two humps."""
    return wave.fitted(
        ((0.0,), (0.11275, 0.76632, 3.29160, -1.44380)),
        ((0.49974, 0.23834, 0.44559, 12.4720), (0.23698, 0.61164, -2.57850, 4.85220)),
        ((0.99849, 0.29808, -2.36460, 23.3990), (0.30008, -0.19062, -2.14560, 0.13744)),
        ((1.49870, 0.10306, -2.01390, 17.0320), (0.23775, -0.73297, 0.46885, -2.08650)),
        ((1.99600, -0.28231, 0.61536, 5.40450), (0.11244, -0.45439, 0.96382, -1.46000)),
    )


_SHAPERS: Mapping[str, tuple[Callable[..., Pulses], tuple[str, ...]]] = {
    "zv": (_zv, ()),
    "mzv": (_mzv, ("n", "t")),
    "zvd": (_zvd, ()),
    "ei": (_ei, ("v_tol",)),
    "2hump_ei": (_two_hump_ei, ()),
    "3hump_ei": (_three_hump_ei, ()),
}
NAMES = tuple(_SHAPERS)
"""Of shapers that are made for a frequency."""
MOST_DAMPING = 0.35
"""Ratio; the fits are made for no more."""
_FORM = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*")


def _parameters(text: str, name: str) -> list[tuple[str, float]]:
    found = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = part.partition("=")
        try:
            found.append((key.strip(), float(value)))
        except ValueError:
            raise ShaperProblem(f"{name}: {part!r} is no parameter such as t=0.8") from None
    return found


def _custom(parameters: list[tuple[str, float]]) -> Pulses:
    try:
        found = [(float(time), amplitude) for time, amplitude in parameters]
    except ValueError as error:
        raise ShaperProblem(f"custom: times are seconds: {error}") from None
    if not found or not sum(amplitude for _, amplitude in found) > 0.0:
        raise ShaperProblem("custom needs pulses such as custom(0=0.4,0.01=0.6)")
    if not all(0.0 <= time <= 1.0 for time, _ in found):
        raise ShaperProblem("custom: times must be within 0 to 1 s")
    return found


def pulses(name: str, frequency: float, damping_ratio: float) -> Pulses:
    """The pulses of a shaper as (s, amplitude); amplitudes sum up to 1.

    @param name: one of L{NAMES}, perhaps with parameters: C{mzv(t=0.8)}, C{ei(v_tol=0.1)}; or pulses of one's
        own, C{custom(0=0.4,0.01=0.6)} (s=amplitude), for which the other arguments do not matter.
    @param frequency: Hz, of the undamped vibration. 0: none.
    @raise ShaperProblem: when there is no such shaper.
    """
    form = _FORM.fullmatch(name)
    kind = form[1].lower() if form else name
    parameters = _parameters((form and form[2]) or "", kind)
    if kind == "custom":
        made = _custom(parameters)
    elif kind not in _SHAPERS:
        raise ShaperProblem(f"{name!r} is no shaper: {', '.join(NAMES)} or custom(...)")
    else:
        make, known = _SHAPERS[kind]
        for key, _ in parameters:
            if key not in known:
                raise ShaperProblem(f"{kind} has no parameter {key!r}")
        if not (0.0 <= frequency < math.inf and 0.0 <= damping_ratio <= MOST_DAMPING):
            limits = f"the frequency 0 or more, the damping ratio within 0 to {MOST_DAMPING}"
            raise ShaperProblem(f"{kind} for {frequency:g} Hz, damping ratio {damping_ratio:g}: {limits}")
        if frequency == 0.0:
            return []
        period = 1.0 / (frequency * math.sqrt(1.0 - damping_ratio * damping_ratio))
        made = make(_Wave(period, damping_ratio), **dict(parameters))
    total = sum(amplitude for _, amplitude in made)
    return [(time, amplitude / total) for time, amplitude in made]


def is_custom(name: str) -> bool:
    """Whether a shaper's name holds pulses of one's own, which need no frequency."""
    return name.strip().lower().startswith("custom")


def check_shaper(name: str) -> str | None:
    """What is wrong with a shaper's name or parameters; None when nothing is."""
    try:
        pulses(name, 50.0, 0.1)
    except ShaperProblem as problem:
        return str(problem)
    return None
