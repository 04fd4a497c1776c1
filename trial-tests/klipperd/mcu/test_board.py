"""What is at the pins, against the fake: outputs, inputs, motors, endstops."""

from typing import Any

from twisted.internet.task import deferLater

from klipperd.errors import CommandError, ConfigError, Place
from klipperd.mcu.board import Board
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.objects import Pin

from .bench import McuCase
from .fake import FREQ, FakeMcu, make_entries


class BoardCase(McuCase):
    async def make(self, **options: Any) -> tuple[FakeMcu, Mcu, Board]:
        fake = self.fake(**options)
        mcu = await self.prepared(fake.path)
        return fake, mcu, self.board(mcu)


class Outputs(BoardCase):
    async def test_digital(self) -> None:
        fake, mcu, board = await self.make()
        plain = board.digital_out(Pin("PA1"), max_duration=0.0)
        inverted = board.digital_out(Pin("!PA2"), max_duration=0.0)
        await mcu.connect()
        soon = mcu.print_time_now() + 0.3
        for out in (plain, inverted):
            out.set(soon, True)
            out.set(soon + 0.1, False)
        await self.until(lambda: len(fake.commands("queue_digital_out")) == 4)
        clocks = [mcu.print_time_to_clock(time) & 0xFFFFFFFF for time in (soon, soon + 0.1)]
        for oid, values in ((0, [1, 0]), (1, [0, 1])):
            sent = [c for c in fake.commands("queue_digital_out") if c["oid"] == oid]
            self.assertEqual([c["on_ticks"] for c in sent], values)
            self.assertEqual([c["clock"] for c in sent], clocks)

    async def test_never_into_the_past(self) -> None:
        fake, mcu, board = await self.make()
        out = board.digital_out(Pin("PA1"), max_duration=0.0)
        await mcu.connect()
        asked = mcu.print_time_now()
        out.set(asked - 5.0, True)
        out.set(asked + 0.4, False)
        out.set(asked + 0.2, True)
        await self.until(lambda: len(fake.commands("queue_digital_out")) == 3)
        clocks = [mcu.extend_clock(c["clock"]) for c in fake.commands("queue_digital_out")]
        self.assertGreaterEqual(clocks[0], mcu.print_time_to_clock(asked + 0.02))
        self.assertEqual(clocks[1:], [mcu.print_time_to_clock(asked + 0.4)] * 2)

    async def test_move_queue_is_respected(self) -> None:
        """The fake has 16 slots: of 20 changes in the far future only so many leave."""
        fake, mcu, board = await self.make()
        out = board.digital_out(Pin("PA1"), max_duration=0.0)
        await mcu.connect()
        begin = mcu.print_time_now() + 1.0
        for i in range(20):
            out.set(begin + 0.01 * i, bool(i % 2))
        await self.until(lambda: len(fake.commands("queue_digital_out")) == 16)
        await deferLater(self.clock, 0.1)
        self.assertEqual(len(fake.commands("queue_digital_out")), 16)
        await self.until(lambda: len(fake.commands("queue_digital_out")) == 20)
        self.assertGreaterEqual(mcu.print_time_now(), begin + 0.03)

    async def test_soft_pwm(self) -> None:
        fake, mcu, board = await self.make()
        plain = board.pwm_out(Pin("PA1"), cycle_time=0.1, max_duration=3.0)
        inverted = board.pwm_out(Pin("!PA2"), cycle_time=0.05, max_duration=0.0, shutdown=1.0)
        await mcu.connect()
        soon = mcu.print_time_now() + 0.3
        for value in (0.0, 0.25, 1.0, 7.0):
            plain.set(soon, value)
        inverted.set(soon, 0.25)
        await self.until(lambda: len(fake.commands("queue_digital_out")) == 5)
        self.assertEqual(
            fake.commands("set_digital_out_pwm_cycle"),
            [{"oid": 0, "cycle_ticks": 100_000}, {"oid": 1, "cycle_ticks": 50_000}],
        )
        ticks = [[c["on_ticks"] for c in fake.commands("queue_digital_out") if c["oid"] == i] for i in (0, 1)]
        self.assertEqual(ticks, [[0, 25_000, 100_000, 100_000], [37_500]])
        self.assertEqual([c["default_value"] for c in fake.commands("config_digital_out")], [0, 0])

    async def test_hard_pwm(self) -> None:
        fake, mcu, board = await self.make()
        out = board.pwm_out(Pin("!PA1"), cycle_time=0.001, hardware=True, max_duration=0.0, shutdown=0.4)
        await mcu.connect()
        out.set(mcu.print_time_now() + 0.3, 0.8)
        await self.until(lambda: fake.commands("queue_pwm_out"))
        self.assertEqual(fake.commands("queue_pwm_out")[0]["value"], 51)
        [config] = fake.commands("config_pwm_out")
        self.assertEqual((config["cycle_ticks"], config["value"], config["default_value"]), (1000, 255, 153))

    async def test_refusals(self) -> None:
        _, _, board = await self.make()
        pin = Pin("PA1", Place("printer.cfg", 8))

        def refused(**options: Any) -> str:
            return str(self.assertRaises(ConfigError, board.pwm_out, pin, cycle_time=0.1, **options))

        self.assertIn("must start with its shutdown value 0, not with 1", refused(start=1.0))
        for options, complaint in (
            ({"shutdown": 0.5, "max_duration": 0.0}, "must be 0 or 1, not 0.5"),
            ({"max_duration": 5000.0}, "at most 2147.5 s, not 5000 s"),
        ):
            board = self.board(board.main)
            text = refused(**options)
            self.assertIn(complaint, text)
            self.assertTrue(text.startswith("printer.cfg:8: "), text)

    async def test_shared(self) -> None:
        _, _, board = await self.make()
        first = board.digital_out(Pin("!PA1"), share="enable", max_duration=0.0)
        self.assertIs(board.digital_out(Pin("!PA1"), share="enable", max_duration=0.0), first)
        error = self.assertRaises(ConfigError, board.digital_out, Pin("PA1"), share="enable")
        self.assertIn("both need the same marks", str(error))
        self.assertRaises(ConfigError, board.digital_out, Pin("!PA1"))

    async def test_firmware_without_pwm(self) -> None:
        entries = make_entries()
        entries["commands"] = {k: v for k, v in entries["commands"].items() if "pwm_out" not in k}
        _, _, board = await self.make(entries=entries)
        error = self.assertRaises(
            ConfigError, board.pwm_out, Pin("PA1", Place("x.cfg", 3)), cycle_time=0.1, hardware=True
        )
        self.assertIn("x.cfg:3: PA1 (x.cfg:3): firmware 'v0-fake' has no command", str(error))


class Inputs(BoardCase):
    async def test_analog(self) -> None:
        fake, mcu, board = await self.make()
        readings: list[tuple[float, float]] = []
        board.adc_in(
            Pin("PB2"),
            sample_time=0.001,
            sample_count=8,
            report_time=0.25,
            minimum=0.1,
            maximum=0.9,
            on_reading=lambda time, value: readings.append((time, value)),
        )
        await mcu.connect()
        await self.until(lambda: fake.commands("query_analog_in"))
        [query] = fake.commands("query_analog_in")
        del query["clock"]
        expected = {"oid": 0, "sample_ticks": 1000, "sample_count": 8, "rest_ticks": 250_000}
        limits = {"min_value": 3276, "max_value": 29484, "range_check_count": 4, "bytes_per_report": 2}
        self.assertEqual(query, expected | limits)
        next_clock = fake.clock() + 100
        values = b"".join(value.to_bytes(2, "little") for value in (8 * 4095, 4 * 4095))
        fake.say("analog_in_state", oid=0, next_clock=next_clock & 0xFFFFFFFF, values=values)
        await self.until(lambda: len(readings) == 2)
        self.assertEqual([value for _, value in readings], [1.0, 0.5])
        times = [time - next_clock / FREQ for time, _ in readings]
        self.assertApproximates(times[0], -0.5, 1e-6)
        self.assertApproximates(times[1], -0.25, 1e-6)

    async def test_old_analog(self) -> None:
        """Older firmware has no bytes_per_report, and one value a message."""
        entries = make_entries()
        for kind, old, new in (
            ("commands", " bytes_per_report=%c", ""),
            ("responses", "values=%*s", "value=%hu"),
        ):
            entries[kind] = {text.replace(old, new): number for text, number in entries[kind].items()}
        fake, mcu, board = await self.make(entries=entries)
        readings: list[float] = []
        board.adc_in(
            Pin("PB2"),
            sample_time=0.001,
            sample_count=2,
            report_time=0.25,
            on_reading=lambda time, value: readings.append(value),
        )
        await mcu.connect()
        await self.until(lambda: fake.commands("query_analog_in"))
        fake.say("analog_in_state", oid=0, next_clock=0, value=4095)
        await self.until(lambda: readings == [0.5])

    async def test_too_many_samples(self) -> None:
        _, _, board = await self.make()
        error = self.assertRaises(
            ConfigError,
            board.adc_in,
            Pin("PB2"),
            sample_time=0.001,
            sample_count=17,
            report_time=0.3,
            on_reading=lambda time, value: None,
        )
        self.assertIn("can average 1 to 16 samples, not 17", str(error))

    async def test_buttons(self) -> None:
        fake, mcu, board = await self.make()
        changes: list[tuple[bool, ...]] = []
        board.buttons([Pin("^!PA1"), Pin("PA2")], lambda time, pressed: changes.append(pressed))
        await mcu.connect()
        self.assertEqual(fake.commands("buttons_add")[0], {"oid": 0, "pos": 0, "pin": 1, "pull_up": 1})
        await self.until(lambda: fake.commands("buttons_query"))
        self.assertEqual(fake.commands("buttons_query")[0]["invert"], 1)
        fake.say("buttons_state", oid=0, ack_count=0, state=b"\x01\x03")
        await self.until(lambda: fake.commands("buttons_ack"))
        # The acknowledgement was on its way when the MCU repeated itself with one more change.
        fake.say("buttons_state", oid=0, ack_count=0, state=b"\x01\x03\x02")
        fake.say("buttons_state", oid=0, ack_count=0, state=b"\x01\x03")
        await self.until(lambda: len(fake.commands("buttons_ack")) == 2)
        self.assertEqual(changes, [(True, False), (True, True), (False, True)])
        self.assertEqual([c["count"] for c in fake.commands("buttons_ack")], [2, 1])

    async def test_buttons_of_two_mcus(self) -> None:
        fakes = self.fake(), self.fake()
        board = self.board(await self.prepared(fakes[0].path), await self.prepared(fakes[1].path, "b"))
        pins = [Pin("PA1"), Pin("b:PA1")]
        error = self.assertRaises(ConfigError, board.buttons, pins, lambda time, pressed: None)
        self.assertIn("must be at the same MCU", str(error))

    async def test_pulse_counter(self) -> None:
        fake, mcu, board = await self.make()
        counts: list[tuple[float, int]] = []
        board.pulse_counter(
            Pin("^PA1"), poll_interval=0.001, report_time=1.0, on_count=lambda *seen: counts.append(seen)
        )
        await mcu.connect()
        await self.until(lambda: fake.commands("query_counter"))
        clock = fake.clock()
        low = clock & 0xFFFFFFFF
        fake.say("counter_state", oid=0, next_clock=low, count=42, count_clock=low)
        await self.until(lambda: counts)
        self.assertEqual(counts[0][1], 42)
        self.assertApproximates(counts[0][0], clock / FREQ - 1.0, 1e-6)


class Motors(BoardCase):
    async def test_stepper(self) -> None:
        fake, mcu, board = await self.make()
        plain = board.stepper(Pin("PA1"), Pin("!PA2"))
        quick = board.stepper(Pin("!PA3"), Pin("PA4"))
        quick.both_edges = True
        await mcu.connect()
        values = ("invert_step", "step_pulse_ticks")
        config = [tuple(c[name] for name in values) for c in fake.commands("config_stepper")]
        self.assertEqual(config, [(0, 2), (-1, 0)])
        self.assertEqual((plain.inverted_dir, quick.inverted_dir), (True, False))
        self.assertNotEqual(plain.lane, quick.lane)
        fake.positions[plain.oid] = -123456
        self.assertEqual(await plain.position(), -123456)

    async def test_pins_of_two_mcus(self) -> None:
        fakes = self.fake(), self.fake()
        board = self.board(await self.prepared(fakes[0].path), await self.prepared(fakes[1].path, "b"))
        error = self.assertRaises(ConfigError, board.stepper, Pin("PA1"), Pin("b:PA2"))
        self.assertIn("b:PA2 must be at the same MCU as PA1", str(error))


class Endstops(BoardCase):
    async def test_query(self) -> None:
        fake, mcu, board = await self.make()
        plain, inverted = board.endstop(Pin("^PC1")), board.endstop(Pin("!PC2"))
        self.assertIs(board.endstop(Pin("^PC1")), plain)
        await mcu.connect()
        self.assertEqual([await plain.query(), await inverted.query()], [False, True])
        fake.set_pin(plain.oid, 1)
        self.assertTrue(await plain.query())

    async def test_hit(self) -> None:
        fake, mcu, board = await self.make()
        endstop, stepper = board.endstop(Pin("!PC1")), board.stepper(Pin("PA1"), Pin("PA2"))
        endstop.add_stepper(stepper)
        fake.pins[endstop.oid] = 1
        await mcu.connect()
        for _ in range(2):
            fake.set_pin(endstop.oid, 1)
            begin = mcu.print_time_now() + 0.1
            endstop.home_start(begin, 0.001)
            await self.until(lambda: fake._homing.get(endstop.oid, {}).get("seen", 1))
            await self.until(lambda: "seen" not in fake._homing.get(endstop.oid, {"seen": 1}))
            fake.set_pin(endstop.oid, 0)
            triggered = await endstop.home_wait(begin + 5.0)
            self.assertApproximates(triggered, fake._homing[endstop.oid]["seen"] / FREQ, 1e-6)
        stop = fake.commands("stepper_stop_on_trigger")
        self.assertEqual(stop, [{"oid": stepper.oid, "trsync_oid": endstop._trsync}] * 2)
        self.assertEqual(fake.commands("endstop_home")[-1]["sample_count"], 0)

    async def test_order_of_commands(self) -> None:
        """The trsync must wait before anything can trigger it."""
        fake, mcu, board = await self.make()
        endstop = board.endstop(Pin("PC1"))
        await mcu.connect()
        endstop.home_start(mcu.print_time_now() + 0.1, 0.001)
        await self.until(lambda: fake.commands("endstop_home"))
        names = [name for name, _ in fake.sent if name.startswith(("trsync", "endstop"))]
        self.assertEqual(names, ["trsync_start", "trsync_set_timeout", "endstop_home"])
        fake.set_pin(endstop.oid, 1)
        await endstop.home_wait(mcu.print_time_now() + 1.0)

    async def test_no_hit(self) -> None:
        fake, mcu, board = await self.make()
        endstop = board.endstop(Pin("PC1", Place("printer.cfg", 3)))
        await mcu.connect()
        begin = mcu.print_time_now() + 0.1
        endstop.home_start(begin, 0.001)
        with self.assertRaises(HomingFailed) as caught:
            await endstop.home_wait(begin + 0.1)
        self.assertIn("No trigger on PC1 after full movement", str(caught.exception))
        self.assertIs(caught.exception.reason, TriggerReason.PAST_END)
        self.assertEqual(fake.commands("trsync_trigger")[0]["reason"], TriggerReason.PAST_END)

    async def test_several_mcus(self) -> None:
        """The switch is at one MCU, the motors at another: it stops through the links alone."""
        near, far = self.fake(), self.fake()
        main, other = await self.prepared(near.path), await self.prepared(far.path, "far")
        board = self.board(main, other)
        endstop = board.endstop(Pin("PC1"))
        for pins in (("PA1", "PA2"), ("far:PA1", "far:PA2")):
            endstop.add_stepper(board.stepper(Pin(pins[0]), Pin(pins[1])))
        for mcu in (main, other):
            await mcu.connect()
        begin = main.print_time_now() + 0.1
        endstop.home_start(begin, 0.001)
        await self.until(lambda: near.commands("endstop_home") and far.commands("trsync_set_timeout"))
        near.set_pin(endstop.oid, 1)
        await endstop.home_wait(begin + 5.0)
        self.assertEqual([c["reason"] for c in far.commands("trsync_trigger")], [TriggerReason.HIT])
        self.assertEqual(near.commands("trsync_trigger"), [])

    async def test_lost_contact(self) -> None:
        """One MCU gives up because it heard nothing of the others: all stop, and the message says so."""
        near, far = self.fake(), self.fake()
        main, other = await self.prepared(near.path), await self.prepared(far.path, "far")
        board = self.board(main, other)
        endstop = board.endstop(Pin("PC1"))
        endstop.add_stepper(board.stepper(Pin("far:PA1"), Pin("far:PA2")))
        for mcu in (main, other):
            await mcu.connect()
        begin = main.print_time_now() + 0.1
        endstop.home_start(begin, 0.001)
        await self.until(lambda: far.commands("trsync_set_timeout"))
        oid = far.commands("trsync_start")[0]["oid"]
        state = {"can_trigger": 0, "trigger_reason": TriggerReason.COMMUNICATION, "clock": 0}
        far.say("trsync_state", oid=oid, **state)
        with self.assertRaises(HomingFailed) as caught:
            await endstop.home_wait(begin + 5.0)
        self.assertIn("Communication timeout during homing with PC1", str(caught.exception))
        self.assertEqual(near.commands("trsync_trigger")[0]["reason"], TriggerReason.COMMUNICATION)

    async def test_once_at_a_time(self) -> None:
        fake, mcu, board = await self.make()
        endstop = board.endstop(Pin("PC1"))
        await mcu.connect()
        begin = mcu.print_time_now() + 0.1
        endstop.home_start(begin, 0.001)
        self.assertRaises(CommandError, endstop.home_start, begin, 0.001)
        fake.set_pin(endstop.oid, 1)
        await endstop.home_wait(begin + 1.0)


class Chips(BoardCase):
    async def test_pins_of_other_chips(self) -> None:
        """A probe offers an endstop under a name of its own."""
        _, _, board = await self.make()
        served: list[tuple[str, Pin]] = []

        class Probe:
            def endstop(self, name: str, pin: Pin) -> object:
                served.append((name, pin))
                return self

        probe = Probe()
        board.add_chip("probe", probe)
        self.assertIs(board.endstop(Pin("probe:z_virtual_endstop")), probe)
        self.assertEqual(served, [("z_virtual_endstop", Pin("probe:z_virtual_endstop"))])
        error = self.assertRaises(ConfigError, board.digital_out, Pin("probe:x"))
        self.assertIn("pin 'probe:x' of 'probe' cannot be used for this", str(error))
