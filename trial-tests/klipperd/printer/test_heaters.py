"""Heaters from the command to the pin, against simulated parts."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError

from ..thermal.plant import BED, HOTEND
from .fakes import FakePrinter, finish, reading_at
from .thermal_printer import BED_SECTION, HEATER_SECTION, Joined, bed_printer


class HeatingTests(SynchronousTestCase):
    timeout = 120

    def test_reaches_and_holds_its_target(self) -> None:
        joined = bed_printer(BED())
        joined.printer.do("M140 S60")
        joined.run(500.0)
        status = joined.printer.status("heater_bed")
        self.assertApproximates(status.temperature, 60.0, 0.5)
        self.assertEqual(status.target, 60.0)
        self.assertGreater(status.power, 0.1)
        self.assertFalse(joined.printer.host.reasons)

    def test_output_never_expires(self) -> None:
        joined = bed_printer(BED())
        joined.printer.do("M140 S60")
        output = joined.printer.board.outputs["PA1"]
        self.assertEqual(output.options["max_duration"], 3.0)
        for _ in range(100):
            joined.run(6.0)
            self.assertFalse(output.expired())
        gaps = [b[0] - a[0] for a, b in zip(output.settings, output.settings[1:], strict=False) if a[1] > 0.0]
        self.assertLess(max(gaps), 1.6)

    def test_output_expires_when_readings_stop(self) -> None:
        joined = bed_printer(BED())
        joined.printer.do("M140 S60")
        joined.run(30.0)
        joined.printer.run(10.0)
        self.assertTrue(joined.printer.board.outputs["PA1"].expired())
        self.assertEqual(joined.printer.status("heater_bed").temperature, 0.0)

    def test_switching_off(self) -> None:
        for command in ("M140 S0", "M140", "TURN_OFF_HEATERS", "SET_HEATER_TEMPERATURE HEATER=heater_bed"):
            joined = bed_printer(BED())
            joined.printer.do("M140 S60")
            joined.run(30.0)
            joined.printer.do(command)
            joined.run(0.6)
            self.assertEqual(joined.printer.board.outputs["PA1"].value, 0.0, command)
            self.assertEqual(joined.printer.status("heater_bed").target, 0.0, command)

    def test_power_stays_below_max_power(self) -> None:
        joined = bed_printer(BED(), BED_SECTION + "max_power: 0.4\n")
        joined.printer.do("M140 S100")
        joined.run(60.0)
        self.assertEqual(max(v for _, v in joined.printer.board.outputs["PA1"].settings), 0.4)

    def test_no_power_above_max_temp(self) -> None:
        plant = BED()
        joined = bed_printer(plant)
        joined.printer.do("M140 S130")
        plant.temperature = plant.sensor = 131.0
        joined.run(0.9)
        self.assertEqual(joined.printer.board.outputs["PA1"].value, 0.0)

    def test_shutdown_lets_go(self) -> None:
        joined = bed_printer(BED())
        joined.printer.do("M140 S60")
        joined.run(30.0)
        count = len(joined.printer.board.outputs["PA1"].settings)
        joined.printer.host.shutdown("test")
        joined.run(30.0)
        self.assertEqual(len(joined.printer.board.outputs["PA1"].settings), count)
        self.assertEqual(joined.printer.status("heater_bed").target, 0.0)
        error = self.assertRaises(CommandError, joined.printer.do, "M140 S60")
        self.assertIn("shut down", str(error))

    def test_readings_are_smoothed(self) -> None:
        printer = FakePrinter(BED_SECTION).ready()
        adc = printer.board.adcs["PC1"]
        printer.run(3.0, lambda: adc.read(reading_at(50.0)))
        printer.run(0.3, lambda: adc.read(reading_at(60.0)))
        self.assertEqual(printer.status("heater_bed").temperature, 53.0)

    def test_adc_range(self) -> None:
        options = FakePrinter(BED_SECTION).board.adcs["PC1"].options
        self.assertAlmostEqual(options["maximum"], reading_at(0.0))
        self.assertAlmostEqual(options["minimum"], reading_at(130.0))
        self.assertEqual(options["report_time"], 0.3)


class TargetTests(SynchronousTestCase):
    timeout = 60

    def check_refused(self, command: str, *words: str) -> None:
        printer = FakePrinter(BED_SECTION + HEATER_SECTION)
        error = self.assertRaises(CommandError, printer.do, command)
        for word in words:
            self.assertIn(word, str(error))
        self.assertEqual(printer.status("heater_bed").target, 0.0)

    def test_above_max_temp(self) -> None:
        self.check_refused("M140 S131", "131", "[heater_bed]", "max_temp 130")

    def test_below_min_temp(self) -> None:
        printer = FakePrinter(BED_SECTION.replace("min_temp: 0", "min_temp: 10"))
        error = self.assertRaises(CommandError, printer.do, "M190 S5")
        self.assertIn("below its min_temp 10", str(error))

    def test_named_heater(self) -> None:
        command = "SET_HEATER_TEMPERATURE HEATER=chamber TARGET=300"
        self.check_refused(command, "[heater_generic chamber]", "250")

    def test_unknown_heater(self) -> None:
        command = "SET_HEATER_TEMPERATURE HEATER=chambr TARGET=30"
        self.check_refused(command, "'chambr'", "did you mean 'chamber'?")

    def test_not_a_number(self) -> None:
        command = "SET_HEATER_TEMPERATURE HEATER=chamber TARGET=hot"
        self.check_refused(command, "TARGET", "'hot' is not a number")

    def test_both_names_of_a_heater(self) -> None:
        printer = FakePrinter(HEATER_SECTION)
        for name in ("chamber", '"heater_generic chamber"', "CHAMBER"):
            printer.do(f"SET_HEATER_TEMPERATURE HEATER={name} TARGET=50")
            self.assertEqual(printer.status("heater_generic chamber").target, 50.0)
            printer.do("TURN_OFF_HEATERS")


class WaitingTests(SynchronousTestCase):
    timeout = 120

    def joined(self) -> Joined:
        printer = FakePrinter(BED_SECTION + HEATER_SECTION).ready()
        parts = [("PA1", "PC1", "Generic 3950", BED()), ("PA2", "PC2", "ATC Semitec 104GT-2", HOTEND())]
        joined = Joined(printer, parts)
        joined.run(2.0)
        printer.lines.clear()
        return joined

    def test_m190_reports_each_second_until_settled(self) -> None:
        joined = self.joined()
        timers = len(joined.printer.clock.getDelayedCalls())
        done = joined.printer.gcode("M190 S60")
        joined.run(30.0)
        self.assertNoResult(done)
        self.assertIn(len(joined.printer.lines), range(25, 32))
        self.assertRegex(joined.printer.lines[-1], r"^B:\d+\.\d /60\.0 C:22\.0 /0\.0$")
        joined.run(500.0)
        self.successResultOf(done)
        self.assertApproximates(joined.printer.status("heater_bed").temperature, 60.0, 1.0)
        self.assertEqual(len(joined.printer.clock.getDelayedCalls()), timers)

    def test_m190_waits_for_cooling_too(self) -> None:
        joined = self.joined()
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=150")
        joined.run(200.0)
        done = joined.printer.gcode(
            "SET_HEATER_TEMPERATURE HEATER=chamber TARGET=60\nTEMPERATURE_WAIT SENSOR=chamber MAXIMUM=70"
        )
        joined.run(10.0)
        self.assertNoResult(done)
        joined.run(400.0)
        self.successResultOf(done)

    def test_wait_for_a_minimum(self) -> None:
        joined = self.joined()
        joined.printer.do("M140 S60")
        done = joined.printer.gcode("TEMPERATURE_WAIT SENSOR=heater_bed MINIMUM=40")
        while not done.called:
            joined.run(0.3)
        self.assertApproximates(joined.printer.status("heater_bed").temperature, 40.0, 0.5)

    def test_wait_that_makes_no_sense(self) -> None:
        printer = self.joined().printer
        for command, words in (
            ("TEMPERATURE_WAIT SENSOR=heater_bed", "MINIMUM or MAXIMUM"),
            ("TEMPERATURE_WAIT SENSOR=heater_bed MINIMUM=50 MAXIMUM=40", "above MAXIMUM 40"),
            ("TEMPERATURE_WAIT SENSOR=heater_bad MINIMUM=50", "did you mean 'heater_bed'?"),
            ("TEMPERATURE_WAIT MINIMUM=50", "SENSOR is missing"),
        ):
            error = self.assertRaises(CommandError, printer.do, command)
            self.assertIn(words, str(error))

    def test_shutdown_ends_a_wait(self) -> None:
        joined = self.joined()
        done = joined.printer.gcode("M190 S60")
        joined.run(3.0)
        joined.printer.host.shutdown("the cause")
        error = self.failureResultOf(done, CommandError)
        self.assertIn("the cause", str(error.value))

    def test_interruption_ends_a_wait(self) -> None:
        joined = self.joined()
        done = joined.printer.gcode("M190 S60")
        joined.run(3.0)
        joined.printer.dispatcher.interrupt("the printer restarts")
        joined.run(0.3)
        error = self.failureResultOf(done, CommandError)
        self.assertIn("the printer restarts", str(error.value))

    def test_m108_goes_on(self) -> None:
        joined = self.joined()
        done = joined.printer.gcode("M190 S60\nM140 S40")
        joined.run(3.0)
        self.successResultOf(joined.printer.gcode("M108"))
        self.successResultOf(done)
        self.assertEqual(joined.printer.status("heater_bed").target, 40.0)
        again = joined.printer.gcode("M190 S60")
        joined.run(3.0)
        self.assertNoResult(again)

    def test_switching_off_ends_a_wait(self) -> None:
        joined = self.joined()
        done = joined.printer.gcode("M190 S60")
        joined.run(3.0)
        joined.printer.built.objects["heater_bed"].heater.set_target(0.0)
        joined.run(1.2)
        self.successResultOf(done)

    def test_m190_without_target_does_not_wait(self) -> None:
        self.successResultOf(self.joined().printer.gcode("M190 S0"))


class ReportTests(SynchronousTestCase):
    timeout = 60

    def test_lists_of_sections(self) -> None:
        sensor = "[temperature_sensor box]\nsensor_type: Generic 3950\nsensor_pin: PC3\n"
        status = FakePrinter(BED_SECTION + HEATER_SECTION + sensor).status("heaters")
        self.assertEqual(set(status.available_heaters), {"heater_bed", "heater_generic chamber"})
        everything = {"heater_bed", "heater_generic chamber", "temperature_sensor box"}
        self.assertEqual(set(status.available_sensors), everything)
        self.assertEqual(status.available_monitors, [])

    def test_line_without_sensors(self) -> None:
        self.assertEqual(FakePrinter("").built.objects["heaters"].temperature_report(), "T:0")

    def test_close_ends_everything(self) -> None:
        joined = bed_printer(BED())
        joined.printer.do("M140 S60")
        joined.run(3.0)
        finish(joined.printer.built.close())
        self.assertEqual(joined.printer.board.outputs["PA1"].value, 0.0)
        self.assertEqual(joined.printer.clock.getDelayedCalls(), [])


class OutOfRangeTests(SynchronousTestCase):
    timeout = 60

    def explain(self, celsius_or_ratio: float, ratio: bool = False) -> str:
        printer = FakePrinter(BED_SECTION + HEATER_SECTION).ready()
        value = celsius_or_ratio if ratio else reading_at(celsius_or_ratio)
        for _ in range(3):
            printer.board.adcs["PC2"].read(reading_at(25.0, "ATC Semitec 104GT-2"))
            printer.board.adcs["PC1"].read(value)
        found = printer.board.faults("ADC out of range")
        self.assertEqual(printer.board.faults("Timer too close"), [])
        return "\n".join(found)

    def test_open_circuit(self) -> None:
        text = self.explain(0.9999, ratio=True)
        wanted = ("[heater_bed]", "Generic 3950", "PC1", "ADC 0.9999", "below min_temp 0", "open circuit")
        for words in wanted:
            self.assertIn(words, text)
        self.assertNotIn("chamber", text)

    def test_short_circuit(self) -> None:
        text = self.explain(0.0001, ratio=True)
        for words in ("[heater_bed]", "above max_temp 130", "short circuit"):
            self.assertIn(words, text)

    def test_really_hot(self) -> None:
        text = self.explain(134.5)
        for words in ("134.5 C", "above max_temp 130", "sensor_type"):
            self.assertIn(words, text)

    def test_nothing_to_say_about_readings_in_range(self) -> None:
        self.assertEqual(self.explain(60.0), "")
