"""verify_heater: it trips on heaters that have failed, and not on those that are only slow or disturbed."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.thermal.pid import Pid
from klipperd.thermal.verification import Limits, Verdict, Verification

from .plant import BED, HOTEND, Plant, slow_bed

BED_LIMITS = Limits(check_gain_time=60.0)


def watch(
    plant: Plant,
    target: float,
    seconds: float,
    verification: Verification,
    power: Callable[[float, float], float] | None = None,
) -> tuple[float, Verdict] | None:
    """Heat under watch; gives the time and verdict of a failure."""
    control = Pid(22.2, 1.08, 114.0)
    until = plant.time + seconds
    while plant.time < until:
        verdict = verification.inspect(plant.time, plant.sensor, target)
        if verdict is not None:
            return plant.time, verdict
        for _ in range(2):
            asked = control.update(plant.time, plant.sensor, target)
            plant.run(asked if power is None else power(plant.time, asked), 0.5)
    return None


class FailedHeaterTests(SynchronousTestCase):
    timeout = 60

    def test_never_heats(self) -> None:
        failed = watch(HOTEND(), 200.0, 120.0, Verification(Limits()), lambda t, p: 0.0)
        assert failed is not None
        time, verdict = failed
        self.assertGreaterEqual(time, 20.0)
        self.assertLess(time, 25.0)
        assert verdict.gained is not None
        self.assertLess(verdict.gained, 2.0)

    def test_bed_never_heats(self) -> None:
        failed = watch(BED(), 60.0, 200.0, Verification(BED_LIMITS), lambda t, p: 0.0)
        assert failed is not None
        self.assertGreaterEqual(failed[0], 60.0)
        self.assertLess(failed[0], 70.0)

    def test_breaks_on_the_way_up(self) -> None:
        failed = watch(HOTEND(), 250.0, 200.0, Verification(Limits()), lambda t, p: p if t < 30.0 else 0.0)
        assert failed is not None
        self.assertLess(failed[0], 60.0)

    def test_breaks_while_holding(self) -> None:
        failed = watch(HOTEND(), 200.0, 600.0, Verification(Limits()), lambda t, p: p if t < 300.0 else 0.0)
        assert failed is not None
        time, verdict = failed
        self.assertIsNone(verdict.gained)
        self.assertGreater(verdict.error, 120.0)
        self.assertLess(time, 340.0)
        self.assertLess(verdict.temperature, 195.0)

    def test_sensor_falls_out(self) -> None:
        plant, verification = HOTEND(), Verification(Limits())
        self.assertIsNone(watch(plant, 200.0, 300.0, verification))
        plant.heater = 2.0  # what still reaches the sensor
        failed = watch(plant, 200.0, 120.0, verification)
        assert failed is not None
        self.assertLess(failed[0] - 300.0, 60.0)

    def test_too_weak_to_arrive(self) -> None:
        """Stalls at 172 C of 200: the gain fades out, and it counts as failed."""
        failed = watch(Plant(12.0, 0.1, 15.0, 3.0), 200.0, 3600.0, Verification(Limits()))
        self.assertIsNotNone(failed)


class SoundHeaterTests(SynchronousTestCase):
    timeout = 60

    def test_hotend_and_bed(self) -> None:
        self.assertIsNone(watch(HOTEND(), 250.0, 600.0, Verification(Limits())))
        self.assertIsNone(watch(BED(), 60.0, 900.0, Verification(BED_LIMITS)))

    def test_slow_bed_gains_just_enough(self) -> None:
        plant = slow_bed()
        watched = watch(plant, 100.0, 5000.0, Verification(BED_LIMITS), lambda t, p: float(p > 0.0))
        self.assertIsNone(watched)
        self.assertGreater(plant.sensor, 95.0)

    def test_cooling_before_the_heat_arrives(self) -> None:
        """Switched on again while it still cools fast: the dip is no failure, the climb from it counts."""
        plant = Plant(12.0, 0.35, 45.0, 6.0, dead=8.0)
        plant.temperature = plant.sensor = 140.0
        for step in range(30):  # it cools, the target is 0
            plant.run(0.0, 1.0)
            self.assertIsNone(Verification(Limits()).inspect(float(step), plant.sensor, 0.0))
        self.assertIsNone(watch(plant, 120.0, 60.0, Verification(Limits(check_gain_time=20.0))))

    def test_small_raise_of_the_target(self) -> None:
        plant, verification = HOTEND(), Verification(Limits())
        self.assertIsNone(watch(plant, 200.0, 300.0, verification))
        self.assertIsNone(watch(plant, 215.0, 300.0, verification))

    def test_sag_by_a_fan_that_recovers(self) -> None:
        plant, verification = HOTEND(), Verification(Limits())
        watch(plant, 210.0, 300.0, verification)
        plant.temperature -= 12.0
        self.assertIsNone(watch(plant, 210.0, 120.0, verification))

    def test_stalled_host_adds_no_error(self) -> None:
        """Inspections 30 s apart, 8 C below the band: each counts for one second."""
        verification = Verification(Limits())
        verification.inspect(0.0, 200.0, 200.0)
        for step in range(1, 15):
            self.assertIsNone(verification.inspect(30.0 * step, 187.0, 200.0))

    def test_lower_target_is_fine_at_once(self) -> None:
        verification = Verification(Limits())
        for time in range(200):
            self.assertIsNone(verification.inspect(float(time), 250.0 - time * 0.2, 180.0))

    def test_pause_begins_anew(self) -> None:
        verification = Verification(Limits())
        verification.inspect(0.0, 200.0, 200.0)
        for time in range(1, 10):
            verification.inspect(float(time), 185.0, 200.0)
        verification.pause()
        for time in range(100, 119):
            self.assertIsNone(verification.inspect(float(time), 150.0, 200.0))


class DocumentedRuleTests(SynchronousTestCase):
    timeout = 60

    def test_sum_of_missing_degrees(self) -> None:
        """After holding, 15 C below the target (10 below the band): 120 is exceeded at the 13th second."""
        verification = Verification(Limits())
        verification.inspect(0.0, 200.0, 200.0)
        verdicts = [verification.inspect(float(time), 185.0, 200.0) for time in range(1, 14)]
        self.assertEqual(verdicts[:12], [None] * 12)
        self.assertIsNotNone(verdicts[12])

    def test_back_in_the_band_clears_the_sum(self) -> None:
        verification = Verification(Limits())
        verification.inspect(0.0, 200.0, 200.0)
        for time in range(1, 200):
            temperature = 195.0 if time % 10 == 0 else 185.0
            self.assertIsNone(verification.inspect(float(time), temperature, 200.0))

    @settings(max_examples=60, deadline=None)
    @given(
        rate=st.floats(0.11, 5.0),
        target=st.floats(60.0, 300.0),
        noise=st.lists(st.floats(-0.05, 0.05), min_size=8, max_size=8),
    )
    def test_a_steady_climb_never_fails(self, rate: float, target: float, noise: list[float]) -> None:
        """2 C in 20 s is 0.1 C/s: everything faster is sound, whatever the target."""
        verification, temperature, time = Verification(Limits()), 20.0, 0
        while temperature < target:
            verdict = verification.inspect(float(time), temperature + noise[time % 8], target)
            self.assertIsNone(verdict, f"at {time} s")
            temperature, time = temperature + rate, time + 1
