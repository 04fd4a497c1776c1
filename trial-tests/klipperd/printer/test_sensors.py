"""Sections with a sensor, and sensors that the host reads."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import ConfigError
from klipperd.printer.temperature_mcu import McuTemperatureOptions
from klipperd.thermal.chips import find_chip

from .fakes import FakePrinter, finish, reading_at


class TemperatureSensorTests(SynchronousTestCase):
    timeout = 60

    def test_status(self) -> None:
        printer = FakePrinter(
            "[temperature_sensor box]\nsensor_type: Generic 3950\nsensor_pin: PC3\ngcode_id: X\n"
        ).ready()
        adc = printer.board.adcs["PC3"]
        for celsius in (30.0, 50.0, 40.0):
            printer.run(3.0, lambda c=celsius: adc.read(reading_at(c)))  # type: ignore[misc]
        status = printer.status("temperature_sensor box")
        self.assertApproximates(status.temperature, 40.0, 0.6)
        self.assertEqual((status.measured_min_temp, status.measured_max_temp), (30.0, 50.0))
        report = printer.built.objects["heaters"].temperature_report()
        self.assertRegex(report, r"^X:4\d\.\d /0\.0$")

    def test_without_limits_the_adc_may_read_anything(self) -> None:
        options = (
            FakePrinter("[temperature_sensor box]\nsensor_type: Generic 3950\nsensor_pin: PC3\n")
            .board.adcs["PC3"]
            .options
        )
        self.assertLess(options["minimum"], 0.01)
        self.assertGreater(options["maximum"], 0.999)

    def test_every_kind_of_analog_sensor(self) -> None:
        kinds = {
            "EPCOS 100K B57560G104F": 100.0,
            "PT1000": 100.0,
            "PT100 INA826": 100.0,
            "AD595": 100.0,
            "AD8495": 100.0,
            "own": 100.0,
            "curve": 100.0,
        }
        own = "[thermistor own]\ntemperature1: 25\nresistance1: 100000\nbeta: 3950\n"
        curve = "[adc_temperature curve]\ntemperature1: 0\nvoltage1: 0\ntemperature2: 200\nvoltage2: 2.5\n"
        for kind in kinds:
            text = f"[temperature_sensor a]\nsensor_type: {kind}\nsensor_pin: PC3\n"
            text += "min_temp: 0\nmax_temp: 100\n"
            adc = FakePrinter(text + own + curve).ready().board.adcs["PC3"]
            self.assertLess(adc.options["minimum"], adc.options["maximum"], kind)

    def test_adc_temperature(self) -> None:
        curve = "[adc_temperature curve]\ntemperature1: 0\nvoltage1: 0\ntemperature2: 200\nvoltage2: 2.5\n"
        text = "[temperature_sensor a]\nsensor_type: curve\nsensor_pin: PC3\nadc_voltage: 3.3\n"
        printer = FakePrinter(text + curve).ready()
        printer.board.adcs["PC3"].read(1.25 / 3.3)
        self.assertEqual(printer.status("temperature_sensor a").temperature, 100.0)


class HostSensorTests(SynchronousTestCase):
    timeout = 60

    def printer(self, content: str, limits: str = "") -> FakePrinter:
        path = self.mktemp()
        with open(path, "w", encoding="ascii") as out:
            out.write(content)
        return FakePrinter(
            f"[temperature_sensor pi]\nsensor_type: temperature_host\nsensor_path: {path}\n{limits}"
        ).ready()

    def test_reads_the_kernel_s_file(self) -> None:
        printer = self.printer("48312\n")
        printer.run(1.2)
        self.assertEqual(printer.status("temperature_sensor pi").temperature, 48.31)

    def test_unreadable_file_gives_no_reading(self) -> None:
        printer = self.printer("not a number\n")
        printer.run(3.0)
        self.assertEqual(printer.status("temperature_sensor pi").temperature, 0.0)
        self.assertEqual(printer.host.reasons, [])

    def test_out_of_range(self) -> None:
        printer = self.printer("98000\n", "max_temp: 90\n")
        printer.run(1.2)
        [reason] = printer.host.reasons[:1]
        for words in ("[temperature_sensor pi]", "98.0 C", "above max_temp 90"):
            self.assertIn(words, reason)

    def test_close_stops_reading(self) -> None:
        printer = self.printer("48312\n")
        finish(printer.built.close())
        self.assertEqual(printer.clock.getDelayedCalls(), [])


class CombinedTests(SynchronousTestCase):
    timeout = 60

    SOURCES = (
        "[temperature_sensor a]\nsensor_type: Generic 3950\nsensor_pin: PC3\n"
        "[temperature_sensor b]\nsensor_type: Generic 3950\nsensor_pin: PC4\n"
    )

    def combined(self, method: str, sensors: str = "a, temperature_sensor b") -> FakePrinter:
        return FakePrinter(
            self.SOURCES + "[temperature_sensor c]\nsensor_type: temperature_combined\n"
            f"sensor_list: {sensors}\ncombination_method: {method}\nmaximum_deviation: 15\n"
        ).ready()

    def feed(self, printer: FakePrinter, a: float, b: float, seconds: float) -> None:
        def read() -> None:
            printer.board.adcs["PC3"].read(reading_at(a))
            printer.board.adcs["PC4"].read(reading_at(b))

        printer.run(seconds, read)

    def test_methods(self) -> None:
        for method, expected in (("min", 40.0), ("max", 50.0), ("mean", 45.0)):
            printer = self.combined(method)
            self.feed(printer, 40.0, 50.0, 6.0)
            self.assertApproximates(printer.status("temperature_sensor c").temperature, expected, 0.1)

    def test_deviation_shuts_down(self) -> None:
        printer = self.combined("mean")
        self.feed(printer, 40.0, 60.0, 8.0)
        for words in ("[temperature_sensor c]", "differ by 20.0 C", "maximum_deviation is 15 C", "a 40.0"):
            self.assertIn(words, printer.host.reasons[0])

    def test_unknown_sensor(self) -> None:
        printer = self.combined("mean", "a, nowhere")
        self.feed(printer, 40.0, 40.0, 1.0)
        self.assertIn("'nowhere'", printer.host.reasons[0])

    def test_no_reading_while_one_is_silent(self) -> None:
        printer = self.combined("mean")
        self.feed(printer, 40.0, 40.0, 6.0)
        printer.run(12.0, lambda: printer.board.adcs["PC3"].read(reading_at(40.0)))
        self.assertEqual(printer.status("temperature_sensor c").temperature, 0.0)
        self.assertEqual(printer.host.reasons, [])


class McuTemperatureTests(SynchronousTestCase):
    timeout = 60

    def reading(self, options: str, ratio: float) -> float:
        text = f"[temperature_sensor m]\nsensor_type: temperature_mcu\n{options}"
        printer = FakePrinter(text).ready()
        printer.board.adcs["ADC_TEMPERATURE"].read(ratio)
        return float(printer.status("temperature_sensor m").temperature)

    def test_data_sheet(self) -> None:
        """STM32F4: 0.76 V at 25 C, 2.5 mV/C, reference 3.3 V."""
        self.assertApproximates(self.reading("", 0.76 / 3.3), 25.0, 0.01)
        self.assertApproximates(self.reading("", 0.81 / 3.3), 45.0, 0.01)

    def test_one_known_point_keeps_the_slope(self) -> None:
        options = "sensor_temperature1: 20\nsensor_adc1: 0.25\n"
        self.assertApproximates(self.reading(options, 0.25), 20.0, 0.01)
        self.assertApproximates(self.reading(options, 0.25 + 0.05 / 3.3), 40.0, 0.01)

    def test_two_known_points(self) -> None:
        options = "sensor_temperature1: 20\nsensor_adc1: 0.2\nsensor_temperature2: 60\nsensor_adc2: 0.1\n"
        self.assertApproximates(self.reading(options, 0.15), 40.0, 0.01)

    def test_problems(self) -> None:
        for options, words in (
            ("sensor_adc1: 0.2\n", "sensor_temperature1: is missing"),
            ("sensor_mcu: zbord\n", "there is no MCU 'zbord'"),
        ):
            text = f"[temperature_sensor m]\nsensor_type: temperature_mcu\n{options}"
            self.assertIn(words, str(self.assertRaises(ConfigError, FakePrinter, text)))

    def test_unknown_chip(self) -> None:
        self.assertIsNone(find_chip("linux"))
        self.assertIsNone(McuTemperatureOptions(sensor_type="temperature_mcu").conversion(None))
