"""Hypothesis looks for moves that shaped and curved motors get wrong."""

from collections.abc import Callable

import numpy as np
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from .cases import Drive, Pulses, check_drives, curved
from .oracle import Limits, make_moves, plan
from .reference.motion import LD, Motion, Trapezoid
from .test_agreement_curved import ASIDE, CENTRE, deltas, deltesians, polars, rotary_deltas, winches
from .test_agreement_nasty import limit_sets, nasty, speeds, targets

NEAREST = 0.7
"""mm; a polar bed can't turn as fast as a path wants that passes its centre nearer."""
COARSER = 8


def in_order(found: list[tuple[float, float]]) -> Pulses:
    total = sum(amplitude for _, amplitude in found)
    return sorted((time, amplitude / total) for time, amplitude in found)


user_pulses = st.lists(st.tuples(st.floats(0, 0.1), st.floats(0.05, 1)), min_size=1, max_size=5).map(in_order)
shapers = st.one_of(
    st.just(()), st.tuples(user_pulses, user_pulses), st.tuples(user_pulses, user_pulses, user_pulses)
)
places = st.one_of(
    st.floats(-60, 60, allow_subnormal=False), st.sampled_from([0.0, 1e-6, 1e-3, -0.5, 30.0, -30.0])
)
round_targets = st.lists(
    st.tuples(places, places, st.floats(0, 20, allow_subnormal=False), st.just(0.0), speeds),
    min_size=1,
    max_size=8,
)


def coarse(makes: Callable[..., list[Drive]], *shaped: Pulses) -> list[Drive]:
    return [evolve(drive, distance=COARSER * drive.distance) for drive in makes(*shaped)]


class NastyMoves(SynchronousTestCase):
    timeout = 300

    @settings(nasty, max_examples=40)
    @given(targets, limit_sets, user_pulses, user_pulses, user_pulses)
    def test_linear(self, path, limits, x, y, z) -> None:
        weights = ((1, 0, 0), (1, -1, 0), (0.3, -0.7, 0.2))
        check_drives(
            self, path, [curved("linear", *w, distance=0.05, shapers=(x, y, z)) for w in weights], limits
        )

    @settings(nasty, max_examples=25)
    @given(round_targets, limit_sets, shapers)
    def test_deltas(self, path, limits, shaped) -> None:
        check_drives(self, path, coarse(deltas, *shaped), limits, CENTRE)

    @settings(nasty, max_examples=25)
    @given(round_targets, limit_sets, shapers)
    def test_rotary_deltas(self, path, limits, shaped) -> None:
        check_drives(self, path, coarse(rotary_deltas, *shaped), limits, CENTRE)

    @settings(nasty, max_examples=15)
    @given(round_targets, limit_sets, shapers)
    def test_deltesians(self, path, limits, shaped) -> None:
        check_drives(self, path, coarse(deltesians, *shaped), limits, CENTRE)

    @settings(nasty, max_examples=25)
    @given(round_targets, limit_sets, shapers)
    def test_winches(self, path, limits, shaped) -> None:
        check_drives(self, path, coarse(winches, *shaped), limits, CENTRE)

    @settings(nasty, max_examples=40)
    @given(round_targets, limit_sets, shapers)
    def test_polars(self, path, limits, shaped) -> None:
        assume(self.keeps_away(path, limits, shaped))
        check_drives(self, path, coarse(polars, *shaped), limits, ASIDE)

    def keeps_away(self, path, limits: Limits, shaped) -> bool:
        """Whether the centre is left alone by the motion, shaped as it is."""
        moves = plan(make_moves(ASIDE, path, limits), limits)
        if not moves:
            return False
        motion = Motion.along(map(Trapezoid.of, moves)).shaped(*shaped)
        samples = np.linspace(LD(0), LD(1), 80)
        spans = np.diff(motion.breaks)
        piece = np.repeat(np.arange(len(spans)), len(samples))
        times = motion.breaks[piece] + spans[piece] * np.tile(samples, len(spans))
        where = motion.axes(times, piece)[0]
        away = np.hypot(where[:, 0], where[:, 1])
        # Between two samples it comes no nearer than by half the way between them.
        return bool((away[1:] - np.hypot(*np.diff(where[:, :2], axis=0).T) > NEAREST).all())
