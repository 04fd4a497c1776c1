"""The same conversation with the fake and with the real firmware: the fake is right, and so are we.

Beyond that: scaled time, and homing over two simulators through the links' threads.
"""

import os
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from klipperd.clock import REACTOR_SLOT, ClockPage, ScaledClock
from klipperd.mcu import trsync
from klipperd.mcu.errors import McuError
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.trsync import HomingFailed, TriggerReason
from klipperd.objects import Pin

from ...firmware.build import binary
from ...firmware.device import LINUX, SIM, Target
from .bench import McuCase
from .fake import FakeMcu


class RealMcu:
    """A firmware's process."""

    def __init__(self, folder: str, target: Target, *arguments: str) -> None:
        os.mkdir(folder)
        self.path = str(Path(folder, "mcu").absolute())
        with open(Path(folder, "stderr"), "wb") as errors:
            command = [binary(target.name), *target.arguments, "-I", self.path, *arguments]
            self.process = subprocess.Popen(command, stderr=errors, stdin=subprocess.DEVNULL)

    def unplug(self) -> None:
        self.process.kill()
        self.process.wait(30)

    close = unplug


class Conversation(McuCase):
    """What every MCU must do."""

    out_pin = "PA1"
    other_pin = "PA2"
    input_pin = "PC1"
    step_pins = ("PA3", "PA4")
    adc_pin = "PB2"

    def start(self) -> Any:
        mcu = FakeMcu()
        self.addCleanup(mcu.close)
        return mcu

    async def find(self) -> Mcu:
        self.device = self.start()
        return await self.prepared(self.device.path)

    async def test_configured_once(self) -> None:
        mcu = await self.find()
        for pin, done in ((self.out_pin, False), (self.out_pin, True), (self.other_pin, False)):
            board = self.board(mcu)
            board.digital_out(Pin(pin), max_duration=0.0)
            resumed: list[bool] = []
            mcu.on_start(lambda r, seen=resumed: seen.append(r) or ())  # type: ignore[misc, func-returns-value]
            await mcu.connect()
            self.assertEqual(resumed, [done])
            self.assertTrue(mcu.alive)
            await mcu.close()
            mcu = await self.prepared(self.device.path)
        self.assertEqual(self.host.reasons, [])

    async def test_motor_and_switch(self) -> None:
        mcu = await self.find()
        board = self.board(mcu)
        stepper = board.stepper(*map(Pin, self.step_pins))
        plain = board.endstop(Pin(self.input_pin))
        plain.add_stepper(stepper)
        await mcu.connect()
        self.assertEqual(await stepper.position(), 0)
        pressed = await plain.query()
        begin = mcu.print_time_now() + 0.1
        plain.home_start(begin, 0.001, triggered=pressed)
        # It is as wanted from the begin.
        self.assertApproximates(await plain.home_wait(begin + 5.0), begin, 0.05)
        begin = mcu.print_time_now() + 0.1
        plain.home_start(begin, 0.001, triggered=not pressed)
        with self.assertRaises(HomingFailed) as caught:
            await plain.home_wait(begin + 0.2)
        self.assertIs(caught.exception.reason, TriggerReason.PAST_END)
        self.assertTrue(mcu.alive)

    async def test_emergency_stop_and_restart(self) -> None:
        mcu = await self.find()
        self.board(mcu).digital_out(Pin(self.out_pin), max_duration=0.0)
        await mcu.connect()
        mcu.shutdown("M112")
        await mcu.restart_firmware()
        await mcu.close()
        mcu = await self.prepared(self.device.path)
        await mcu.connect()
        self.assertTrue(mcu.alive)
        self.assertEqual(self.host.reasons, [])

    async def test_shut_down_without_a_host(self) -> None:
        """The host died; the next one finds the MCU shut down and starts it afresh."""
        mcu = await self.find()
        await mcu.connect()
        mcu.shutdown("the host fails")
        await mcu.close()
        mcu = await self.prepared(self.device.path)
        await mcu.connect()
        self.assertTrue(mcu.alive)

    async def test_culprit(self) -> None:
        mcu = await self.find()
        board = self.board(mcu)
        board.digital_out(Pin(self.out_pin))
        board.endstop(Pin(self.input_pin)).oid = 99
        mcu.configuration.add(
            mcu.dictionary.command("config_endstop oid=%c pin=%c pull_up=%c"),
            "somebody's switch",
            oid=77,
            pin=self.other_pin,
            pull_up=0,
        )
        with self.assertRaises(McuError) as caught:
            await mcu.connect()
        self.assertIn("refuses 'config_endstop oid=77", str(caught.exception))
        self.assertIn("for somebody's switch", str(caught.exception))

    async def test_vanishes(self) -> None:
        mcu = await self.find()
        await mcu.connect()
        self.device.unplug()
        await self.until(lambda: self.host.reasons)
        self.assertIn("Lost communication with MCU 'mcu'", self.host.reasons[0])


class RealConversation(Conversation):
    target = SIM

    def start(self) -> Any:
        mcu = RealMcu(self.mktemp(), self.target)
        self.addCleanup(mcu.close)
        return mcu

    async def test_readings(self) -> None:
        mcu = await self.find()
        readings: list[tuple[float, float]] = []
        self.board(mcu).adc_in(
            Pin(self.adc_pin),
            sample_time=0.001,
            sample_count=8,
            report_time=0.1,
            on_reading=lambda *reading: readings.append(reading),
        )
        await mcu.connect()
        await self.until(lambda: len(readings) >= 3)
        times = [time for time, _ in readings]
        self.assertApproximates(times[1] - times[0], 0.1, 1e-6)
        self.assertApproximates(times[2] - times[1], 0.1, 1e-6)
        self.assertApproximates(times[2], mcu.print_time_now(), 0.3)
        self.assertTrue(all(0.0 <= value <= 1.0 for _, value in readings))

    async def test_output_expires(self) -> None:
        """A host that stops refreshing a heater: the MCU shuts down, and the message names the output."""
        mcu = await self.find()
        out = self.board(mcu).digital_out(Pin(self.out_pin), max_duration=0.3)
        await mcu.connect()
        out.set(mcu.print_time_now() + 0.1, True)
        await self.until(lambda: self.host.reasons)
        [text] = self.host.reasons
        self.assertIn("Missed scheduling of next digital out event", text)
        self.assertIn(f"The output {self.out_pin} was set last", text)

    async def test_clock(self) -> None:
        """Two readings of the clock, a second apart, agree with the estimate to a fraction of a ms."""
        mcu = await self.find()
        for _ in range(2):
            await deferLater(self.clock, 0.5)
            answer = await mcu.ask(mcu.dictionary.command("get_clock").encode(), "clock")
            estimated = mcu.estimated_print_time(answer.received)
            told = mcu.clock_to_print_time(mcu.extend_clock(answer["clock"]))
            self.assertApproximates(told, estimated, 0.02)


class Simulator(RealConversation):
    out_pin, other_pin = SIM.out_pin, "PB5"
    input_pin, adc_pin = SIM.input_pin, SIM.adc_pin
    step_pins = (SIM.step_pin, SIM.direction_pin)


class LinuxProcess(RealConversation):
    target = LINUX
    out_pin, other_pin = LINUX.out_pin, "gpiochip1/gpio5"
    input_pin, adc_pin = LINUX.input_pin, LINUX.adc_pin
    step_pins = (LINUX.step_pin, LINUX.direction_pin)


del RealConversation


class TwoSimulators(McuCase):
    async def test_homing_across(self) -> None:
        """The relay by the links keeps two MCUs going for a second, and stops both."""
        # Not to fail on a busy computer; how long the relay takes is not the question here.
        self.patch(trsync, "_TIMEOUT_SEVERAL", 0.6)
        devices = [RealMcu(self.mktemp(), SIM) for _ in range(2)]
        for device in devices:
            self.addCleanup(device.close)
        main = await self.prepared(devices[0].path)
        other = await self.prepared(devices[1].path, "other")
        board = self.board(main, other)
        endstop = board.endstop(Pin("^PC0"))
        steppers = [board.stepper(Pin("PA0"), Pin("PA1")), board.stepper(Pin("other:PA0"), Pin("other:PA1"))]
        for stepper in steppers:
            endstop.add_stepper(stepper)
        for mcu in (main, other):
            await mcu.connect()
        begin = main.print_time_now() + 0.2
        endstop.home_start(begin, 0.001)
        with self.assertRaises(HomingFailed) as caught:
            await endstop.home_wait(begin + 2.0)
        self.assertIs(caught.exception.reason, TriggerReason.PAST_END)
        begin = main.print_time_now() + 0.2
        endstop.home_start(begin, 0.001, triggered=False)
        self.assertApproximates(await endstop.home_wait(begin + 5.0), begin, 0.05)
        self.assertEqual(self.host.reasons, [])

    async def test_one_dies_while_homing(self) -> None:
        devices = [RealMcu(self.mktemp(), SIM) for _ in range(2)]
        for device in devices:
            self.addCleanup(device.close)
        main = await self.prepared(devices[0].path)
        other = await self.prepared(devices[1].path, "other")
        board = self.board(main, other)
        endstop = board.endstop(Pin("^PC0"))
        endstop.add_stepper(board.stepper(Pin("other:PA0"), Pin("other:PA1")))
        for mcu in (main, other):
            await mcu.connect()
        begin = main.print_time_now() + 0.1
        endstop.home_start(begin, 0.001)
        devices[1].unplug()
        with self.assertRaises(HomingFailed) as caught:
            await endstop.home_wait(begin + 0.5)
        self.assertIn("MCU 'other' is gone: ", str(caught.exception))
        self.assertIn("Lost communication with MCU 'other'", self.host.reasons[0])


class ScaledTime(McuCase):
    async def test_twenty_times_as_fast(self) -> None:
        """Host, link and simulator share one scaled clock: nothing is late, though all run so fast."""
        file = self.mktemp()
        page = ClockPage.create(file, 20.0)
        self.addCleanup(page.close)
        device = RealMcu(self.mktemp(), SIM, "--clock", str(Path(file).absolute()), "--slot", "16")
        self.addCleanup(device.close)
        self.clock = ScaledClock(page, self.clock, REACTOR_SLOT)  # type: ignore[assignment]
        self.clock.startService()  # type: ignore[attr-defined]
        self.addCleanup(self.clock.stopService)  # type: ignore[attr-defined]
        mcu = await self.prepared(device.path, clock_page=page.address, lease_slot=1, pace=20.0)
        board = self.board(mcu)
        out = board.digital_out(Pin("PB4"), max_duration=1.0)
        endstop = board.endstop(Pin("^PC0"))
        await mcu.connect()
        until = mcu.print_time_now() + 30.0
        while mcu.print_time_now() < until:
            out.set(mcu.print_time_now() + 0.3, True)
            await deferLater(self.clock, 0.3)
        out.set(mcu.print_time_now() + 0.3, False)
        begin = mcu.print_time_now() + 0.2
        endstop.home_start(begin, 0.001)
        with self.assertRaises(HomingFailed) as caught:
            await endstop.home_wait(begin + 2.0)
        self.assertIs(caught.exception.reason, TriggerReason.PAST_END)
        self.assertEqual((self.host.reasons, mcu.link.stats()["late_commands"]), ([], 0))
        estimate = mcu._timekeeper.estimate
        self.assertApproximates(estimate.freq / mcu.freq, 1.0, 1e-3)
        await mcu.close()
