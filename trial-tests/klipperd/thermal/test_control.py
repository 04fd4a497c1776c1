"""The controls against a plant with lag: they arrive, stay, and never ask for what is not theirs."""

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from klipperd.thermal.bang_bang import BangBang
from klipperd.thermal.control import Control
from klipperd.thermal.cooling import CoolingBangBang, CoolingPid
from klipperd.thermal.pid import Pid
from klipperd.thermal.relay import RelayTest, TuningFailed

from .plant import BED, HOTEND, Plant

READING = 0.3


def drive(plant: Plant, control: Control, target: float, seconds: float) -> list[tuple[float, float, float]]:
    """Time, sensor and power at each reading."""
    history, temperature = [], plant.sensor
    until = plant.time + seconds
    while plant.time < until:
        power = control.update(plant.time, temperature, target)
        temperature = plant.run(power, READING)
        history.append((plant.time, temperature, power))
    return history


def tuned(make: Callable[[], Plant], target: float) -> Pid:
    plant, test = make(), RelayTest(target)
    drive_until_done(plant, test, target)
    gains = test.gains()
    return Pid(gains.kp, gains.ki, gains.kd)


def drive_until_done(plant: Plant, test: RelayTest, target: float) -> None:
    temperature = plant.sensor
    while not test.done:
        assert plant.time < 10_000.0, "the relay test does not end"
        temperature = plant.run(test.update(plant.time, temperature, target), READING)


class PidTests(SynchronousTestCase):
    timeout = 60

    def check_arrival(
        self, plant: Plant, control: Pid, target: float, settle: float, overshoot: float
    ) -> None:
        history = drive(plant, control, target, settle + 300.0)
        self.assertLess(max(t for _, t, _ in history), target + overshoot)
        late = [t for time, t, _ in history if time > settle]
        self.assertLess(max(abs(t - target) for t in late), 1.0)
        self.assertApproximates(late[-1], target, 0.2)
        self.assertTrue(control.settled(late[-1], target))

    def test_hotend_with_tuned_gains(self) -> None:
        self.check_arrival(HOTEND(), tuned(HOTEND, 210.0), 210.0, 150.0, 3.0)

    def test_bed_with_tuned_gains(self) -> None:
        self.check_arrival(BED(), tuned(BED, 60.0), 60.0, 400.0, 3.0)

    def test_gains_serve_another_target(self) -> None:
        self.check_arrival(HOTEND(), tuned(HOTEND, 210.0), 280.0, 250.0, 5.0)

    def test_common_hotend_gains(self) -> None:
        self.check_arrival(HOTEND(), Pid(22.2, 1.08, 114.0), 200.0, 250.0, 5.0)

    def test_holds_against_a_fan(self) -> None:
        plant, control = HOTEND(), tuned(HOTEND, 210.0)
        drive(plant, control, 210.0, 300.0)
        plant.loss *= 1.3
        history = drive(plant, control, 210.0, 200.0)
        self.assertGreater(min(t for _, t, _ in history), 205.0)
        self.assertApproximates(history[-1][1], 210.0, 0.3)

    def test_never_exceeds_max_power(self) -> None:
        control = Pid(100.0, 10.0, 0.0, max_power=0.4)
        powers = {p for _, _, p in drive(HOTEND(), control, 200.0, 60.0)}
        self.assertEqual(max(powers), 0.4)
        self.assertGreaterEqual(min(powers), 0.0)

    def test_heating_up_leaves_no_integral(self) -> None:
        control = Pid(22.2, 1.08, 114.0)
        for step in range(1000):
            control.update(step * 0.3, 25.0, 250.0)
        self.assertEqual(control.update(301.0, 265.0, 250.0), 0.0)
        self.assertLess(control.update(301.3, 250.0, 250.0), 0.05)

    def test_off_is_off_at_once(self) -> None:
        control = Pid(22.2, 1.08, 114.0)
        drive(HOTEND(), control, 200.0, 100.0)
        self.assertEqual(control.update(101.0, 100.0, 0.0), 0.0)

    def test_not_settled_while_passing_through(self) -> None:
        control = Pid(22.2, 1.08, 0.0)
        for step in range(20):
            control.update(step * 0.3, 190.0 + step, 200.0)
        self.assertFalse(control.settled(200.0, 200.0))

    def test_same_time_twice_is_harmless(self) -> None:
        control = Pid(22.2, 1.08, 114.0)
        first = control.update(1.0, 199.0, 200.0)
        self.assertEqual(control.update(1.0, 199.0, 200.0), first)


class BangBangTests(SynchronousTestCase):
    timeout = 60

    def test_hysteresis(self) -> None:
        control = BangBang(2.0, 0.8)
        asked = [(57.9, 0.8), (59.0, 0.8), (61.9, 0.8), (62.0, 0.0), (60.0, 0.0), (58.1, 0.0), (58.0, 0.8)]
        for temperature, power in asked:
            self.assertEqual(control.update(0.0, temperature, 60.0), power, temperature)

    def test_holds_a_bed(self) -> None:
        plant = BED()
        history = drive(plant, BangBang(2.0), 60.0, 1500.0)
        late = [t for time, t, _ in history if time > 600.0]
        self.assertLess(max(late), 67.0)
        self.assertGreater(min(late), 55.0)
        self.assertEqual({p for _, _, p in history}, {0.0, 1.0})

    def test_settled_from_the_band_up(self) -> None:
        self.assertTrue(BangBang(2.0).settled(58.0, 60.0))
        self.assertFalse(BangBang(2.0).settled(57.9, 60.0))

    def test_off(self) -> None:
        control = BangBang(2.0)
        control.update(0.0, 20.0, 60.0)
        self.assertEqual(control.update(0.3, 20.0, 0.0), 0.0)


class RelayTests(SynchronousTestCase):
    timeout = 60

    def test_period_and_gain_of_a_known_oscillation(self) -> None:
        """A triangle of 4 C amplitude and 40 s period, whatever the relay says."""
        test = RelayTest(100.0, hysteresis=4.0)
        step = 0
        while not test.done:
            step += 1
            phase = (step * 0.1) % 40.0
            triangle = 1.0 - abs(phase - 20.0) / 10.0  # -1 ... 1 ... -1
            test.update(step * 0.1, 98.0 + 4.0 * triangle, 100.0)
        gains = test.gains()
        self.assertAlmostEqual(gains.period, 40.0, places=6)
        self.assertAlmostEqual(gains.amplitude, 4.0, places=6)
        self.assertAlmostEqual(gains.ultimate_gain, 4.0 * 127.5 / (3.14159265 * 4.0), places=4)
        self.assertAlmostEqual(gains.kp / gains.ki, 20.0, places=6)
        self.assertAlmostEqual(gains.kd / gains.kp, 5.0, places=6)

    def test_no_gains_before_the_end(self) -> None:
        test = RelayTest(100.0)
        test.update(0.0, 20.0, 100.0)
        self.assertRaises(TuningFailed, test.gains)

    def test_off_when_done_or_off(self) -> None:
        plant, test = HOTEND(), RelayTest(200.0)
        self.assertEqual(test.update(0.0, 20.0, 0.0), 0.0)
        drive_until_done(plant, test, 200.0)
        self.assertEqual(test.update(plant.time, 20.0, 200.0), 0.0)


class CoolingTests(SynchronousTestCase):
    timeout = 60

    def test_bang_bang(self) -> None:
        control = CoolingBangBang(2.0)
        asked = [(38.0, 0.0), (41.9, 0.0), (42.0, 0.9), (39.0, 0.9), (38.0, 0.0)]
        for temperature, speed in asked:
            self.assertEqual(control.update(0.0, temperature, 40.0, 0.2, 0.9), speed, temperature)

    def test_pid_is_fast_when_hot_and_slow_when_cold(self) -> None:
        hot, cold = CoolingPid(40.0, 0.2, 0.1), CoolingPid(40.0, 0.2, 0.1)
        self.assertEqual(hot.update(0.0, 60.0, 40.0, 0.3, 0.9), 0.9)
        self.assertEqual(cold.update(0.0, 20.0, 40.0, 0.3, 0.9), 0.3)

    def test_pid_keeps_a_part_at_its_target(self) -> None:
        """30 W heat 50 J/K; a fan takes the loss from 0.6 to 3 W/K."""
        control, plant, temperature = CoolingPid(20.0, 1.0, 20.0), Plant(50.0, 0.6, 30.0, 2.0), 22.0
        for _ in range(3000):
            speed = control.update(plant.time, temperature, 45.0, 0.0, 1.0)
            plant.loss = 0.6 + 2.4 * speed
            temperature = plant.run(1.0, READING)
        self.assertApproximates(temperature, 45.0, 0.5)
