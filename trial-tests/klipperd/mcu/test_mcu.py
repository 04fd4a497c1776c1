"""The life of an MCU, against the fake: found, configured, reset, shut down, lost."""

from typing import Any

from twisted.internet import defer
from twisted.internet.task import deferLater

from klipperd.errors import ConfigError, Place
from klipperd.mcu import line as line_module
from klipperd.mcu import timekeeper as timekeeper_module
from klipperd.mcu.errors import McuError
from klipperd.mcu.mcu import Mcu
from klipperd.objects import Pin
from klipperd.wire.errors import DictionaryError

from .bench import McuCase
from .fake import FREQ, FakeMcu, make_entries

SENSOR: Any = {
    "sample_time": 0.001,
    "sample_count": 8,
    "report_time": 0.3,
    "on_reading": lambda time, value: None,
}


class Finding(McuCase):
    async def test_identified(self) -> None:
        mcu = await self.prepared(self.fake().path)
        self.assertEqual(mcu.dictionary.version, "v0-fake")
        self.assertEqual(mcu.freq, FREQ)
        status = mcu.status(0.0)
        self.assertEqual(status.mcu_constants["ADC_MAX"], 4095)
        self.assertIn("bytes_write", status.last_stats)

    async def test_clock(self) -> None:
        """64 bits, from an MCU whose 32-bit clock overflows two seconds after its start."""
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        for _ in range(3):
            self.assertApproximates(mcu.print_time_now(), fake.clock() / FREQ, 0.005)
            await deferLater(self.clock, 0.9)
        self.assertGreater(fake.clock(), 1 << 32)

    async def test_absent(self) -> None:
        mcu = self.mcu("/dev/serial/by-id/no-such-board")
        mcu._line.patience = 0.6
        with self.assertRaises(McuError) as caught:
            await mcu.prepare()
        text = str(caught.exception)
        self.assertIn("Cannot connect to MCU 'mcu': /dev/serial/by-id/no-such-board does not exist", text)

    async def test_silent(self) -> None:
        self.patch(line_module, "_IDENTIFY", 0.5)
        fake = self.fake(deaf=True)
        mcu = self.mcu(fake.path)
        mcu._line.patience = 0.4
        with self.assertRaises(McuError) as caught:
            await mcu.prepare()
        self.assertIn("no 'identify_response'", str(caught.exception))

    async def test_found_once_it_answers(self) -> None:
        fake = self.fake(deaf=True)
        mcu = self.mcu(fake.path)
        finding = defer.Deferred.fromCoroutine(mcu.prepare())
        await deferLater(self.clock, 0.4)
        fake.deaf = False
        await finding

    async def test_in_use(self) -> None:
        fake = self.fake()
        await self.prepared(fake.path)
        other = self.mcu(fake.path)
        other._line.patience = 0.0
        with self.assertRaises(McuError) as caught:
            await other.prepare()
        self.assertIn("in use by another program", str(caught.exception))

    async def test_cancelled(self) -> None:
        """The host may stop while it is looking."""
        finding = defer.Deferred.fromCoroutine(self.mcu("/dev/no-such-board").prepare())
        await deferLater(self.clock, 0.01)
        finding.cancel()
        with self.assertRaises(defer.CancelledError):
            await finding

    async def test_no_clock(self) -> None:
        entries = make_entries()
        del entries["config"]["CLOCK_FREQ"]
        with self.assertRaises(DictionaryError) as caught:
            await self.prepared(self.fake(entries=entries).path)
        self.assertIn("CLOCK_FREQ", str(caught.exception))


class Configuring(McuCase):
    async def test_configured(self) -> None:
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        board = self.board(mcu)
        board.digital_out(Pin("!PA1"), max_duration=1.5, shutdown=0.0)
        board.adc_in(Pin("PB2"), **SENSOR)
        await mcu.connect()
        self.assertTrue(mcu.alive)
        self.assertEqual(fake.commands("allocate_oids"), [{"count": 2}])
        self.assertEqual(
            fake.commands("config_digital_out"),
            [{"oid": 0, "pin": 1, "value": 1, "default_value": 1, "max_duration": 1_500_000}],
        )
        self.assertEqual(fake.commands("config_analog_in"), [{"oid": 1, "pin": 18}])
        await self.until(lambda: fake.commands("query_analog_in"))

    async def test_same_configuration_is_kept(self) -> None:
        """RESTART with an unchanged configuration must not switch anything."""
        fake = self.fake()
        for _ in range(2):
            mcu = await self.prepared(fake.path)
            self.board(mcu).digital_out(Pin("PA1"), max_duration=0.0, start=1.0)
            await mcu.connect()
            await mcu.close()
        self.assertEqual(fake.resets, 0)
        self.assertEqual(len(fake.commands("config_digital_out")), 1)
        await self.until(lambda: fake.commands("update_digital_out") == [{"oid": 0, "value": 1}])

    async def test_another_configuration(self) -> None:
        fake = self.fake()
        for pin in ("PA1", "PA2"):
            mcu = await self.prepared(fake.path)
            self.board(mcu).digital_out(Pin(pin), max_duration=0.0)
            await mcu.connect()
            self.assertEqual(self.host.reasons, [])
            await mcu.close()
        self.assertEqual(fake.resets, 1)
        self.assertEqual([values["pin"] for values in fake.commands("config_digital_out")], [1, 2])

    async def test_configured_by_another_process(self) -> None:
        fake = self.fake()
        for process in (b"1", b"2"):
            mcu = await self.prepared(fake.path)
            mcu.configuration._process = process
            await mcu.connect()
            await mcu.close()
        self.assertEqual(fake.resets, 1)

    async def test_shut_down_before(self) -> None:
        fake = self.fake()
        fake.shut_down("Timer too close")
        mcu = await self.prepared(fake.path)
        await mcu.connect()
        self.assertEqual((fake.resets, mcu.alive, self.host.reasons), (1, True, []))

    async def test_refused(self) -> None:
        """The message names the command and the line of the configuration."""
        fake = self.fake(refused_pins={2})
        mcu = await self.prepared(fake.path)
        board = self.board(mcu)
        for number in range(4):
            board.digital_out(Pin(f"PA{number}", Place("printer.cfg", 10 + number)))
        with self.assertRaises(McuError) as caught:
            await mcu.connect()
        text = str(caught.exception)
        self.assertIn("refuses 'config_digital_out oid=2 pin=PA2", text)
        self.assertIn("for PA2 (printer.cfg:12): Pin is not available for this use", text)
        self.assertEqual(self.host.reasons, [], "it is an error of the start, not a shutdown")

    async def reset_instead(self, **settings: Any) -> FakeMcu:
        """An MCU without config_reset must be found again after its reset."""
        entries = make_entries()
        del entries["commands"]["config_reset"]
        fake = self.fake(entries=entries)
        fake.shut_down("Timer too close")
        mcu = await self.prepared(fake.path, **settings)
        reset = mcu.link
        await mcu.connect()
        self.assertTrue(mcu.alive)
        self.assertIs(mcu.link, reset, "motors hold on to it")
        out = self.board(mcu)
        self.assertApproximates(out.main.print_time_now(), fake.clock() / FREQ, 0.01)
        await mcu.close()
        self.assertEqual((fake.resets, self.host.reasons), (1, []))
        return fake

    async def test_reset_by_command(self) -> None:
        self.patch(line_module, "_RESET_PAUSE", 0.05)
        fake = await self.reset_instead()
        self.assertEqual(len(fake.commands("reset")), 1)

    async def test_reset_by_dtr(self) -> None:
        self.patch(line_module, "_RESET_PAUSE", 0.05)
        pulses: list[tuple[str, bool]] = []

        def pulse(path: str, *, rts: bool) -> None:
            pulses.append((path, rts))
            fakes[0].reset()

        fakes: list[FakeMcu] = []
        make = self.fake
        self.patch(self, "fake", lambda **options: fakes.append(make(**options)) or fakes[-1])
        self.patch(line_module, "pulse_dtr", pulse)
        await self.reset_instead(restart_method="cheetah")
        self.assertEqual(pulses, [(fakes[0].path, False)])
        self.assertEqual(fakes[0].commands("reset"), [])

    async def test_cannot_be_reset(self) -> None:
        entries = make_entries()
        del entries["commands"]["config_reset"], entries["commands"]["reset"]
        fake = self.fake(entries=entries)
        fake.shut_down("Timer too close")
        mcu = await self.prepared(fake.path)
        with self.assertRaises(McuError) as caught:
            await mcu.connect()
        self.assertIn("cannot be reset by a command", str(caught.exception))

    async def test_another_firmware_after_the_reset(self) -> None:
        self.patch(line_module, "_RESET_PAUSE", 0.05)
        entries = make_entries()
        del entries["commands"]["config_reset"]
        fake = self.fake(entries=entries)
        fake.shut_down("Timer too close")
        mcu = await self.prepared(fake.path)
        mcu._line.patience = 0.0
        mcu._line._firmware = b"what was flashed before"
        with self.assertRaises(McuError) as caught:
            await mcu.connect()
        self.assertIn("came back with another firmware (v0-fake): use RESTART", str(caught.exception))

    async def test_nothing_is_lost_at_the_end(self) -> None:
        """What was asked for before the end, such as switching a fan off, still leaves."""
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        board = self.board(mcu)
        outs = [board.digital_out(Pin(f"PA{number}"), max_duration=0.0) for number in range(12)]
        await mcu.connect()
        for out in outs:
            out.set(mcu.print_time_now() + 0.3, True)
        last = mcu.print_time_now() + 0.3
        await mcu.close()
        self.assertEqual(len(fake.commands("queue_digital_out")), 12)
        self.assertGreater(fake.clock() / FREQ, last, "it waited for what was under way")

    async def test_firmware_restart(self) -> None:
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        await mcu.connect()
        await mcu.restart_firmware()
        await mcu.close()
        await self.until(lambda: fake.commands("reset"))
        self.assertEqual(self.host.reasons, [])


class Trouble(McuCase):
    async def connected(self, **options: Any) -> tuple[FakeMcu, Mcu]:
        fake = self.fake(**options)
        mcu = await self.prepared(fake.path)
        await mcu.connect()
        return fake, mcu

    async def test_shuts_down(self) -> None:
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        sensor = Pin("PB2", Place("printer.cfg", 33))
        self.board(mcu).adc_in(sensor, minimum=0.1, maximum=0.9, **SENSOR)
        await mcu.connect()
        await self.until(lambda: fake.commands("query_analog_in"))
        full = (8 * 4095).to_bytes(2, "little")
        fake.say("analog_in_state", oid=0, next_clock=fake.clock() & 0xFFFFFFFF, values=full)
        fake.shut_down("ADC out of range")
        await self.until(lambda: self.host.reasons)
        [text] = self.host.reasons
        self.assertIn("MCU 'mcu' shutdown: ADC out of range\nThat means: a temperature sensor", text)
        self.assertIn("PB2 (printer.cfg:33) reads 1.0000 of its reference; allowed are 0.1000 to 0.9", text)
        self.assertFalse(mcu.alive)

    async def test_owner_explains(self) -> None:
        fake = self.fake()
        mcu = await self.prepared(fake.path)
        self.board(mcu).adc_in(
            Pin("PB2"), maximum=0.9, explain=lambda: "The hotend's sensor is unplugged.", **SENSOR
        )
        await mcu.connect()
        await self.until(lambda: fake.commands("query_analog_in"))
        fake.say("analog_in_state", oid=0, next_clock=0, values=b"\xff\x7f")
        fake.shut_down("ADC out of range")
        await self.until(lambda: self.host.reasons)
        self.assertIn("The hotend's sensor is unplugged.", self.host.reasons[0])

    async def test_host_shuts_down(self) -> None:
        fake, mcu = await self.connected()
        mcu.shutdown("M112")
        await self.until(lambda: fake.commands("emergency_stop"))
        mcu.send(b"dropped")
        await deferLater(self.clock, 0.02)
        self.assertEqual(self.host.reasons, [])

    async def test_unplugged(self) -> None:
        fake, mcu = await self.connected()
        fake.unplug()
        await self.until(lambda: self.host.reasons)
        self.assertIn("Lost communication with MCU 'mcu': ", self.host.reasons[0])
        with self.assertRaises(McuError):
            await mcu.ask(b"x", "anything")
        await mcu.close()
        self.assertEqual(len(self.host.reasons), 1)

    async def test_falls_silent(self) -> None:
        self.patch(timekeeper_module, "SILENCE", 1.5)
        self.patch(timekeeper_module, "_PERIOD", 0.1)
        self.patch(timekeeper_module, "_WAIT", 0.2)
        fake, _ = await self.connected()
        fake.deaf = True
        await self.until(lambda: self.host.reasons)
        self.assertIn("Lost communication with MCU 'mcu': no answer for", self.host.reasons[0])

    async def test_restarts_by_itself(self) -> None:
        fake, _ = await self.connected()
        fake.say("starting")
        await self.until(lambda: self.host.reasons)
        self.assertIn("MCU 'mcu' restarted by itself", self.host.reasons[0])

    async def test_no_answer(self) -> None:
        _, mcu = await self.connected()
        with self.assertRaises(McuError) as caught:
            payload = mcu.dictionary.command("get_clock").encode()
            await mcu.ask(payload, "stepper_position", 3, timeout=0.05, tries=2)
        self.assertIn("MCU 'mcu' does not answer: no 'stepper_position'", str(caught.exception))

    async def test_statistics(self) -> None:
        fake, mcu = await self.connected()
        fake.say("stats", count=1000, sum=1_000_000, sumsq=5_000_000)
        await self.until(lambda: mcu.status(0.0).last_stats["mcu_awake"])
        stats = mcu.status(0.0).last_stats
        self.assertEqual((stats["mcu_awake"], stats["mcu_task_avg"]), (0.2, 0.001))
        self.assertAlmostEqual(stats["mcu_task_stddev"], (5_000_000 * 256 / 1000 - 1e6) ** 0.5 * 1e-6, 6)


class Unknown(McuCase):
    async def test_chips(self) -> None:
        board = self.board(await self.prepared(self.fake().path))
        place = Place("printer.cfg", 5)
        error = self.assertRaises(ConfigError, board.digital_out, Pin("mcv:PA1", place))
        self.assertEqual(
            str(error), "printer.cfg:5: pin 'mcv:PA1': there is no MCU 'mcv'; did you mean 'mcu'?"
        )
        error = self.assertRaises(ConfigError, board.digital_out, Pin("PD15", place))
        self.assertIn("uses it for console", str(error))
