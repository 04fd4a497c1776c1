"""[input_shaper] on a tool head with a fake board."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.motion.kinematics.corexy import CoreXYConfig
from klipperd.motion.shapers import pulses
from klipperd.printer.input_shaper import AxisShaper, InputShaper, InputShaperConfig, build_input_shaper

from ..motion.test_toolhead import Printer
from .test_motion_objects import Call

NAMES = ("shaper_freq", "damping_ratio", "shaper_type")
NOTHING = dict.fromkeys([f"{name}_{axis}" for name in NAMES for axis in "xyz"] + ["shaper_type"])


def shaper_of(printer: Printer, **options: Any) -> InputShaper:
    return build_input_shaper(InputShaperConfig(**options), printer.toolhead, [], [])


def scan_times(printer: Printer) -> dict[str, float]:
    return {motor.name: motor.motion.scan_time for motor in printer.toolhead.generation.motors}


class Configured(SynchronousTestCase):
    timeout = 60

    def test_only_axes_with_a_frequency(self) -> None:
        printer = Printer()
        shaper_of(printer, shaper_freq_y=50.0)
        scans = scan_times(printer)
        self.assertEqual([name for name, scan in scans.items() if scan > 0.0], ["stepper_y"])
        made = pulses("mzv", 50.0, 0.1)
        mean = sum(time * amplitude for time, amplitude in made)
        self.assertAlmostEqual(scans["stepper_y"], max(mean, made[-1][0] - mean))

    def test_corexy_motors_need_both(self) -> None:
        printer = Printer(CoreXYConfig())
        shaper_of(printer, shaper_freq_y=50.0, shaper_type_y="zv")
        self.assertEqual([s > 0.0 for s in scan_times(printer).values()], [True, True, False, False])

    def test_bad_types_are_told(self) -> None:
        self.assertEqual(
            [name for name, _ in InputShaperConfig(shaper_type_z="zzz").check()], ["shaper_type_z"]
        )
        self.assertEqual(list(InputShaperConfig(shaper_type="EI(v_tol=0.1)").check()), [])

    def test_own_pulses_need_no_frequency(self) -> None:
        printer = Printer()
        shaper_of(printer, shaper_type_x="custom(0=1,0.02=1)")
        self.assertAlmostEqual(scan_times(printer)["stepper_x"], 0.01)


class Changed(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.printer = Printer().homed()
        self.shaper = shaper_of(self.printer, shaper_freq_x=40.0, damping_ratio_x=0.05)
        self.call: Any = Call()

    def change(self, **given: Any) -> None:
        self.printer.run(self.shaper.set_input_shaper(self.call, **{**NOTHING, **given}))

    def test_values(self) -> None:
        self.change(shaper_type="ei", shaper_freq_z=30.0)
        self.assertEqual(self.shaper.shapers["x"], AxisShaper("ei", 40.0, 0.05))
        self.assertEqual(self.shaper.shapers["z"], AxisShaper("ei", 30.0, 0.1))
        self.assertGreater(scan_times(self.printer)["stepper_z"], 0.015)
        self.assertEqual(self.call.lines[0], "shaper_type_x:ei shaper_freq_x:40.000 damping_ratio_x:0.050000")

    def test_refused_changes_nothing(self) -> None:
        before = dict(self.shaper.shapers)
        for given in (
            {"shaper_type": "zv", "shaper_type_x": "ei"},
            {"shaper_type_y": "fast", "shaper_freq_x": 9.0},
        ):
            self.assertRaises(CommandError, self.change, **given)
        self.assertEqual(self.shaper.shapers, before)

    def test_waits_for_rest(self) -> None:
        """Moves before are made with the old shaper to their end, those after with the new one."""
        toolhead = self.printer.toolhead
        toolhead.move([30.0, 20.0, 0.0, 0.0], 100.0)
        self.change(shaper_freq_x=0.0)
        toolhead.move([10.0, 50.0, 0.0, 0.0], 100.0)
        self.printer.run(toolhead.come_to_rest())
        for motor, place in zip(self.printer.toolhead.kinematics.motors, (10.0, 50.0, 0.0), strict=True):
            self.assertAlmostEqual(motor.motion.commanded, place)
        self.assertEqual(set(scan_times(self.printer).values()), {0.0})

    def test_motors_that_rest_keep_theirs(self) -> None:
        """As with a second carriage: what does not move with the axis now is not asked."""
        toolhead = self.printer.toolhead
        motor = toolhead.kinematics.motors[0]
        before = motor.motion.scan_time
        motor.motion.follow(toolhead.queue, (0.0, 0.0, 0.0))
        self.change(shaper_freq_x=80.0)
        self.assertEqual(motor.motion.scan_time, 0.0)
        motor.motion.follow(toolhead.queue, (1.0, 0.0, 0.0))
        self.assertEqual(motor.motion.scan_time, before)
