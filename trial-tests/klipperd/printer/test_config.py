"""What is wrong in a configuration is said with its place, before anything is built."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import ConfigError

from .fakes import FakePrinter, plan_of
from .thermal_printer import BED_SECTION, HEATER_SECTION

THERMISTOR = "[thermistor mine]\ntemperature1: 25\nresistance1: 100000\nbeta: 3950\n"
FAN = "[heater_fan hotend]\npin: PA3\nheater: heater_bed\n"


class ProblemTests(SynchronousTestCase):
    timeout = 60

    def problems(self, text: str) -> str:
        return str(self.assertRaises(ConfigError, plan_of, text))

    def check(self, text: str, *words: str) -> None:
        found = self.problems(text)
        for word in words:
            self.assertIn(word, found)

    def replaced(self, old: str, new: str) -> str:
        self.assertIn(old, BED_SECTION)
        return BED_SECTION.replace(old, new)

    def test_sound_configuration(self) -> None:
        settings = plan_of(BED_SECTION + HEATER_SECTION + FAN).settings()
        bed = settings["heater_bed"]
        self.assertEqual(bed["sensor_type"], "Generic 3950")
        self.assertEqual(bed["control"], "pid")
        self.assertEqual(bed["pid_kp"], 28.3)
        self.assertEqual(bed["pullup_resistor"], 4700.0)
        self.assertEqual(bed["max_power"], 1.0)
        self.assertEqual(bed["smooth_time"], 1.0)
        self.assertEqual(bed["pwm_cycle_time"], 0.1)
        self.assertEqual(settings["heater_generic chamber"]["sensor_type"], "ATC Semitec 104GT-2")
        self.assertEqual(settings["heater_fan hotend"]["kick_start_time"], 0.1)

    def test_unknown_sensor_type(self) -> None:
        text = self.replaced("Generic 3950", "Genric 3950")
        self.check(text, "printer.cfg:4: [heater_bed] sensor_type", "did you mean 'Generic 3950'?")

    def test_sensor_type_of_a_section(self) -> None:
        plan_of(self.replaced("Generic 3950", "mine") + THERMISTOR)
        plan_of(THERMISTOR + self.replaced("Generic 3950", "mine"))
        text = self.replaced("Generic 3950", "mane") + THERMISTOR
        self.check(text, "[heater_bed] sensor_type", "did you mean 'mine'?")

    def test_limits_in_order(self) -> None:
        text = self.replaced("max_temp: 130", "max_temp: -5")
        self.check(text, "printer.cfg:11: [heater_bed] max_temp: -5 must be above min_temp, which is 0")

    def test_missing_and_misspelt(self) -> None:
        self.check(self.replaced("sensor_pin", "sensr_pin"), "sensor_pin", "is it misspelt as 'sensr_pin'?")

    def test_unknown_control(self) -> None:
        text = self.replaced("control: pid", "control: pdi")
        self.check(text, "printer.cfg:6: [heater_bed] control: 'pdi' is none of pid, watermark; did you mean")

    def test_pid_values_without_pid(self) -> None:
        text = self.replaced("control: pid", "control: watermark")
        self.check(text, "printer.cfg:7: [heater_bed] pid_kp: unknown option")

    def test_max_power(self) -> None:
        self.check(BED_SECTION + "max_power: 1.5\n", "[heater_bed] max_power: 1.5 is above the maximum of 1")

    def test_thermistor_points(self) -> None:
        text = "[thermistor a]\ntemperature1: 25\nresistance1: 1e5\n"
        self.check(text, "[thermistor a] temperature2: is missing (give three points, or beta)")
        points = "temperature2: 50\nresistance2: 2e5\ntemperature3: 90\nresistance3: 100\n"
        self.check(text + points, "[thermistor a] temperature1: 200000 ohm at 50 C")

    def test_adc_temperature_points(self) -> None:
        self.check("[adc_temperature a]\ntemperature1: 25\nvoltage1: 1\n", "at least two points")
        self.check(
            "[adc_temperature a]\ntemperature1: 25\nvoltage1: 1\ntemperature2: 50\nvoltage2: 2\n"
            "temperature3: 70\n",
            "[adc_temperature a] voltage3: is missing, while temperature3 is there",
        )
        self.check(
            "[adc_temperature a]\ntemperature1: 25\nvoltage1: 1\ntemperature2: hot\nvoltage2: 2\n",
            "printer.cfg:4: [adc_temperature a] temperature2: 'hot' is not a number",
        )

    def test_values_of_output_pins(self) -> None:
        self.check("[output_pin a]\npin: PA9\nvalue: 0.5\n", "printer.cfg:3", "0.5 is neither 0 nor 1")
        text = "[output_pin a]\npin: PA9\npwm: True\nscale: 10\nvalue: 11\n"
        self.check(text, "11 is above 10, which scale sets")
        self.check("[pwm_tool a]\npin: PA9\nmaximum_mcu_duration: 0.1\n", "0.1 is below 0.5")

    def test_speeds_of_temperature_fans(self) -> None:
        text = (
            "[temperature_fan box]\npin: PA9\nsensor_type: temperature_host\ncontrol: watermark\n"
            "min_temp: 0\nmax_temp: 90\nmin_speed: 0.6\nmax_speed: 0.4\ntarget_temp: 95\n"
        )
        self.check(text, "min_speed: 0.6 is above max_speed", "target_temp: 95 is not within")

    def test_led_without_lights(self) -> None:
        self.check("[led a]\n", "at least one of red_pin")


class BuildProblemTests(SynchronousTestCase):
    """What needs the objects themselves is said when they are built, with the section's place."""

    timeout = 60

    def check(self, text: str, *words: str) -> None:
        found = str(self.assertRaises(ConfigError, FakePrinter, text))
        for word in words:
            self.assertIn(word, found)

    def test_fan_of_an_unknown_heater(self) -> None:
        text = BED_SECTION + FAN.replace("heater_bed", "heater_bad")
        where = "printer.cfg:14: [heater_fan hotend] heater"
        self.check(text, where, "'heater_bad'; did you mean 'heater_bed'?")

    def test_verification_of_an_unknown_heater(self) -> None:
        text = BED_SECTION + "[verify_heater heater_bad]\n"
        self.check(text, "printer.cfg:12: [verify_heater heater_bad]", "did you mean 'heater_bed'?")
