"""Steppers: positions, directions, and what happens when steps come too late."""

from .case import DeviceTests, for_each_target

START = 0.5  # s from now to the first step: time for a busy machine to send the moves


@for_each_target
class Steps(DeviceTests):
    """Moves of one stepper, oid 0."""

    def move(self, interval: int, count: int, add: int = 0) -> None:
        """Queue steps."""
        self.device.send("queue_step", oid=0, interval=interval, count=count, add=add)

    def direction(self, direction: int) -> None:
        """Set the direction of the moves that follow."""
        self.device.send("set_next_step_dir", oid=0, dir=direction)

    def begin(self, ahead: float = START) -> int:
        """Give the stepper a clock to start from."""
        clock = self.device.clock(ahead)
        self.device.send("reset_step_clock", oid=0, clock=clock)
        return clock

    def position(self) -> int:
        """Steps forward less steps backward."""
        return self.device.ask("stepper_position", "stepper_get_position", oid=0)["pos"]

    def test_position(self) -> None:
        """Forward counts up, backward down, and adds stretch the time, not the count."""
        self.configure_stepper()
        start = self.begin()
        self.direction(1)
        self.move(self.device.ticks(0.0002), 400)
        self.move(self.device.ticks(0.0002), 100, 20)
        self.direction(0)
        self.move(self.device.ticks(0.001), 120, -30)
        self.wait_until(start + self.device.ticks(0.5))
        self.assertEqual(self.position(), 380)

    def test_backward_first(self) -> None:
        """Positions below zero, and no direction command at all: backward."""
        self.configure_stepper()
        start = self.begin()
        self.move(self.device.ticks(0.001), 100)
        self.wait_until(start + self.device.ticks(0.2))
        self.assertEqual(self.position(), -100)

    def test_pulses(self) -> None:
        """With a pulse for each step, of either polarity, the position is the same."""
        for invert in (0, 1):
            self.configure_stepper(pulse=self.device.ticks(0.000002), invert=invert)
            start = self.begin()
            self.direction(1)
            self.move(self.device.ticks(0.0005), 200)
            self.wait_until(start + self.device.ticks(0.2))
            self.assertEqual(self.position(), 200)
            self.device.send("emergency_stop")
            self.device.send("config_reset")

    def test_in_the_middle(self) -> None:
        """Half way through a move the position is that of the steps done so far."""
        self.configure_stepper()
        start = self.begin()
        self.direction(1)
        interval = self.device.ticks(0.01)
        self.move(interval, 100)
        self.wait_until(start + self.device.ticks(0.3))
        before = self.device.clock()
        position = self.position()
        after = self.device.clock()
        low, high = ((clock - start & 0xFFFFFFFF) // interval for clock in (before, after))
        slack = 0 if self.target.exact else 2
        self.assertTrue(low - slack <= position <= high, f"{low} <= {position} <= {high}")

    def test_moves_join(self) -> None:
        """A move's first step is counted from the last one of the move before."""
        self.configure_stepper()
        start = self.begin()
        self.direction(1)
        self.move(self.device.ticks(0.1), 1)
        self.wait_until(start + self.device.ticks(0.2))
        self.move(self.device.ticks(START), 2)
        self.wait_until(start + self.device.ticks(0.11 + START))
        self.assertEqual(self.position(), 2)
        self.wait_until(start + self.device.ticks(0.11 + 2 * START))
        self.assertEqual(self.position(), 3)

    def test_step_in_the_past(self) -> None:
        """A move whose first step is already over shuts down."""
        self.configure_stepper()
        self.begin(-0.01)
        self.move(10, 5)
        self.assertEqual(self.device.shutdown_reason(), "Timer too close")

    def test_queue_ran_dry(self) -> None:
        """The same when the queue ran dry and the host comes back too late."""
        self.configure_stepper()
        start = self.begin()
        self.move(self.device.ticks(0.001), 5)
        self.wait_until(start + self.device.ticks(0.1))
        self.move(self.device.ticks(0.001), 5)
        self.assertEqual(self.device.shutdown_reason(), "Timer too close")

    def test_reset_while_moving(self) -> None:
        """The clock can't be set under a move."""
        self.configure_stepper()
        self.begin(5)
        self.move(1000, 5)
        self.device.send("reset_step_clock", oid=0, clock=self.device.clock(5))
        self.assertEqual(self.device.shutdown_reason(), "Can't reset time when stepper active")

    def test_no_steps(self) -> None:
        """A move of no steps is a fault."""
        self.configure_stepper()
        self.begin()
        self.move(1000, 0)
        self.assertEqual(self.device.shutdown_reason(), "Invalid count parameter")

    def test_queue_overflows(self) -> None:
        """All slots that `config` promises are there, and one for the move that is being made."""
        self.configure_stepper()
        slots = self.device.ask("config", "get_config")["move_count"] + 1
        self.begin(30)
        move = self.device.dictionary.encode("queue_step", oid=0, interval=10**6, count=1, add=0)
        per_block = 59 // len(move)
        for _ in range(slots // per_block):
            self.assertEqual(self.device.transmit(move * per_block), self.device.sequence)
        for _ in range(slots % per_block):
            self.device.transmit(move)
        self.device.silence()
        self.device.transmit(move)
        self.assertEqual(self.device.shutdown_reason(), "Move queue overflow")

    def test_shutdown_stops(self) -> None:
        """Shut down in a move: it stops, keeps its position, and ignores moves until it is given a clock."""
        self.configure_stepper()
        start = self.begin()
        self.direction(1)
        self.move(self.device.ticks(0.01), 1000)
        self.wait_until(start + self.device.ticks(0.1))
        self.device.send("emergency_stop")
        self.device.send("clear_shutdown")
        stopped = self.position()
        self.assertTrue(0 < stopped < 1000)
        self.move(self.device.ticks(0.001), 7)
        self.wait_until(self.device.clock(0.1))
        self.assertEqual(self.position(), stopped)
        start = self.begin()
        self.move(self.device.ticks(0.001), 7)
        self.wait_until(start + self.device.ticks(0.05))
        self.assertEqual(self.position(), stopped + 7)


@for_each_target
class Triggers(DeviceTests):
    """Steppers, an endstop and trsyncs: 0 stepper, 1 endstop, 2 and 3 trsync."""

    STEPPER, ENDSTOP, TRSYNC, OTHER = range(4)
    EXPIRED, HIT, HOST, ELSE = 1, 2, 3, 4  # reasons

    def set_up(self) -> int:
        """Configure, start the first trsync and a long move that it shall stop; the move's start."""
        endstop = ("config_endstop", {"pin": self.device.pin(self.target.input_pin), "pull_up": 1})
        self.configure_stepper(endstop, ("config_trsync", {}), ("config_trsync", {}))
        self.interval = self.device.ticks(0.002)
        start = self.device.clock(START)
        self.device.send("trsync_start", oid=self.TRSYNC, report_clock=start, report_ticks=0, expire_reason=1)
        self.device.send("stepper_stop_on_trigger", oid=self.STEPPER, trsync_oid=self.TRSYNC)
        self.device.send("reset_step_clock", oid=self.STEPPER, clock=start)
        self.device.send("set_next_step_dir", oid=self.STEPPER, dir=1)
        self.device.send("queue_step", oid=self.STEPPER, interval=self.interval, count=1000, add=0)
        return start

    def home(self, clock: int, sample_count: int = 2, offset: int = 0) -> int:
        """Look for the level that the pin has anyway, from clock on: a trigger at a time known beforehand."""
        level = self.device.ask("endstop_state", "endstop_query_state", oid=self.ENDSTOP)["pin_value"]
        self.device.send(
            "endstop_home",
            oid=self.ENDSTOP,
            clock=clock & 0xFFFFFFFF,
            sample_ticks=self.device.ticks(0.00001),
            sample_count=sample_count,
            rest_ticks=self.device.ticks(0.0001),
            pin_value=level ^ offset,
            trsync_oid=self.TRSYNC,
            trigger_reason=self.HIT,
        )
        return level

    def position(self) -> int:
        """The stepper's position."""
        return self.device.ask("stepper_position", "stepper_get_position", oid=self.STEPPER)["pos"]

    def state(self) -> tuple[int, int]:
        """The next report of the first trsync: can_trigger and reason."""
        while (message := self.device.message("trsync_state"))["oid"] != self.TRSYNC:
            pass
        return message["can_trigger"], message["trigger_reason"]

    def test_endstop_stops_stepper(self) -> None:
        """The stepper makes the steps before the trigger and none after it."""
        start = self.set_up()
        clock = start + 50 * self.interval + self.interval // 2
        level = self.home(clock)
        self.assertEqual(self.state(), (0, self.HIT))
        self.assertEqual(self.position(), 50)
        state = self.device.ask("endstop_state", "endstop_query_state", oid=self.ENDSTOP)
        self.assertEqual((state["homing"], state["pin_value"]), (0, level))
        self.assertEqual(state["next_clock"] - self.device.ticks(0.0001) & 0xFFFFFFFF, clock & 0xFFFFFFFF)
        # Moves that were on their way are void until the stepper gets a new clock.
        self.device.send("queue_step", oid=self.STEPPER, interval=10, count=9, add=0)
        self.device.silence()
        self.assertEqual(self.position(), 50)

    def test_endstop_without_match(self) -> None:
        """While the pin has the other value homing goes on, and sample_count 0 ends it."""
        start = self.set_up()
        self.home(start, offset=1)
        self.wait_until(start + self.device.ticks(0.1))
        ask = self.device.ask
        self.assertEqual(ask("endstop_state", "endstop_query_state", oid=self.ENDSTOP)["homing"], 1)
        self.home(0, sample_count=0)
        self.assertEqual(ask("endstop_state", "endstop_query_state", oid=self.ENDSTOP)["homing"], 0)
        self.assertGreater(self.position(), 40)
        self.assertEqual(ask("config", "get_config")["is_shutdown"], 0)

    def test_host_triggers(self) -> None:
        """trsync_trigger stops at once and is answered with the reason; a second one with the first's."""
        start = self.set_up()
        self.wait_until(start + 20 * self.interval)
        self.device.send("trsync_trigger", oid=self.TRSYNC, reason=self.HOST)
        self.assertEqual(self.state(), (0, self.HOST))
        stopped = self.position()
        self.assertGreaterEqual(stopped, 20 if self.target.exact else 1)
        self.device.send("trsync_trigger", oid=self.TRSYNC, reason=self.ELSE)
        self.assertEqual(self.state(), (0, self.HOST))
        self.wait_until(self.device.clock(0.05))
        self.assertEqual(self.position(), stopped)

    def test_timeout(self) -> None:
        """Without a new timeout in time it triggers with the reason for that."""
        start = self.set_up()
        clock = start + 30 * self.interval + 1 & 0xFFFFFFFF
        self.device.send("trsync_set_timeout", oid=self.TRSYNC, clock=clock)
        self.assertEqual(self.state(), (0, self.EXPIRED))
        self.assertEqual(self.position(), 30)

    def test_timeout_extended(self) -> None:
        """Each new timeout replaces the one before."""
        start = self.set_up()
        for steps in (10, 400, 60):
            clock = start + steps * self.interval + 1 & 0xFFFFFFFF
            self.device.send("trsync_set_timeout", oid=self.TRSYNC, clock=clock)
        self.assertEqual(self.state(), (0, self.EXPIRED))
        self.assertEqual(self.position(), 60)

    def test_timeout_in_the_past(self) -> None:
        """A timeout that comes too late triggers right away and is no fault of the schedule."""
        self.set_up()
        self.device.send("trsync_set_timeout", oid=self.TRSYNC, clock=self.device.clock(-0.01))
        self.assertEqual(self.state(), (0, self.EXPIRED))
        self.assertEqual(self.device.ask("config", "get_config")["is_shutdown"], 0)
        # After the trigger timeouts mean nothing.
        self.device.send("trsync_set_timeout", oid=self.TRSYNC, clock=self.device.clock(-0.01))
        self.device.silence()

    def test_reports(self) -> None:
        """While it can trigger it says so, at the clocks asked for; the last word is the trigger."""
        self.set_up()
        first, ticks = self.device.clock(0.3), self.device.ticks(0.05)
        self.device.send(
            "trsync_start", oid=self.OTHER, report_clock=first, report_ticks=ticks, expire_reason=self.EXPIRED
        )
        for i in range(4):
            message = self.device.message("trsync_state")
            self.assertEqual((message["oid"], message["can_trigger"], message["trigger_reason"]), (3, 1, 0))
            self.assertEqual(message["clock"], first + i * ticks & 0xFFFFFFFF)
        self.device.send("trsync_trigger", oid=self.OTHER, reason=self.ELSE)
        while (message := self.device.message("trsync_state"))["can_trigger"]:
            pass
        self.assertEqual(message["trigger_reason"], self.ELSE)
        self.wait_until(self.device.clock(0.2))
        self.device.silence()

    def test_joins_too_late(self) -> None:
        """A stepper that is added to a trsync that has triggered stops at once."""
        start = self.set_up()
        self.device.send("trsync_start", oid=self.OTHER, report_clock=0, report_ticks=0, expire_reason=1)
        self.device.send("trsync_trigger", oid=self.OTHER, reason=self.ELSE)
        self.device.send("stepper_stop_on_trigger", oid=self.STEPPER, trsync_oid=self.OTHER)
        self.wait_until(start + 10 * self.interval)
        self.assertEqual(self.position(), 0)

    def test_last_trsync_counts(self) -> None:
        """A stepper listens to the trsync that it was added to last, and only to that."""
        start = self.set_up()
        self.device.send("trsync_start", oid=self.OTHER, report_clock=0, report_ticks=0, expire_reason=1)
        for oid in (self.OTHER, self.TRSYNC, self.TRSYNC, self.OTHER):
            self.device.send("stepper_stop_on_trigger", oid=self.STEPPER, trsync_oid=oid)
        self.device.send("trsync_trigger", oid=self.TRSYNC, reason=self.HOST)
        self.wait_until(start + 20 * self.interval)
        self.assertGreater(self.position(), 5)
        self.device.send("trsync_trigger", oid=self.OTHER, reason=self.HOST)
        stopped = self.position()
        self.wait_until(self.device.clock(0.05))
        self.assertEqual(self.position(), stopped)

    def test_endstop_in_the_past(self) -> None:
        """Homing that should have begun already is a fault of the schedule."""
        self.set_up()
        self.home(self.device.clock(-0.01))
        self.assertEqual(self.device.shutdown_reason(), "Timer too close")
