"""Fans and output pins from the command to the pin."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError, ConfigError

from .fakes import OFFSET, FakeOutput, FakePrinter, finish, reading_at
from .thermal_printer import BED_SECTION

FAN = "[fan]\npin: PA5\n"
HEATER_FAN = "[heater_fan hotend]\npin: PA3\nheater: heater_bed\n"


def values(output: FakeOutput) -> list[float]:
    return [round(value, 4) for _, value in output.settings]


class FanTests(SynchronousTestCase):
    timeout = 60

    def fan(self, options: str = "") -> tuple[FakePrinter, FakeOutput]:
        printer = FakePrinter(FAN + options).ready()
        return printer, printer.board.outputs["PA5"]

    def test_m106_in_step_with_the_moves(self) -> None:
        printer, pin = self.fan("kick_start_time: 0\n")
        printer.toolhead.ahead = 0.9
        printer.do("M106 S51")
        self.assertEqual(pin.settings, [(printer.clock.seconds() + OFFSET + 0.9, 0.2)])
        self.assertEqual(printer.status("fan").speed, 0.2)
        self.assertIsNone(printer.status("fan").rpm)

    def test_kick_start(self) -> None:
        printer, pin = self.fan()
        printer.toolhead.ahead = 1.0
        printer.do("M106 S51")
        self.assertEqual(values(pin), [1.0, 0.2])
        self.assertApproximates(pin.settings[1][0] - pin.settings[0][0], 0.1, 1e-6)

    def test_kick_only_where_it_is_due(self) -> None:
        printer, pin = self.fan()
        for command, expected in (
            ("M106 S255", [1.0]),
            ("M106 S51", [0.2]),
            ("M106 S102", [0.4]),
            ("M106 S240", [1.0, 0.9412]),
            ("M107", [0.0]),
        ):
            pin.settings.clear()
            printer.do(command)
            printer.run(1.0)
            self.assertEqual(values(pin), expected, command)

    def test_max_power_scales(self) -> None:
        printer, pin = self.fan("max_power: 0.5\nkick_start_time: 0\n")
        printer.do("M106 S255")
        self.assertEqual(values(pin), [0.5])
        self.assertEqual(printer.status("fan").speed, 1.0)

    def test_off_below(self) -> None:
        printer, pin = self.fan("off_below: 0.3\n")
        printer.do("M106 S51")
        self.assertEqual(values(pin), [])
        self.assertEqual(printer.status("fan").speed, 0.0)

    def test_m106_without_value_is_full_speed(self) -> None:
        printer, pin = self.fan()
        printer.do("M106")
        self.assertEqual(values(pin), [1.0])

    def test_enable_pin(self) -> None:
        printer, _ = self.fan("enable_pin: PA6\n")
        printer.do("M106 S255")
        printer.run(1.0)
        printer.do("M107")
        printer.run(1.0)
        self.assertEqual(values(printer.board.outputs["PA6"]), [1.0, 0.0])

    def test_pins_are_set_up_as_configured(self) -> None:
        _, pin = self.fan("shutdown_speed: 0.8\nmax_power: 0.6\ncycle_time: 0.02\nhardware_pwm: True\n")
        self.assertEqual(pin.options["shutdown"], 0.6)
        self.assertEqual(pin.options["cycle_time"], 0.02)
        self.assertTrue(pin.options["hardware"])
        self.assertEqual(pin.options["max_duration"], 0.0)

    def test_tachometer(self) -> None:
        printer, _ = self.fan("tachometer_pin: PC5\n")
        count = printer.board.counters["PC5"]
        count(10.0, 2**32 - 100)
        count(12.0, 300)
        self.assertApproximates(printer.status("fan").rpm, 3000.0, 1e-6)
        count(13.0, 300)
        self.assertEqual(printer.status("fan").rpm, 0.0)

    def test_refuses_negative_speed(self) -> None:
        printer, _ = self.fan()
        self.assertRaises(CommandError, printer.do, "M106 S-1")

    def test_bursts_end_at_the_last_value(self) -> None:
        printer, pin = self.fan()
        printer.do("\n".join(f"M106 S{step}" for step in range(100, 200)))
        printer.run(1.0)
        self.assertEqual(pin.value, 199 / 255)
        self.assertLess(len(pin.settings), 6)


class FanGenericTests(SynchronousTestCase):
    timeout = 60

    def test_each_by_its_name(self) -> None:
        printer = FakePrinter("[fan_generic a]\npin: PA5\n[fan_generic b]\npin: PA6\n").ready()
        printer.do("SET_FAN_SPEED FAN=b SPEED=1")
        self.assertEqual(printer.status("fan_generic b").speed, 1.0)
        self.assertEqual(printer.status("fan_generic a").speed, 0.0)
        error = self.assertRaises(CommandError, printer.do, "SET_FAN_SPEED FAN=a SPEED=2")
        self.assertIn("2 is above the maximum of 1", str(error))


class HeaterFanTests(SynchronousTestCase):
    timeout = 60

    def test_follows_its_heater(self) -> None:
        printer = FakePrinter(BED_SECTION + HEATER_FAN + "fan_speed: 0.8\n").ready()
        adc, pin = printer.board.adcs["PC1"], printer.board.outputs["PA3"]
        printer.run(3.0, lambda: adc.read(reading_at(25.0)))
        self.assertEqual(pin.value, 0.0)
        printer.do("M140 S60")
        printer.run(3.0, lambda: adc.read(reading_at(30.0)))
        self.assertEqual(pin.value, 0.8)
        printer.do("M140 S0")
        printer.run(3.0, lambda: adc.read(reading_at(55.0)))
        self.assertEqual(pin.value, 0.8, "it is still hot")
        printer.run(9.0, lambda: adc.read(reading_at(49.0)))
        self.assertEqual(pin.value, 0.0)
        self.assertEqual(printer.status("heater_fan hotend").speed, 0.0)

    def test_shutdown_speed_is_full_by_default(self) -> None:
        board = FakePrinter(BED_SECTION + HEATER_FAN + "max_power: 0.7\n").board
        self.assertEqual(board.outputs["PA3"].options["shutdown"], 0.7)

    def test_close_leaves_no_timer(self) -> None:
        printer = FakePrinter(BED_SECTION + HEATER_FAN).ready()
        finish(printer.built.close())
        self.assertEqual(printer.clock.getDelayedCalls(), [])


class ControllerFanTests(SynchronousTestCase):
    timeout = 60

    SECTION = "[controller_fan box]\npin: PA3\nheater: heater_bed\nfan_speed: 0.8\nkick_start_time: 0\n"

    def test_follows_steppers_and_runs_on(self) -> None:
        printer = FakePrinter(BED_SECTION + self.SECTION + "idle_speed: 0.4\nidle_timeout: 10\n").ready()
        pin, enable = printer.board.outputs["PA3"], printer.toolhead.enable
        printer.run(2.0)
        self.assertEqual(pin.value, 0.0)
        enable.switch("stepper_y", True, 1.0)
        printer.run(1.2)
        self.assertEqual(pin.value, 0.8)
        enable.switch("stepper_y", False, 1.0)
        printer.run(5.0)
        self.assertEqual(pin.value, 0.4)
        printer.run(10.0)
        self.assertEqual(pin.value, 0.0)

    def test_follows_heaters(self) -> None:
        printer = FakePrinter(BED_SECTION + self.SECTION).ready()
        printer.do("M140 S60")
        printer.run(1.2)
        self.assertEqual(printer.board.outputs["PA3"].value, 0.8)
        self.assertEqual(printer.status("controller_fan box").speed, 0.8)

    def test_only_named_steppers(self) -> None:
        printer = FakePrinter(BED_SECTION + self.SECTION + "stepper: stepper_x\n").ready()
        printer.toolhead.enable.switch("stepper_y", True, 1.0)
        printer.run(2.0)
        self.assertEqual(printer.board.outputs["PA3"].value, 0.0)

    def test_unknown_stepper(self) -> None:
        text = BED_SECTION + self.SECTION + "stepper: stepper_w\n"
        error = self.assertRaises(ConfigError, FakePrinter, text)
        self.assertIn("[controller_fan box] stepper: there is no stepper named 'stepper_w'", str(error))


class TemperatureFanTests(SynchronousTestCase):
    timeout = 60

    SECTION = """
[temperature_fan box]
pin: PA7
sensor_type: Generic 3950
sensor_pin: PC7
control: watermark
min_temp: 0
max_temp: 90
target_temp: 45
max_speed: 0.8
"""

    def test_watermark(self) -> None:
        printer = FakePrinter(self.SECTION).ready()
        adc, pin = printer.board.adcs["PC7"], printer.board.outputs["PA7"]
        for celsius, speed in ((40.0, 0.0), (46.9, 0.0), (47.1, 0.8), (44.0, 0.8), (42.9, 0.0)):
            printer.run(3.0, lambda c=celsius: adc.read(reading_at(c)))  # type: ignore[misc]
            self.assertEqual(pin.value, speed, celsius)
        self.assertEqual(pin.options["shutdown"], 1.0)

    def test_pid_keeps_to_its_speeds(self) -> None:
        text = self.SECTION.replace("watermark", "pid\npid_Kp: 40\npid_Ki: 0.2\npid_Kd: 0.1")
        printer = FakePrinter(text).ready()
        adc, pin = printer.board.adcs["PC7"], printer.board.outputs["PA7"]
        printer.run(3.0, lambda: adc.read(reading_at(70.0)))
        self.assertApproximates(pin.value, 0.8, 1e-9)
        printer.run(3.0, lambda: adc.read(reading_at(20.0)))
        self.assertApproximates(pin.value, 0.3, 1e-9)

    def test_target(self) -> None:
        printer = FakePrinter(self.SECTION).ready()
        adc, pin = printer.board.adcs["PC7"], printer.board.outputs["PA7"]
        printer.do("SET_TEMPERATURE_FAN_TARGET temperature_fan=box target=30 max_speed=0.5")
        printer.run(3.0, lambda: adc.read(reading_at(40.0)))
        self.assertEqual(pin.value, 0.5)
        self.assertEqual(printer.status("temperature_fan box").target, 30.0)
        self.assertApproximates(printer.status("temperature_fan box").temperature, 40.0, 0.01)
        printer.do("SET_TEMPERATURE_FAN_TARGET temperature_fan=box")
        self.assertEqual(printer.status("temperature_fan box").target, 45.0)
        for words, command in (
            ("max_temp 90", "target=95"),
            ("MIN_SPEED 0.9 is above MAX_SPEED 0.5", "min_speed=0.9"),
            ("MAX_SPEED: 2", "max_speed=2"),
        ):
            line = f"SET_TEMPERATURE_FAN_TARGET temperature_fan=box {command}"
            self.assertIn(words, str(self.assertRaises(CommandError, printer.do, line)))


class OutputPinTests(SynchronousTestCase):
    timeout = 60

    def test_digital(self) -> None:
        printer = FakePrinter("[output_pin a]\npin: PA8\nvalue: 1\nshutdown_value: 1\n").ready()
        pin = printer.board.outputs["PA8"]
        self.assertEqual((pin.options["start"], pin.options["shutdown"]), (1.0, 1.0))
        self.assertEqual(printer.status("output_pin a").value, 1.0)
        printer.do("SET_PIN PIN=a VALUE=0")
        self.assertEqual(values(pin), [0.0])
        self.assertEqual(printer.status("output_pin a").value, 0.0)
        error = self.assertRaises(CommandError, printer.do, "SET_PIN PIN=a VALUE=0.5")
        self.assertIn("neither 0 nor 1", str(error))

    def test_pwm_with_scale(self) -> None:
        printer = FakePrinter("[output_pin a]\npin: PA8\npwm: True\nscale: 2\nvalue: 1\n").ready()
        pin = printer.board.outputs["PA8"]
        self.assertEqual(pin.options["start"], 0.5)
        printer.do("SET_PIN PIN=a VALUE=1.5")
        self.assertEqual(values(pin), [0.75])
        self.assertEqual(printer.status("output_pin a").value, 0.75)
        error = self.assertRaises(CommandError, printer.do, "SET_PIN PIN=a VALUE=3")
        self.assertIn("3 is above 2", str(error))

    def test_unknown_pin(self) -> None:
        printer = FakePrinter("[output_pin light]\npin: PA8\n").ready()
        error = self.assertRaises(CommandError, printer.do, "SET_PIN PIN=ligt VALUE=1")
        self.assertIn("did you mean 'light'?", str(error))

    def test_pwm_tool_keeps_in_touch(self) -> None:
        printer = FakePrinter("[pwm_tool laser]\npin: PA8\nmaximum_mcu_duration: 2\n").ready()
        pin = printer.board.outputs["PA8"]
        self.assertEqual(pin.options["max_duration"], 2.0)
        printer.do("SET_PIN PIN=laser VALUE=0.4")
        printer.run(30.0)
        self.assertFalse(pin.expired())
        self.assertEqual(pin.value, 0.4)
        printer.host.shutdown("test")
        self.assertEqual(printer.clock.getDelayedCalls(), [])

    def test_pwm_tool_repeats_nothing_early(self) -> None:
        printer = FakePrinter("[pwm_tool laser]\npin: PA8\nmaximum_mcu_duration: 2\n").ready()
        printer.toolhead.ahead = 1.5
        at = printer.clock.seconds() + OFFSET + 1.5
        printer.do("SET_PIN PIN=laser VALUE=0.4")
        printer.run(5.0)
        pin = printer.board.outputs["PA8"]
        self.assertEqual(min(time for time, value in pin.settings if value == 0.4), at)


class OtherOutputTests(SynchronousTestCase):
    timeout = 60

    def test_static_digital_output(self) -> None:
        board = FakePrinter("[static_digital_output a]\npins: PA8, !PA9\n").board
        for name in ("PA8", "!PA9"):
            options = board.outputs[name].options
            self.assertEqual((options["start"], options["shutdown"]), (1.0, 1.0))

    def test_static_pwm_clock(self) -> None:
        board = FakePrinter("[static_pwm_clock a]\npin: PA8\nfrequency: 1000\n").board
        options = board.outputs["PA8"].options
        self.assertEqual((options["start"], options["shutdown"], options["hardware"]), (0.5, 0.5, True))
        self.assertAlmostEqual(options["cycle_time"], 0.001)

    def test_servo(self) -> None:
        printer = FakePrinter("[servo s]\npin: PA8\ninitial_angle: 90\n").ready()
        pin = printer.board.outputs["PA8"]
        self.assertAlmostEqual(pin.options["start"], 0.0015 / 0.020)
        pulses = {"ANGLE=0": 0.001, "ANGLE=180": 0.002, "WIDTH=0.0012": 0.0012, "WIDTH=0": 0.0}
        for command, pulse in pulses.items():
            printer.do(f"SET_SERVO SERVO=s {command}")
            printer.run(1.0)
            self.assertAlmostEqual(pin.value, pulse / 0.020)
        self.assertAlmostEqual(printer.status("servo s").value, 0.0)
        self.assertRaises(CommandError, printer.do, "SET_SERVO SERVO=s")

    def test_led(self) -> None:
        printer = FakePrinter("[led l]\nred_pin: PA8\nblue_pin: PA9\ninitial_RED: 0.5\n").ready()
        self.assertEqual(printer.board.outputs["PA8"].options["start"], 0.5)
        self.assertEqual(printer.status("led l").color_data, [(0.5, 0.0, 0.0, 0.0)])
        printer.do("SET_LED LED=l RED=1 BLUE=0.25")
        self.assertEqual(printer.board.outputs["PA8"].value, 1.0)
        self.assertEqual(printer.board.outputs["PA9"].value, 0.25)
        printer.do("SET_LED LED=l RED=0 TRANSMIT=0")
        self.assertEqual(printer.board.outputs["PA8"].value, 1.0)
        printer.run(1.0)
        printer.do("SET_LED LED=l RED=0 SYNC=0")
        self.assertEqual(printer.board.outputs["PA8"].value, 0.0)
