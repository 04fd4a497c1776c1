"""The thermal model against the closed-form solution, through the firmware's PWM and ADC."""

import csv
import struct
from itertools import pairwise
from math import exp, log

from .rig import CARTESIAN, FREQ, Rig, SimTestCase

PWM, ADC = 0, 1
AMBIENT, POWER, CAPACITY, LOSS, LAG = 20.0, 50.0, 10.0, 0.2, 2.0  # of the rig's hotend
FAN_LOSS = 0.1
COOLED = CARTESIAN.replace("max: 300", f"max: 300\nfan: part\nfan_loss: {FAN_LOSS}")


def solve(duty: float, seconds: float, body: float, sensor: float, loss: float = LOSS) -> tuple[float, float]:
    """Body and sensor after C{seconds} at C{duty}, from where they are."""
    settled = AMBIENT + POWER * duty / loss
    tau = CAPACITY / loss
    shared = (body - settled) / (1 - LAG / tau)
    own = sensor - settled - shared
    decay = exp(-seconds / tau)
    return settled + (body - settled) * decay, settled + shared * decay + own * exp(-seconds / LAG)


def resistance(temperature: float) -> float:
    """Of a thermistor with beta 3950."""
    return 100000 * exp(3950 * (1 / (temperature + 273.15) - 1 / 298.15))


def adc(temperature: float) -> float:
    ohms = resistance(temperature)
    return 4095 * ohms / (ohms + 4700)


class ThermalTests(SimTestCase):
    """Heaters and fans."""

    def setUp(self) -> None:
        self.r: Rig = self.rig(COOLED)
        mcu = self.r.mcu
        mcu.configure(
            mcu.encode(
                "config_pwm_out",
                oid=PWM,
                pin=mcu.pin("PB0"),
                cycle_ticks=1,
                value=0,
                default_value=0,
                max_duration=0,
            ),
            mcu.encode("config_analog_in", oid=ADC, pin=mcu.pin("PF0")),
        )

    def set_duty(self, value: int) -> None:
        """Set the hotend's PWM 50 ms from now, and go there."""
        self.r.mcu.send("queue_pwm_out", oid=PWM, clock=self.r.mcu_clock(0.05), value=value)
        self.r.advance(0.05)

    def hotend(self) -> dict[str, float]:
        return self.r.report()["heaters"]["hotend"]  # type: ignore[no-any-return]

    def test_heats_and_cools(self) -> None:
        """Temperatures follow the two exponentials, whatever the moments at which they are looked at."""
        body = sensor = AMBIENT
        for value, seconds in ((255, 7.0), (255, 0.3), (102, 31.0), (0, 12.0), (51, 100.0)):
            before = self.hotend()
            self.assertApproximates(before["temperature"], body, 1e-4)
            self.assertApproximates(before["sensor"], sensor, 1e-4)
            duty = before["duty"]
            self.set_duty(value)
            body, sensor = solve(duty, 0.05, body, sensor)
            self.r.advance(seconds)
            body, sensor = solve(value / 255, seconds, body, sensor)
        self.assertApproximates(self.hotend()["temperature"], body, 1e-4)
        self.assertApproximates(self.hotend()["sensor"], sensor, 1e-4)

    def test_slow_pwm_is_exact(self) -> None:
        """A switched output heats by its pulses, each at its own time, and the energy adds up."""
        mcu = self.r.mcu
        start = self.r.mcu_clock(0.1)
        origin = self.r.time() + 0.1
        body = sensor = AMBIENT
        for pulse in range(6):  # 0.3 s on, 0.7 s off
            for after, value in ((0.0, 255), (0.3, 0)):
                clock = (start + round((pulse + after) * FREQ)) & 0xFFFFFFFF
                mcu.send("queue_pwm_out", oid=PWM, clock=clock, value=value)
            body, sensor = solve(1, 0.3, body, sensor)
            body, sensor = solve(0, 0.7, body, sensor)
        self.r.advance(origin + 6.0 - self.r.time())
        self.assertApproximates(self.hotend()["temperature"], body, 1e-4)
        self.assertApproximates(self.hotend()["on_time"], 1.8, 1e-4)
        self.assertApproximates(self.hotend()["energy"], 90.0, 1e-2)

    def test_fan_cools(self) -> None:
        """With the part fan on, the hotend loses more, to the formula's letter; the fan spins up."""
        self.set_duty(128)
        self.r.advance(200.0)
        before = self.hotend()
        self.r.mcu.send("set_digital_out", pin=self.r.mcu.pin("PB1"), value=1)
        self.r.advance(20.0)
        body, sensor = solve(128 / 255, 20.0, before["temperature"], before["sensor"], LOSS + FAN_LOSS)
        self.assertApproximates(self.hotend()["temperature"], body, 1e-4)
        self.assertApproximates(self.hotend()["sensor"], sensor, 1e-4)
        fan = self.r.report()["fans"]["part"]
        self.assertApproximates(fan["rpm"], 3000.0, 1.0)
        self.assertApproximates(fan["on_time"], 20.0, 1e-4)

    def test_adc(self) -> None:
        """The ADC reads the thermistor's divider; a torn or shorted sensor reads an end of the scale."""
        self.set_duty(200)
        self.r.advance(60.0)
        self.assertApproximates(self.read_adc(), adc(self.hotend()["sensor"]), 0.6)
        self.r.request(cmd="set", heater="hotend", sensor="open")
        self.assertEqual(self.read_adc(), 4095)
        self.r.request(cmd="set", heater="hotend", sensor="short")
        self.assertEqual(self.read_adc(), 0)
        self.r.request(cmd="set", heater="hotend", sensor="ok")
        self.assertApproximates(self.read_adc(), adc(self.hotend()["sensor"]), 0.6)

    def read_adc(self) -> int:
        """One sample through the firmware."""
        mcu = self.r.mcu
        mcu.forget()
        mcu.send(
            "query_analog_in",
            oid=ADC,
            clock=self.r.mcu_clock(0.005),
            sample_ticks=FREQ // 1000,
            sample_count=1,
            rest_ticks=FREQ // 100,
            bytes_per_report=2,
            min_value=0,
            max_value=4095,
            range_check_count=0,
        )
        self.r.advance(0.006)
        values = mcu.wait("analog_in_state", oid=ADC)["values"]
        mcu.send("query_analog_in", oid=ADC, clock=0, sample_ticks=0, sample_count=0, rest_ticks=0,
                 bytes_per_report=2, min_value=0, max_value=0, range_check_count=0)  # fmt: skip
        mcu.sync()
        return int.from_bytes(values[:2], "little")

    def test_failures(self) -> None:
        """A burnt-out cartridge gives no heat; a shorted transistor heats although the pin is off."""
        self.r.request(cmd="set", heater="hotend", health=0)
        self.set_duty(255)
        self.r.advance(30.0)
        self.assertApproximates(self.hotend()["temperature"], AMBIENT, 1e-6)
        self.r.request(cmd="set", heater="hotend", health=0.5)
        self.r.advance(10.0)
        self.assertApproximates(self.hotend()["temperature"], solve(0.5, 10.0, AMBIENT, AMBIENT)[0], 1e-4)
        self.r.request(cmd="set", heater="hotend", stuck_on=True)
        self.set_duty(0)
        self.r.advance(600.0)
        self.assertApproximates(self.hotend()["temperature"], AMBIENT + POWER / LOSS, 0.01)

    def test_overheat_is_reported(self) -> None:
        """What gets hotter than it stands is reported, once."""
        hot = self.rig(COOLED.replace("max: 300", "max: 200"))
        hot.request(cmd="set", heater="hotend", stuck_on=True)
        hot.advance(300.0)
        report = hot.report()
        self.assertTrue(report["heaters"]["hotend"]["damaged"])
        self.assertEqual([event["kind"] for event in report["events"]].count("overheat"), 1)
        self.assertGreater(report["heaters"]["hotend"]["max_temperature"], 200)

    def test_ambient(self) -> None:
        """Everything drifts to a new room temperature."""
        self.r.request(cmd="set", ambient=35)
        self.r.advance(1000.0)
        self.assertApproximates(self.hotend()["sensor"], 35.0, 1e-3)

    def test_record_of_temperatures(self) -> None:
        """The record file has the curve, sampled each second exactly."""
        self.r.request(cmd="set", heater="hotend", stuck_on=True)
        start = self.r.time()
        self.r.advance(20.0)
        self.r.stop()
        with open(self.r.record) as file:
            rows = [row for row in csv.reader(file) if row[0] == "T"]
        times = [float(row[1]) for row in rows]
        for before, after in pairwise(times):
            self.assertApproximates(after - before, 1.0, 0.0011)
        for row in rows:
            seconds = float(row[1]) - start
            if seconds > 0:
                body, sensor = solve(1.0, seconds, AMBIENT, AMBIENT)
                self.assertApproximates(float(row[3]), body, 0.01)
                self.assertApproximates(float(row[4]), sensor, 0.01)

    def test_tachometer(self) -> None:
        """A counter on the tachometer's wire sees two pulses a turn."""
        rig = self.rig(CARTESIAN)
        mcu = rig.mcu
        mcu.configure(mcu.encode("config_counter", oid=0, pin=mcu.pin("PC3"), pull_up=1))
        mcu.send("set_digital_out", pin=mcu.pin("PB1"), value=1)
        rig.advance(5.0)  # up to speed
        mcu.forget()
        clock = rig.mcu_clock(0.1)
        mcu.send("query_counter", oid=0, clock=clock, poll_ticks=FREQ // 2000, sample_ticks=FREQ)
        rig.advance(2.5)
        states = [fields for name, fields in mcu.received if name == "counter_state"]
        counted = states[-1]["count"] - states[-2]["count"]
        # 3000 rpm, 2 pulses: 100 a second, and a counter counts both edges.
        self.assertApproximates(counted, 200, 2)


class NoiseTests(SimTestCase):
    """Noise of the ADC."""

    def readings(self, seed: int) -> list[int]:
        model = CARTESIAN.replace("ambient: 20", f"ambient: 20\nseed: {seed}")
        rig = self.rig(model.replace("max: 300", "adc_noise: 3"))
        mcu = rig.mcu
        mcu.configure(mcu.encode("config_analog_in", oid=0, pin=mcu.pin("PF0")))
        mcu.send("query_analog_in", oid=0, clock=rig.mcu_clock(0.01), sample_ticks=200, sample_count=1,
                 rest_ticks=FREQ // 1000, bytes_per_report=2, min_value=0, max_value=4095,
                 range_check_count=0)  # fmt: skip
        rig.advance(0.4)
        data = b"".join(fields["values"] for name, fields in mcu.received if name == "analog_in_state")
        return list(struct.unpack(f"<{len(data) // 2}H", data))

    def test_same_seed_same_noise(self) -> None:
        """It has the deviation asked for, and is repeatable."""
        first = self.readings(7)
        self.assertEqual(first, self.readings(7))
        self.assertNotEqual(first, self.readings(8))
        self.assertGreater(len(first), 250)
        mean = sum(first) / len(first)
        deviation = (sum((value - mean) ** 2 for value in first) / len(first)) ** 0.5
        self.assertApproximates(mean, adc(20.0), 0.8)
        self.assertApproximates(log(deviation), log(3.0), 0.2)
