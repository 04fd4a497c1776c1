"""Steps on the pins move the carriage as the model says: positions, endstops, crashes, the record."""

import csv
from itertools import pairwise
from pathlib import Path

from .motion import ENDSTOP_X, ENDSTOP_Y, PROBE, TRSYNC, Motors, ramp
from .rig import CARTESIAN, COREXY, FREQ, Rig, SimTestCase

SECOND = FREQ  # ticks


def steady(steps: int, per_second: float) -> list[tuple[int, int, int]]:
    """queue_steps at a steady rate."""
    interval = round(FREQ / per_second)
    return [(interval, min(60000, steps - at), 0) for at in range(0, steps, 60000)]


def samples(path: Path) -> list[list[float]]:
    """The positions of a record file: time, x, y, z, e."""
    with open(path) as file:
        return [[float(value) for value in row[1:]] for row in csv.reader(file) if row[0] == "P"]


class CartesianTests(SimTestCase):
    """A cartesian printer: x starts at 50, y at 60, z at 20."""

    def setUp(self) -> None:
        self.r: Rig = self.rig(CARTESIAN)
        self.motors = Motors(self.r)

    def axis(self, name: str) -> dict[str, float]:
        return self.r.report()["axes"][name]  # type: ignore[no-any-return]

    def test_positions_follow_the_steps(self) -> None:
        """Each motor moves its own axis by its own step distance, in its own direction."""
        self.motors.move(0, +1, steady(800, 4000))
        self.motors.move(1, +1, steady(1600, 4000))  # its direction pin is inverted
        self.motors.move(2, -1, steady(400, 4000))
        self.r.advance(1.0)
        self.assertAlmostEqual(self.axis("x")["position"], 60.0)
        self.assertAlmostEqual(self.axis("y")["position"], 40.0)
        self.assertAlmostEqual(self.axis("z")["position"], 19.0)
        report = self.r.report()
        self.assertEqual(report["motors"]["x"]["net"], 800)
        self.assertEqual(report["motors"]["y"]["net"], -1600)
        self.assertEqual(report["motors"]["y"]["pulses"], 1600)
        self.assertEqual(set(report["faults"].values()), {0})

    def test_record_agrees_with_the_commands(self) -> None:
        """Every sample lies on the commanded ramp, at its time; the last one is the end."""
        steps, first, last = 4000, 20000, 4000
        start = self.motors.move(0, +1, ramp(steps, first, last))
        add = ramp(steps, first, last)[0][2]
        clock = self.r.mcu_clock()
        origin = self.r.time() - clock / FREQ  # of the firmware's clock
        self.r.advance(4.0)
        self.r.stop()
        times = [origin + (start + first * n + add * n * (n - 1) / 2) / FREQ for n in range(1, steps + 1)]
        found = samples(self.r.record)
        self.assertGreater(len(found), 150)
        for time, x, y, z, _ in found:
            step = round((x - 50.0) / 0.0125)
            self.assertAlmostEqual(x, 50.0 + step * 0.0125, places=6)
            self.assertEqual((y, z), (60.0, 20.0))
            if time - times[step - 1] > 2e-6:  # taken between two steps
                self.assertLess(time, times[step] if step < steps else time + 1)
            self.assertGreater(time - times[step - 1], -2e-6)
        self.assertAlmostEqual(found[-1][1], 100.0)
        for (_, before, *_), (_, after, *_) in pairwise(found):
            self.assertLessEqual(after - before, 0.25 + 1e-6)

    def test_velocity_and_acceleration(self) -> None:
        """A ramp of constant acceleration is measured as such."""
        # add grows the interval linearly; over a short span that is a nearly constant deceleration.
        moves = [(20000, 1, 0)]
        speed, acceleration, distance = 10.0, 1000.0, 0.0125
        while speed < 100.0:  # one queue_step for each 8 steps, as a host would compress it
            times = [
                ((speed**2 + 2 * acceleration * distance * n) ** 0.5 - speed) / acceleration for n in range(9)
            ]
            interval = round((times[1] - times[0]) * FREQ)
            last = round((times[8] - times[7]) * FREQ)
            moves.append((interval, 8, round((last - interval) / 7)))
            speed = (speed**2 + 16 * acceleration * distance) ** 0.5
        moves += steady(4000, 100.0 / distance)
        self.motors.move(0, +1, moves)
        self.r.advance(2.0)
        x = self.axis("x")
        self.assertApproximates(x["max_velocity"], 100.0, 1.0)
        self.assertApproximates(x["max_acceleration"], 1000.0, 60.0)
        self.assertApproximates(self.r.report()["max_velocity"], 100.0, 1.0)

    def test_homing_stops_at_the_endstop(self) -> None:
        """The motor stops within one sampling period after the switch closes, and the firmware says why."""
        self.motors.home(ENDSTOP_X, 1, (0,))
        self.motors.move(0, -1, steady(8000, 2000), lead=0.02)  # 25 mm/s
        self.r.advance(3.0)
        trigger = self.r.mcu.wait("trsync_state", can_trigger=0)
        self.assertEqual(trigger["trigger_reason"], 1)
        x = self.axis("x")
        self.assertLessEqual(x["position"], 0.5)
        self.assertGreater(x["position"], 0.5 - 25 * (0.0001 + 4 * 0.00001) - 2 * 0.0125)
        self.assertTrue(self.r.report()["endstops"]["x"]["triggered"])
        state = self.r.mcu.query("stepper_get_position", "stepper_position", oid=0)
        self.assertEqual(state["pos"], self.r.report()["motors"]["x"]["net"])
        # Its frame is 2 mm further: nothing was hit.
        self.assertEqual(self.r.report()["crash_count"], 0)

    def test_inverted_endstop_at_the_far_end(self) -> None:
        """A switch with "!" pulls its pin down; it triggers where the axis is at or above its place."""
        self.assertEqual(self.pin_of_y(), 1)
        self.motors.home(ENDSTOP_Y, 0, (1,))
        self.motors.move(1, -1, steady(12000, 4000))
        self.r.advance(4.0)
        self.r.mcu.wait("trsync_state", can_trigger=0, trigger_reason=1)
        y = self.axis("y")["position"]
        self.assertGreaterEqual(y, 200.0)
        self.assertLess(y, 200.05)
        self.assertEqual(self.pin_of_y(), 0)

    def pin_of_y(self) -> int:
        state = self.r.mcu.query("endstop_query_state", "endstop_state", oid=ENDSTOP_Y)
        return state["pin_value"]  # type: ignore[no-any-return]

    def test_stuck_endstop_crashes(self) -> None:
        """A switch that never closes lets the carriage run into the frame; the motor stalls there."""
        self.r.request(cmd="set", endstop="x", stuck="open")
        self.motors.home(ENDSTOP_X, 1, (0,))
        self.motors.move(0, -1, steady(5000, 2000))
        self.r.advance(3.0)
        report = self.r.report()
        self.assertAlmostEqual(report["axes"]["x"]["position"], -2.0)
        self.assertEqual(report["crash_count"], 1)
        crash = report["crashes"][0]
        self.assertEqual(crash["obstacle"], "x min")
        self.assertEqual(crash["lost"], 5000 - 52 * 80)
        self.assertEqual(report["motors"]["x"]["lost"], 5000 - 52 * 80)
        self.assertEqual(report["motors"]["x"]["commanded"], -5000)
        self.assertEqual(report["motors"]["x"]["position"], -52 * 80)
        self.assertAlmostEqual(crash["duration"], (5000 - 52 * 80 - 1) / 2000, places=4)
        self.assertEqual(report["events"][-1]["kind"], "crash")
        # The way back counts from where it stalled.
        self.r.mcu.send("trsync_trigger", oid=TRSYNC, reason=3)
        self.motors.move(0, +1, steady(80, 2000))
        self.r.advance(1.0)
        self.assertAlmostEqual(self.axis("x")["position"], -1.0)

    def test_two_crashes_are_two(self) -> None:
        """After a pause or at another obstacle it is a new crash."""
        self.motors.move(0, -1, steady(52 * 80 + 10, 4000))
        self.r.advance(3.0)
        self.motors.move(0, -1, steady(10, 4000))
        self.motors.move(2, +1, steady(181 * 400 + 7, 20000))
        self.r.advance(6.0)
        report = self.r.report()
        self.assertEqual([crash["obstacle"] for crash in report["crashes"]], ["x min", "x min", "z max"])
        self.assertEqual([crash["lost"] for crash in report["crashes"]], [10, 10, 7])
        self.assertEqual(report["faults"]["crashes"], 3)
        self.assertEqual(report["faults"]["lost_steps"], 27)

    def test_disabled_driver(self) -> None:
        """With its driver off a motor doesn't move, and the pulses are counted."""
        self.motors.enable(False)
        self.motors.move(0, +1, steady(100, 2000))
        self.r.advance(0.5)
        report = self.r.report()
        self.assertEqual(report["axes"]["x"]["position"], 50)
        self.assertEqual(report["motors"]["x"]["disabled"], 100)
        self.assertFalse(report["motors"]["x"]["enabled"])
        self.assertEqual(report["faults"]["disabled_steps"], 100)

    def test_probe_follows_the_bed(self) -> None:
        """The probe triggers where its own place over the sloping bed is 2 mm under the nozzle."""
        heights = []
        for x in (50.0, 150.0):
            self.r.request(cmd="set", axis="x", position=x)
            self.r.request(cmd="set", axis="z", position=10.0)
            self.motors.home(PROBE, 1, (2,))
            self.motors.move(2, -1, steady(4000, 2000))  # 5 mm/s
            self.r.advance(3.0)
            self.r.mcu.wait("trsync_state", can_trigger=0, trigger_reason=1)
            heights.append(self.axis("z")["position"])
        for x, z in zip((50.0, 150.0), heights, strict=True):
            surface = 0.001 * (x + 10 - 100) + 0.0005 * (60 - 20 - 100)
            self.assertLessEqual(z, surface + 2.0)
            self.assertGreater(z, surface + 2.0 - 5 * 0.00015 - 0.005)

    def test_nozzle_into_the_bed(self) -> None:
        """The bed gives a little, then the Z motor stalls, although the frame is still far."""
        self.motors.move(2, -1, steady(400 * 20 + 300, 4000))
        self.r.advance(3.0)
        report = self.r.report()
        surface = 0.001 * (50 - 100) + 0.0005 * (60 - 100)
        self.assertApproximates(report["axes"]["z"]["position"], surface - 0.3, 0.0026)
        self.assertEqual(report["crashes"][0]["obstacle"], "bed")
        self.assertApproximates(report["clearance"], -0.3, 0.0026)

    def test_mark(self) -> None:
        """After a mark the counters measure one print; positions stay."""
        self.motors.move(0, +1, steady(800, 8000))
        self.r.advance(0.5)
        self.r.request(cmd="mark")
        self.motors.move(0, -1, steady(400, 4000))
        self.r.advance(0.5)
        report = self.r.report()
        x = report["motors"]["x"]
        self.assertEqual((x["pulses"], x["net"], x["position"], x["commanded"]), (400, -400, 400, 400))
        self.assertAlmostEqual(report["axes"]["x"]["max"], 60.0)
        self.assertAlmostEqual(report["axes"]["x"]["min"], 55.0)
        self.assertApproximates(report["axes"]["x"]["max_velocity"], 50.0, 0.5)
        self.assertApproximates(report["since_mark"], 0.5, 0.2)


class FilamentTests(SimTestCase):
    """What comes out of the nozzle."""

    def setUp(self) -> None:
        self.r: Rig = self.rig(CARTESIAN)
        self.motors = Motors(self.r)

    def extruder(self) -> dict[str, float]:
        return self.r.report()["extruders"]["e"]  # type: ignore[no-any-return]

    def heat(self) -> None:
        """A hotend above its melting point: its heater can't be switched off."""
        self.r.request(cmd="set", heater="hotend", stuck_on=True)
        self.r.advance(60.0)
        self.assertGreater(self.r.report()["heaters"]["hotend"]["temperature"], 150.0)

    def turn(self, way: int, steps: int) -> None:
        self.motors.move(3, way, steady(steps, 2000))
        self.r.advance(0.1 + steps / 2000)

    def test_cold(self) -> None:
        """A cold hotend lets nothing through: the gear grinds."""
        self.turn(+1, 100)
        self.assertEqual(self.extruder()["net"], 0)
        self.assertAlmostEqual(self.extruder()["ground"], 1.0)

    def test_lengths(self) -> None:
        """Net and gross length, retractions, and what has really come out."""
        self.heat()
        self.turn(+1, 1000)
        self.turn(-1, 200)
        self.turn(+1, 500)
        self.turn(-1, 200)
        e = self.extruder()
        self.assertAlmostEqual(e["gross"], 15.0)
        self.assertAlmostEqual(e["retracted"], 4.0)
        self.assertAlmostEqual(e["net"], 11.0)
        self.assertAlmostEqual(e["extruded"], 13.0)
        self.assertEqual(e["ground"], 0)
        self.r.request(cmd="mark")
        self.assertEqual(self.extruder()["net"], 0)
        self.assertAlmostEqual(self.extruder()["position"], 11.0)

    def test_runout(self) -> None:
        """After the switch opens there are 5 mm left; then nothing moves until filament is back."""
        self.heat()
        self.r.request(cmd="set", switch="filament", active=False)
        self.turn(+1, 800)
        self.assertAlmostEqual(self.extruder()["net"], 5.0)
        self.assertAlmostEqual(self.extruder()["ground"], 3.0)
        self.r.request(cmd="set", switch="filament", active=True)
        self.turn(+1, 100)
        self.assertAlmostEqual(self.extruder()["net"], 6.0)

    def test_jam(self) -> None:
        """A jammed extruder turns in vain."""
        self.heat()
        self.r.request(cmd="set", extruder="e", jammed=True)
        self.turn(+1, 100)
        self.assertEqual(self.extruder()["net"], 0)
        self.assertAlmostEqual(self.r.report()["faults"]["ground_filament"], 1.0)


class CorexyTests(SimTestCase):
    """Belts a = x + y and b = x - y."""

    def setUp(self) -> None:
        self.r: Rig = self.rig(COREXY)
        self.motors = Motors(self.r)

    def place(self) -> tuple[float, float]:
        axes = self.r.report()["axes"]
        return axes["x"]["position"], axes["y"]["position"]

    def move(self, a: int, b: int) -> tuple[float, float]:
        """Turn both motors by so many mm at once."""
        for oid, way in ((0, a), (1, b)):
            if way:
                self.motors.move(oid, way, steady(abs(way) * 80, 4000))
        self.r.advance(0.2 + max(abs(a), abs(b)) / 50)
        return self.place()

    def test_mapping(self) -> None:
        """One belt moves diagonally, both together along one axis."""
        x, y = self.move(10, 0)
        self.assertAlmostEqual(x, 55.0)
        self.assertAlmostEqual(y, 65.0)
        x, y = self.move(0, 10)
        self.assertAlmostEqual(x, 60.0)
        self.assertAlmostEqual(y, 60.0)
        x, y = self.move(-6, 6)
        self.assertAlmostEqual(x, 60.0)
        self.assertAlmostEqual(y, 54.0)

    def test_endstop_stops_both(self) -> None:
        """Homing x turns both belts; both stop at the switch."""
        self.motors.home(ENDSTOP_X, 1, (0, 1))
        start = self.r.mcu_clock(0.05)
        moves = steady(8000, 2000)
        for oid in (0, 1):
            self.r.mcu.send_many(self.motors.encode(oid, start, -1, moves))
        self.r.advance(4.0)
        self.r.mcu.wait("trsync_state", can_trigger=0, trigger_reason=1)
        x, y = self.place()
        self.assertGreater(x, 0.5 - 0.05)
        self.assertLessEqual(x, 0.5)
        self.assertApproximates(y, 60.0, 0.0126)

    def test_crash_stalls_the_belt(self) -> None:
        """A diagonal move into the frame stalls the one motor that moves; y stays as well."""
        x, y = self.move(-130, 0)
        report = self.r.report()
        self.assertAlmostEqual(x, -2.0)
        self.assertAlmostEqual(y, 60.0 - 52.0)
        self.assertEqual(report["motors"]["a"]["lost"], (130 - 104) * 80)
        self.assertEqual(report["crashes"][0]["obstacle"], "x min")

    def test_place_by_hand(self) -> None:
        """The carriage can be pushed along one axis, but not through the frame."""
        self.r.request(cmd="set", axis="y", position=100.0)
        x, y = self.place()
        self.assertAlmostEqual(x, 50.0)
        self.assertApproximates(y, 100.0, 0.0126)
        answer = self.r.raw_request(b'{"cmd": "set", "axis": "y", "position": 204}')
        self.assertIn("beyond the frame", answer["error"])
