"""Digital outputs and PWM: safety rules and schedules."""

from typing import Any

from . import wire
from .case import DeviceTests, for_each_target

MISSED = "Missed scheduling of next digital out event"
MISSED_PWM = "Missed scheduling of next hard pwm event"
LATE = "Timer too close"
START = 0.5  # s from now to the first scheduled change: time for a busy machine to send it


@for_each_target
class DigitalOut(DeviceTests):
    """config_digital_out and what follows."""

    def configure(self, max_duration: float, default: int = 0) -> None:
        """One digital output, oid 0."""
        pin = self.device.pin(self.target.out_pin)
        ticks = self.device.ticks(max_duration)
        output = {"pin": pin, "value": default, "default_value": default, "max_duration": ticks}
        self.device.configure(("config_digital_out", output))

    def queue(self, clock: int, on_ticks: int) -> None:
        """Schedule a change."""
        self.device.send("queue_digital_out", oid=0, clock=clock & 0xFFFFFFFF, on_ticks=on_ticks)

    def assert_shuts_down_at(self, clock: int, reason: str = MISSED) -> None:
        """It shuts down for that reason at that clock; a target in real time may take a while to notice."""
        message = self.device.message("shutdown")
        self.assertEqual(self.device.dictionary.reason(message["static_string_id"]), reason)
        late = message["clock"] - clock & 0xFFFFFFFF
        self.assertLess(late, 1 if self.target.exact else self.device.ticks(0.5))

    def assert_runs(self) -> None:
        """Not shut down."""
        self.assertEqual(self.device.ask("config", "get_config")["is_shutdown"], 0)

    def test_expires(self) -> None:
        """On, and no update for max_duration: shutdown at exactly that time."""
        self.configure(0.2)
        start = self.device.clock(START)
        self.queue(start, 1)
        self.assert_shuts_down_at(start + self.device.ticks(0.2))

    def test_expires_after_an_update_too_late(self) -> None:
        """An update that is due one tick too late doesn't help."""
        self.configure(0.2)
        start = self.device.clock(START)
        self.queue(start, 1)
        self.queue(start + self.device.ticks(0.2) + 1, 1)
        self.assert_shuts_down_at(start + self.device.ticks(0.2))

    def test_updates_in_time(self) -> None:
        """Updates at the last tick keep it on; once it is at its default it needs none."""
        self.configure(0.1)
        start = self.device.clock(START)
        step = self.device.ticks(0.1)
        for i in range(5):
            self.queue(start + i * step, 1)
        self.queue(start + 5 * step, 0)
        self.wait_until(start + 8 * step)
        self.assert_runs()

    def test_default_high(self) -> None:
        """What must not last is the value that isn't the default: here, low."""
        self.configure(0.1, default=1)
        start = self.device.clock(START)
        self.queue(start, 1)
        low = start + self.device.ticks(0.3)
        self.queue(low, 0)
        self.assert_shuts_down_at(low + self.device.ticks(0.1))

    def test_no_limit(self) -> None:
        """With max_duration 0 it stays on."""
        self.configure(0)
        start = self.device.clock(START)
        self.queue(start, 1)
        self.wait_until(start + self.device.ticks(0.3))
        self.assert_runs()

    def test_update_expires(self) -> None:
        """update_digital_out is held to the same limit, and ends it when it sets the default."""
        self.configure(0.3)
        self.device.send("update_digital_out", oid=0, value=1)
        self.device.send("update_digital_out", oid=0, value=0)
        self.wait_until(self.device.clock(0.6))
        self.assert_runs()
        self.device.send("update_digital_out", oid=0, value=1)
        self.assertEqual(self.device.shutdown_reason(), MISSED)

    def test_soft_pwm_expires(self) -> None:
        """Being on for part of each cycle is not the default."""
        self.configure(0.3)
        self.device.send("set_digital_out_pwm_cycle", oid=0, cycle_ticks=self.device.ticks(0.02))
        start = self.device.clock(START)
        self.queue(start, self.device.ticks(0.001))
        self.assert_shuts_down_at(start + self.device.ticks(0.3))

    def test_soft_pwm_updates(self) -> None:
        """Duty cycles one after the other, and off in the end."""
        self.configure(0.1)
        self.device.send("set_digital_out_pwm_cycle", oid=0, cycle_ticks=self.device.ticks(0.02))
        start = self.device.clock(START)
        for i in range(6):
            self.queue(start + i * self.device.ticks(0.1), self.device.ticks(0.004) * i)
        self.queue(start + 6 * self.device.ticks(0.1), 0)
        self.wait_until(start + self.device.ticks(0.9))
        self.assert_runs()

    def test_late(self) -> None:
        """A change for a time that has passed shuts down."""
        self.configure(0)
        self.queue(self.device.clock(-0.001), 1)
        self.assertEqual(self.device.shutdown_reason(), LATE)

    def test_after_shutdown(self) -> None:
        """What was queued is forgotten: after clear_shutdown nothing happens by itself."""
        self.configure(0.2)
        start = self.device.clock(START)
        self.queue(start, 1)
        self.device.send("emergency_stop")
        self.device.send("clear_shutdown")
        self.wait_until(start + self.device.ticks(0.4))
        self.assert_runs()

    def test_start_value(self) -> None:
        """With a limit it can't start away from its default: nobody would update it while configuring."""
        self.device.send("allocate_oids", count=1)
        pin = self.device.pin(self.target.out_pin)
        self.device.send("config_digital_out", oid=0, pin=pin, value=1, default_value=0, max_duration=1)
        self.assertIn("must start at its default value", self.device.shutdown_reason())

    def test_pwm_cycle_while_busy(self) -> None:
        """The cycle can't change under a change that is queued."""
        self.configure(0)
        self.queue(self.device.clock(5), 1)
        self.device.send("set_digital_out_pwm_cycle", oid=0, cycle_ticks=1000)
        self.assertEqual(
            self.device.shutdown_reason(), "Can not set soft pwm cycle ticks while updates pending"
        )

    def test_unscheduled(self) -> None:
        """set_digital_out works without any configuration."""
        self.device.send("set_digital_out", pin=self.device.pin(self.target.out_pin), value=1)
        self.device.silence()


@for_each_target
class PwmOut(DeviceTests):
    """Hardware PWM."""

    def configure(self, **options: Any) -> None:
        """One PWM output, oid 0, that may be on for 0.2 s."""
        defaults: dict[str, wire.Parameter] = {
            "pin": self.device.pin(self.target.pwm_pin),
            "cycle_ticks": self.device.ticks(0.001),
            "value": 0,
            "default_value": 0,
            "max_duration": self.device.ticks(0.2),
        }
        self.device.configure(("config_pwm_out", defaults | options))

    def test_expires(self) -> None:
        """On, and no update for max_duration."""
        self.configure()
        self.device.send("queue_pwm_out", oid=0, clock=self.device.clock(START), value=100)
        self.assertEqual(self.device.shutdown_reason(), MISSED_PWM)

    def test_updates_in_time(self) -> None:
        """Updates keep it alive; at its default it needs none."""
        self.configure()
        start = self.device.clock(START)
        top = self.device.dictionary.constants["PWM_MAX"]
        for i, value in enumerate((1, top, top // 2, 0)):
            clock = start + i * self.device.ticks(0.2) & 0xFFFFFFFF
            self.device.send("queue_pwm_out", oid=0, clock=clock, value=value)
        self.wait_until(start + self.device.ticks(1.2))
        self.assertEqual(self.device.ask("config", "get_config")["is_shutdown"], 0)

    def test_value_above_maximum(self) -> None:
        """A value that can't be is refused."""
        self.configure()
        value = self.device.dictionary.constants["PWM_MAX"] + 1
        self.device.send("queue_pwm_out", oid=0, clock=self.device.clock(START), value=value)
        self.assertEqual(self.device.shutdown_reason(), "PWM value is above PWM_MAX")

    def test_late(self) -> None:
        """A change for a time that has passed shuts down."""
        self.configure()
        self.device.send("queue_pwm_out", oid=0, clock=self.device.clock(-0.001), value=1)
        self.assertEqual(self.device.shutdown_reason(), LATE)

    def test_unscheduled(self) -> None:
        """set_pwm_out works without any configuration."""
        self.device.send("set_pwm_out", pin=self.device.pin(self.target.pwm_pin), cycle_ticks=1000, value=1)
        self.device.silence()
