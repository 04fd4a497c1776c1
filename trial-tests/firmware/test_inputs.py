"""Analog inputs, buttons and pulse counters."""

from .case import DeviceTests, for_each_target

START = 0.5
ALL = {"min_value": 0, "max_value": 0xFFFF, "range_check_count": 0}


@for_each_target
class AnalogIn(DeviceTests):
    """One analog input, oid 0."""

    def setUp(self) -> None:
        """Configure it."""
        super().setUp()
        self.device.configure(("config_analog_in", {"pin": self.device.pin(self.target.adc_pin)}))

    def query(self, rest: float = 0.05, **options: int) -> int:
        """Start readings of four samples; the clock of the first."""
        clock = self.device.clock(START)
        defaults = {
            "clock": clock,
            "sample_ticks": self.device.ticks(0.001),
            "sample_count": 4,
            "rest_ticks": self.device.ticks(rest),
            "bytes_per_report": 2,
        }
        self.device.send("query_analog_in", oid=0, **(defaults | ALL | options))
        return clock

    def test_readings(self) -> None:
        """A report for each reading: the sum of its samples, and when the next one begins."""
        clock = self.query()
        for i in range(1, 5):
            report = self.device.message("analog_in_state")
            self.assertEqual(report["next_clock"], clock + i * self.device.ticks(0.05) & 0xFFFFFFFF)
            self.assertEqual(len(report["values"]), 2)
            self.assertTrue(0 < int.from_bytes(report["values"], "little") < 4 * 4095)

    def test_several_in_a_report(self) -> None:
        """bytes_per_report gathers readings; next_clock still counts each of them."""
        clock = self.query(rest=0.02, bytes_per_report=10)
        for i in (5, 10):
            report = self.device.message("analog_in_state")
            self.assertEqual(len(report["values"]), 10)
            self.assertEqual(report["next_clock"], clock + i * self.device.ticks(0.02) & 0xFFFFFFFF)

    def test_out_of_range(self) -> None:
        """The fourth bad reading in a row shuts down, and the readings go on for the host to see."""
        clock = self.query(min_value=4 * 4095 + 1, range_check_count=4)
        message = self.device.message("shutdown")
        self.assertEqual(self.device.dictionary.reason(message["static_string_id"]), "ADC out of range")
        bad = clock + 3 * self.device.ticks(0.05) + 3 * self.device.ticks(0.001)
        late = message["clock"] - bad & 0xFFFFFFFF
        self.assertLess(late, 1 if self.target.exact else self.device.ticks(0.5))
        before = self.device.clock()
        while (report := self.device.message("analog_in_state"))["next_clock"] - before & 0x80000000:
            pass
        self.assertEqual(len(report["values"]), 2)

    def test_above_maximum(self) -> None:
        """Too high is as bad as too low; a count of 0 means the first is one too many."""
        self.query(max_value=0)
        self.assertEqual(self.device.shutdown_reason(), "ADC out of range")

    def test_stops(self) -> None:
        """sample_count 0 ends the readings."""
        self.query()
        self.device.message("analog_in_state")
        self.query(sample_count=0)
        self.wait_until(self.device.clock(START + 0.3))
        self.device.silence()

    def test_late(self) -> None:
        """A first reading in the past shuts down."""
        self.query(clock=self.device.clock(-0.01))
        self.assertEqual(self.device.shutdown_reason(), "Timer too close")


@for_each_target
class Buttons(DeviceTests):
    """Buttons 0 and 1, oid 0. No one presses them: what is pressed is a matter of `invert`."""

    def setUp(self) -> None:
        """Configure them."""
        super().setUp()
        self.device.send("allocate_oids", count=1)
        self.device.send("config_buttons", oid=0, button_count=2)
        pin = self.device.pin(self.target.input_pin)
        self.device.send("buttons_add", oid=0, pos=1, pin=pin, pull_up=1)
        self.device.send("finalize_config", crc=0)

    def query(self, invert: int, retransmit: int = 3) -> None:
        """Poll each 20 ms."""
        clock, rest = self.device.clock(START), self.device.ticks(0.02)
        self.device.send(
            "buttons_query", oid=0, clock=clock, rest_ticks=rest, retransmit_count=retransmit, invert=invert
        )

    def test_report_until_acknowledged(self) -> None:
        """A press is reported, again and again with the same count, until the host has it."""
        self.query(0b01)  # the first button, without a pin, is low: pressed
        first = self.device.message("buttons_state")
        self.assertEqual((first["oid"], first["ack_count"], len(first["state"])), (0, 0, 1))
        self.assertTrue(first["state"][0] & 0b01)
        self.assertEqual(self.device.message("buttons_state"), first)
        self.device.send("buttons_ack", oid=0, count=1)
        self.wait_until(self.device.clock(0.3))
        self.device.discard()
        self.wait_until(self.device.clock(0.2))
        self.device.silence()

    def test_too_many(self) -> None:
        """More than there are can't be acknowledged."""
        self.device.send("buttons_ack", oid=0, count=1)
        self.assertIn("Acknowledged more", self.device.shutdown_reason())

    def test_position(self) -> None:
        """A button beyond their number."""
        pin = self.device.pin(self.target.input_pin)
        self.device.send("buttons_add", oid=0, pos=2, pin=pin, pull_up=1)
        self.assertEqual(self.device.shutdown_reason(), "Set button past maximum button count")


@for_each_target
class Counters(DeviceTests):
    """A pulse counter on a pin that rests."""

    def test_reports(self) -> None:
        """Reports come at their times, and without edges the count stays 0."""
        pin = self.device.pin(self.target.input_pin)
        self.device.configure(("config_counter", {"pin": pin, "pull_up": 1}))
        clock, sample = self.device.clock(START), self.device.ticks(0.1)
        poll = self.device.ticks(0.001)
        self.device.send("query_counter", oid=0, clock=clock, poll_ticks=poll, sample_ticks=sample)
        for i in (2, 3, 4):
            report = self.device.message("counter_state")
            self.assertEqual((report["oid"], report["count"], report["count_clock"]), (0, 0, clock))
            self.assertEqual(report["next_clock"], clock + i * sample & 0xFFFFFFFF)
