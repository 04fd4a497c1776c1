"""Modes, offsets and factors: every G1 ends where its G-code says."""

from collections.abc import Sequence

from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.moves import GcodeMove, MoveTransform

from .planner import RecordingPlanner

VALUES = st.floats(-100, 100).map(lambda v: round(v, 3))


class MoveCase(SynchronousTestCase):
    """A dispatcher with moves only."""

    def setUp(self) -> None:
        self.planner = RecordingPlanner()
        self.moves = GcodeMove(self.planner)
        self.dispatcher = Dispatcher(Clock())
        self.dispatcher.add(self.moves)
        self.output: list[str] = []
        self.dispatcher.listen(self.output.append)

    def say(self, script: str) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.dispatcher.run_script(script)))

    def refused(self, script: str) -> str:
        work = Deferred.fromCoroutine(self.dispatcher.run_script(script))
        return str(self.failureResultOf(work, CommandError).value)

    def last(self) -> tuple[list[float], float]:
        position, speed = self.planner.moves[-1]
        return [round(p, 9) for p in position], round(speed, 9)


class Modes(MoveCase):
    """G90 G91 M82 M83 G92 G20."""

    def test_absolute_and_relative(self) -> None:
        self.say("G1 X10 Y20 Z.3 E1 F6000\nG91\nG1 X1 E1\nG90\nG1 X5")
        self.assertEqual(
            self.planner.moves,
            [([10, 20, 0.3, 1], 100), ([11, 20, 0.3, 2], 100), ([5, 20, 0.3, 2], 100)],
        )

    def test_relative_extrusion(self) -> None:
        self.say("M83\nG1 X1 E1\nG1 X2 E1\nM82\nG1 X3 E5")
        self.assertEqual([p[3] for p, _ in self.planner.moves], [1, 2, 5])

    def test_set_position(self) -> None:
        self.say("G1 X10 E5\nG92 X0 E0\nG1 X1 E1")
        self.assertEqual(self.last()[0], [11, 0, 0, 6])
        self.say("G92\nM114\nG1 Y1")
        self.assertEqual(self.output[-1], "X:0.000 Y:0.000 Z:0.000 E:0.000")
        self.assertEqual(self.last()[0], [11, 1, 0, 6])

    def test_inches(self) -> None:
        self.say("G20\nG1 X1 Y.5 F60\nG92 X0\nG1 X1\nG21\nG1 X0")
        self.assertEqual(
            [(round(p[0], 6), round(p[1], 6), round(s, 6)) for p, s in self.planner.moves],
            [(25.4, 12.7, 25.4), (50.8, 12.7, 25.4), (25.4, 12.7, 25.4)],
        )

    def test_speed_alone_and_no_distance_queue_nothing(self) -> None:
        self.say("G1 F1200\nG1 X0\nG0")
        self.assertEqual(self.planner.moves, [])
        self.assertEqual(self.moves.coordinates.speed, 20.0)

    def test_speed_of_zero(self) -> None:
        self.assertIn("Invalid speed: F0, must be above 0", self.refused("G1 X1 F0"))
        self.assertEqual(self.planner.moves, [])

    def test_refused_move_changes_nothing(self) -> None:
        self.say("G1 X1 F600")
        before = self.moves.status(0.0)
        self.refused("G1 X2000 E5 F1200")
        self.assertEqual(self.moves.status(0.0), before)


class Factors(MoveCase):
    """M220 and M221."""

    def test_speed(self) -> None:
        self.say("G1 X1 F600\nM220 S50\nG1 X2\nG1 X3 F1200\nM220 S100\nG1 X4")
        self.assertEqual([s for _, s in self.planner.moves], [10, 5, 10, 20])
        self.assertEqual(self.moves.status(0.0).speed, 1200.0)

    def test_extrusion(self) -> None:
        self.say("G1 E10\nM221 S200\nG1 E11\nM83\nG1 E1\nM114")
        self.assertEqual([p[3] for p, _ in self.planner.moves], [10, 12, 14])
        self.assertEqual(self.output[-1], "X:0.000 Y:0.000 Z:0.000 E:12.000")

    def test_limits(self) -> None:
        for script in ("M220 S0", "M221 S-5", "M220 Sx"):
            self.refused(script)


class Offsets(MoveCase):
    """SET_GCODE_OFFSET, homing, saved states."""

    def test_offset_counts_with_the_next_move(self) -> None:
        self.say("G1 Z1\nSET_GCODE_OFFSET Z=0.2\nG1 Z1\nSET_GCODE_OFFSET Z_ADJUST=0.1\nG1 Z1")
        self.assertEqual([round(p[2], 9) for p, _ in self.planner.moves], [1, 1.2, 1.3])
        self.assertEqual([round(v, 9) for v in self.moves.status(0.0).homing_origin], [0, 0, 0.3, 0])

    def test_offset_with_move(self) -> None:
        self.say("G1 Z1 F600\nSET_GCODE_OFFSET Z_ADJUST=-.05 MOVE=1 MOVE_SPEED=3")
        self.assertEqual(self.last(), ([0, 0, 0.95, 0], 3))
        self.say("SET_GCODE_OFFSET Z_ADJUST=-.05 MOVE=1")
        self.assertEqual(self.last(), ([0, 0, 0.9, 0], 10))
        self.say("M114")
        self.assertEqual(self.output[-1], "X:0.000 Y:0.000 Z:1.000 E:0.000")

    def test_homing_forgets_all_but_the_offset(self) -> None:
        self.say("SET_GCODE_OFFSET X=1\nG92 X50 Y50")
        self.planner.displace([5.0, 6.0, 0.0, 0.0], [0])
        status = self.moves.status(0.0)
        self.assertEqual(list(status.gcode_position)[:2], [4.0, 56.0])
        self.say("G1 X10")
        self.assertEqual(self.last()[0][0], 11)

    def test_saved_state(self) -> None:
        self.say("M83\nG1 X10 Z5 E3 F1200\nSAVE_GCODE_STATE NAME=a\nG91\nG92 E0\nM220 S10\nG1 X1 Z5 E-2 F60")
        self.say("RESTORE_GCODE_STATE NAME=a MOVE=1 MOVE_SPEED=7")
        self.assertEqual(self.last(), ([10, 0, 5, 1], 7))
        status = self.moves.status(0.0)
        self.assertEqual((status.absolute_coordinates, status.absolute_extrude), (True, False))
        self.assertEqual((status.speed, status.speed_factor), (1200.0, 1.0))
        self.assertEqual(list(status.gcode_position), [10.0, 0.0, 5.0, 3.0])

    def test_restoring_without_move(self) -> None:
        self.say("G1 X10\nSAVE_GCODE_STATE\nG1 X20\nRESTORE_GCODE_STATE")
        self.assertEqual(len(self.planner.moves), 2)
        self.assertIn("Unknown g-code state: b", self.refused("RESTORE_GCODE_STATE NAME=b"))

    @given(
        st.lists(
            st.one_of(
                st.tuples(st.sampled_from(["G90", "G91", "M82", "M83"])),
                st.tuples(st.just("G92 E"), VALUES),
                st.tuples(st.just("G1 X"), VALUES),
                st.tuples(st.just("G1 E"), VALUES),
                st.tuples(st.just("M221 S"), st.floats(50, 200).map(round)),
                st.tuples(st.just("SET_GCODE_OFFSET X="), VALUES),
            ),
            max_size=20,
        )
    )
    @settings(deadline=None)
    def test_saving_and_restoring_keeps_coordinates(self, steps: list[tuple[object, ...]]) -> None:
        """Whatever happens between, a restored state calls a place by the same coordinates."""
        self.setUp()
        self.say("G1 X7 E3\nG92 X1 E2\nM221 S90\nSAVE_GCODE_STATE")
        saved = self.moves.coordinates.gcode_position()
        for step in steps:
            self.say("".join(str(part) for part in step))
        self.say("RESTORE_GCODE_STATE MOVE=1")
        for now, then in zip(self.moves.coordinates.gcode_position(), saved, strict=True):
            self.assertAlmostEqual(now, then, places=6)


class Chain(MoveCase):
    """Transforms between G-code and the toolhead."""

    def test_transform(self) -> None:
        @frozen
        class Raise:
            next: MoveTransform

            @property
            def position(self) -> list[float]:
                x, y, z, e = self.next.position
                return [x, y, z - 1.0, e]

            def move(self, position: Sequence[float], speed: float) -> None:
                self.next.move([*position[:2], position[2] + 1.0, position[3]], speed)

        self.assertIs(self.moves.add_transform(Raise), self.moves.head)
        self.assertEqual(self.moves.coordinates.gcode_position()[2], -1.0)
        self.say("G1 Z2")
        self.assertEqual(self.last()[0][2], 3)

    def test_command_waits_while_the_planner_is_full(self) -> None:
        self.planner.room = 2
        work = Deferred.fromCoroutine(self.dispatcher.run_script("G1 X1\nG1 X2\nG1 X3"))
        self.assertNoResult(work)
        self.assertEqual(len(self.planner.moves), 2)
        self.planner.make_room()
        self.successResultOf(work)
        self.assertEqual(len(self.planner.moves), 3)
