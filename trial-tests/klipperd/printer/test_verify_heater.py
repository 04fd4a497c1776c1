"""verify_heater on whole printers."""

from twisted.trial.unittest import SynchronousTestCase

from ..thermal.plant import BED, HOTEND, slow_bed
from .fakes import FakePrinter, reading_at
from .thermal_printer import HEATER_SECTION, Joined, bed_printer


def chamber_printer(text: str = HEATER_SECTION) -> Joined:
    printer = FakePrinter(text).ready()
    joined = Joined(printer, [("PA2", "PC2", "ATC Semitec 104GT-2", HOTEND())])
    joined.run(2.0)
    return joined


class VerifyHeaterTests(SynchronousTestCase):
    timeout = 120

    def test_dead_heater_shuts_down_with_a_useful_text(self) -> None:
        joined = chamber_printer()
        joined.broken.add("PA2")
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(19.0)
        self.assertEqual(joined.printer.host.reasons, [])
        joined.run(8.0)
        [reason] = joined.printer.host.reasons
        for words in (
            "[heater_generic chamber] not heating at expected rate",
            "it is at 22.0 C",
            "target 200.0 C",
            "gained 0.0 C in the last 20 s",
            "heating_gain 2 C",
            "check_gain_time 20 s",
            "[verify_heater chamber]",
            "Check",
        ):
            self.assertIn(words, reason)

    def test_heater_that_fails_while_holding(self) -> None:
        joined = chamber_printer()
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(200.0)
        joined.broken.add("PA2")
        joined.run(60.0)
        [reason] = joined.printer.host.reasons
        for words in ("hysteresis 5 C", "max_error is 120", "fell more than"):
            self.assertIn(words, reason)

    def test_bed_gets_a_minute(self) -> None:
        joined = bed_printer(BED())
        joined.broken.add("PA1")
        joined.printer.do("M140 S60")
        joined.run(59.0)
        self.assertEqual(joined.printer.host.reasons, [])
        joined.run(10.0)
        self.assertEqual(len(joined.printer.host.reasons), 1)

    def test_section_changes_the_limits(self) -> None:
        joined = chamber_printer(HEATER_SECTION + "[verify_heater chamber]\ncheck_gain_time: 90\n")
        joined.broken.add("PA2")
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(85.0)
        self.assertEqual(joined.printer.host.reasons, [])
        joined.run(15.0)
        self.assertIn("check_gain_time 90 s", joined.printer.host.reasons[0])

    def test_slow_bed_is_left_alone(self) -> None:
        joined = bed_printer(slow_bed())
        joined.printer.do("M140 S100")
        joined.run(3000.0)
        self.assertEqual(joined.printer.host.reasons, [])
        self.assertGreater(joined.printer.status("heater_bed").temperature, 95.0)

    def test_silent_sensor_is_not_blamed_on_the_heater(self) -> None:
        joined = chamber_printer()
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(200.0)
        joined.printer.run(120.0)
        self.assertEqual(joined.printer.host.reasons, [])

    def test_broken_sensor_is_not_blamed_on_the_heater(self) -> None:
        """The micro-controller's own range check comes first; if it doesn't, the text names the sensor."""
        joined = chamber_printer()
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(200.0)
        adc = joined.printer.board.adcs["PC2"]
        joined.printer.run(2.7, lambda: adc.read(0.99999))
        self.assertEqual(joined.printer.host.reasons, [])
        joined.printer.run(3.0, lambda: adc.read(0.99999))
        [reason] = joined.printer.host.reasons
        for words in ("sensor of [heater_generic chamber]", "open circuit"):
            self.assertIn(words, reason)

    def test_loose_sensor_within_its_limits(self) -> None:
        joined = chamber_printer()
        joined.printer.do("SET_HEATER_TEMPERATURE HEATER=chamber TARGET=200")
        joined.run(200.0)
        adc = joined.printer.board.adcs["PC2"]
        joined.printer.run(9.0, lambda: adc.read(reading_at(15.0, "ATC Semitec 104GT-2")))
        [reason] = joined.printer.host.reasons
        for words in ("The reading fell by", "loose contact"):
            self.assertIn(words, reason)

    def test_close_stops_it(self) -> None:
        joined = chamber_printer()
        joined.printer.host.shutdown("test")
        joined.printer.run(0.3)
        self.assertEqual(joined.printer.clock.getDelayedCalls(), [])
