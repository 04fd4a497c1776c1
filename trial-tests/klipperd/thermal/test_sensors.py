"""Sensor curves against points that makers and standards publish."""

import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.thermal.conversion import DividedResistance, ResistanceTable, ScaledVoltage
from klipperd.thermal.interpolation import Interpolation
from klipperd.thermal.parts import AMPLIFIERS, PT1000, THERMISTORS, amplifier
from klipperd.thermal.platinum import Platinum
from klipperd.thermal.smoothing import Smoothed
from klipperd.thermal.thermistor import from_beta, from_points
from klipperd.thermal.thermocouple import type_j, type_k

# Readings of 1023 with a 4.7 kilohm pull-up, as printer firmwares have tabulated them from makers' data.
TABLES = {
    "EPCOS 100K B57560G104F": {250: 48, 200: 109, 150: 268, 100: 591, 60: 857, 25: 977},
    "ATC Semitec 104GT-2": {300: 17, 250: 37, 200: 87, 150: 230, 100: 554, 60: 846, 30: 966},
    "ATC Semitec 104NT-4-R025H42G": {300: 17, 250: 37, 200: 87, 150: 230, 100: 554, 60: 846, 30: 966},
    "Honeywell 100K 135-104LAG-J01": {299: 37, 245: 73, 197: 145, 157: 271, 110: 541, 62: 847, 27: 973},
    "SliceEngineering 450": {450: 32, 400: 50, 300: 143, 200: 453, 150: 706, 100: 910, 50: 998},
    "TDK NTCG104LH104JT1": {125: 313, 100: 506, 75: 722, 50: 890, 25: 978, 0: 1012},
}
# Ohm of the silicone heater mats' thermistor.
MGB18 = {150: 1729.283, 125: 3286.644, 100: 6710.0, 60: 25144.568, 25: 100000.0}


class ThermistorTests(SynchronousTestCase):
    timeout = 60

    def test_published_tables(self) -> None:
        for name, table in TABLES.items():
            conversion = DividedResistance(THERMISTORS[name], 4700.0)
            for celsius, reading in table.items():
                # Half a count of rounding, and 1.5 % of the maker's and the table's own tolerance.
                found = conversion.temperature(reading / 1024.0)
                half = abs(conversion.temperature((reading + 0.5) / 1024.0) - found)
                allowed = half + 0.5 + 0.015 * celsius
                self.assertApproximates(found, celsius, allowed, msg=f"{name} at {celsius} C")

    def test_mat_thermistor(self) -> None:
        curve = THERMISTORS["NTC 100K MGB18-104F39050L32"]
        for celsius, ohm in MGB18.items():
            self.assertApproximates(curve.temperature(ohm), celsius, 2.5)

    def test_points_are_on_the_curve(self) -> None:
        points = [(25.0, 100e3), (150.0, 1641.9), (250.0, 226.15)]
        curve = from_points(points)
        for celsius, ohm in points:
            self.assertAlmostEqual(curve.temperature(ohm), celsius, places=6)
            self.assertAlmostEqual(curve.resistance(celsius) / ohm, 1.0, places=6)

    def test_beta(self) -> None:
        """R = R25 exp(B (1/T - 1/T25)) by definition."""
        curve = from_beta(25.0, 100e3, 3950.0)
        for celsius in (-20.0, 60.0, 250.0):
            ohm = 100e3 * math.exp(3950.0 * (1 / (celsius + 273.15) - 1 / 298.15))
            self.assertAlmostEqual(curve.temperature(ohm), celsius, places=6)
            self.assertAlmostEqual(curve.resistance(celsius) / ohm, 1.0, places=9)

    def test_unfit_points_become_beta(self) -> None:
        """Three hand-measured points whose Steinhart-Hart fit is no thermistor's."""
        curve = from_points([(20.0, 100e3), (21.0, 99e3), (200.0, 500.0)])
        self.assertEqual(curve.c, 0.0)
        self.assertAlmostEqual(curve.temperature(100e3), 20.0, places=6)
        self.assertAlmostEqual(curve.temperature(500.0), 200.0, places=6)

    def test_rising_resistance_is_refused(self) -> None:
        error = self.assertRaises(ValueError, from_points, [(25.0, 100.0), (50.0, 200.0), (75.0, 50.0)])
        self.assertIn("200 ohm at 50 C", str(error))

    @given(celsius=st.floats(-40.0, 400.0), name=st.sampled_from(sorted(THERMISTORS)))
    def test_there_and_back(self, celsius: float, name: str) -> None:
        curve = THERMISTORS[name]
        self.assertAlmostEqual(curve.temperature(curve.resistance(celsius)), celsius, places=5)

    @given(ratio=st.floats(0.0, 1.0), name=st.sampled_from(sorted(THERMISTORS)))
    def test_no_reading_raises(self, ratio: float, name: str) -> None:
        celsius = DividedResistance(THERMISTORS[name], 4700.0, 100.0).temperature(ratio)
        self.assertGreater(celsius, -273.15)

    def test_inline_resistor(self) -> None:
        plain = DividedResistance(THERMISTORS["Generic 3950"], 4700.0)
        inline = DividedResistance(THERMISTORS["Generic 3950"], 4700.0, 220.0)
        self.assertGreater(inline.ratio(200.0), plain.ratio(200.0))
        self.assertAlmostEqual(inline.temperature(inline.ratio(200.0)), 200.0, places=6)


class PlatinumTests(SynchronousTestCase):
    timeout = 60

    def test_iec_60751(self) -> None:
        table = {-100: 60.26, -50: 80.31, 0: 100.0, 100: 138.51, 200: 175.86, 400: 247.09}
        for celsius, ohm in table.items():
            self.assertApproximates(Platinum(100.0).resistance(celsius), ohm, 0.005)
            self.assertApproximates(Platinum(100.0).temperature(ohm), celsius, 0.02)

    def test_pt1000_is_ten_times_pt100(self) -> None:
        self.assertApproximates(PT1000.resistance(150.0), 1573.25, 0.05)

    def test_open_circuit_is_infinitely_hot(self) -> None:
        self.assertEqual(PT1000.temperature(1e9), math.inf)


class VoltageTests(SynchronousTestCase):
    timeout = 60

    def test_nist_thermocouples(self) -> None:
        k = {-100: -3.554, 0: 0.0, 25: 1.000, 100: 4.096, 250: 10.153, 400: 16.397}
        j = {-100: -4.633, 0: 0.0, 25: 1.277, 100: 5.269, 250: 13.555, 400: 21.848}
        for celsius, millivolt in k.items():
            self.assertApproximates(type_k(celsius), millivolt, 0.001)
        for celsius, millivolt in j.items():
            self.assertApproximates(type_j(celsius), millivolt, 0.001)

    def test_ad595_data_sheet(self) -> None:
        """Table 1 of the AD594/AD595 data sheet, millivolt."""
        table = {0: 2.7, 25: 250.0, 100: 1015.0, 200: 2015.0, 300: 3022.0, 400: 4057.0}
        for celsius, millivolt in table.items():
            self.assertApproximates(amplifier("AD595").quantity(celsius) * 1e3, millivolt, 1.5)

    def test_ad849x_are_trimmed(self) -> None:
        for name, celsius in (("AD8494", 25), ("AD8495", 25), ("AD8496", 60), ("AD8497", 60)):
            self.assertApproximates(amplifier(name).quantity(celsius), celsius * 0.005, 1e-4)

    def test_pt100_board(self) -> None:
        """Readings of 1023 at 5 V, as printer firmwares have tabulated them."""
        conversion = ScaledVoltage(amplifier("PT100 INA826"), 5.0)
        for celsius, reading in {10: 236, 50: 270, 100: 312, 200: 393, 300: 470, 400: 544}.items():
            self.assertApproximates(conversion.temperature(reading / 1024.0), celsius, 1.5)

    def test_all_rise(self) -> None:
        for name in AMPLIFIERS:
            self.assertLess(amplifier(name).quantity(100.0), amplifier(name).quantity(105.0))

    def test_offset_and_reference(self) -> None:
        conversion = ScaledVoltage(Interpolation([(0.0, 0.0), (100.0, 1.0)]), 3.3, 0.5)
        self.assertAlmostEqual(conversion.temperature(1.0 / 3.3), 50.0)
        self.assertAlmostEqual(conversion.ratio(50.0), 1.0 / 3.3)


class InterpolationTests(SynchronousTestCase):
    timeout = 60

    def test_between_and_beyond(self) -> None:
        curve = Interpolation([(100.0, 2.0), (0.0, 4.0), (50.0, 3.5)])
        self.assertAlmostEqual(curve.quantity(25.0), 3.75)
        self.assertAlmostEqual(curve.temperature(3.75), 25.0)
        self.assertAlmostEqual(curve.temperature(1.7), 110.0)
        self.assertAlmostEqual(curve.temperature(4.01), -1.0)

    def test_table_of_ohm(self) -> None:
        curve = ResistanceTable(Interpolation([(0.0, 1000.0), (100.0, 1385.0)]))
        self.assertAlmostEqual(curve.temperature(curve.resistance(30.0)), 30.0)

    def test_refuses_what_is_no_curve(self) -> None:
        for points in ([(0.0, 1.0)], [(0.0, 1.0), (10.0, 1.0)], [(0.0, 1.0), (10.0, 2.0), (20.0, 1.5)]):
            self.assertRaises(ValueError, Interpolation, points)

    def test_refuses_the_same_temperature_twice(self) -> None:
        self.assertRaises(ValueError, Interpolation, [(0.0, 1.0), (0.0, 2.0), (10.0, 3.0)])


class SmoothedTests(SynchronousTestCase):
    timeout = 60

    def test_first_reading_counts_in_full(self) -> None:
        self.assertEqual(Smoothed(1.0).update(5.0, 200.0), 200.0)

    def test_follows_a_step(self) -> None:
        smoothed = Smoothed(1.0)
        smoothed.update(0.0, 0.0)
        values = [smoothed.update(0.3 * i, 100.0) for i in range(1, 12)]
        self.assertAlmostEqual(values[0], 30.0)
        self.assertEqual(values, sorted(values))
        self.assertGreater(values[-1], 97.0)

    def test_a_gap_takes_the_new_reading(self) -> None:
        smoothed = Smoothed(1.0)
        smoothed.update(0.0, 0.0)
        self.assertEqual(smoothed.update(10.0, 100.0), 100.0)
