"""The shared clock: leases, stalls, starved participants; wrap-around of the firmware's clock."""

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from klipperd.clock import ClockPage

from .motion import Motors
from .rawmcu import PATIENCE
from .rig import CARTESIAN, FREQ, SLACK, Rig, SimTestCase, simulator


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again, for half a minute at most."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it doesn't come to pass"
        select.select([], [], [], 0.0005)


class PageTests(SimTestCase):
    """A simulator as one of several participants."""

    def test_a_stalled_lease_stalls_the_clock(self) -> None:
        """The simulator never goes beyond another participant's lease, and goes on once it is renewed."""
        rig = self.rig()
        until = rig.time()
        for _ in range(20):
            report = rig.report()
            self.assertLessEqual(report["time"], until + 1e-6)
        rig.advance(3.0)
        self.assertApproximates(rig.report()["time"], until + 3.0, 1e-5)

    def test_a_stopped_simulator_stalls_the_clock(self) -> None:
        """While the simulator gets no CPU, time goes no further than it has leased."""
        rig = self.rig()
        rig.clock.set_lease(0, 0.0)  # nobody else holds it up
        os.kill(rig.process.pid, signal.SIGSTOP)
        self.addCleanup(lambda: rig.process.poll() is None and os.kill(rig.process.pid, signal.SIGCONT))
        lease = rig.clock.leases()[16]
        self.assertGreater(lease, 0.0)
        wait_until(lambda: rig.clock.now() == rig.clock.leases()[16])
        stopped = rig.clock.now()
        select.select([], [], [], 0.05)  # 100 virtual seconds
        self.assertEqual(rig.clock.now(), stopped)
        os.kill(rig.process.pid, signal.SIGCONT)
        wait_until(lambda: rig.clock.now() > stopped + 1.0)

    def test_two_simulators_stay_together(self) -> None:
        """Two printers on one page are never further apart than the slack."""
        first = self.rig()
        second = Rig.beside(first, CARTESIAN, 17)
        self.addCleanup(second.stop)
        for rig in (first, second):
            wait_until(lambda rig=rig: rig.clock.leases()[16 if rig is first else 17] > 0)  # type: ignore[misc]
        first.clock.set_lease(0, 0.0)
        for _ in range(50):
            before = first.clock.leases()
            self.assertLessEqual(abs(before[16] - before[17]), 2 * SLACK)
            a, b = first.report()["time"], second.report()["time"]
            self.assertLessEqual(a, first.clock.now() + 1e-6)
            self.assertLessEqual(b, first.clock.now() + 1e-6)
        wait_until(lambda: first.report()["since_mark"] > 5.0)

    def test_the_lease_is_given_back(self) -> None:
        """A simulator that ends holds nobody up."""
        rig = self.rig()
        self.assertEqual(rig.stop(), 0)
        self.assertEqual(rig.clock.leases()[16], 0.0)

    def test_same_time_as_the_host(self) -> None:
        """The host's view of the page agrees with the simulator's."""
        rig = self.rig()
        page = ClockPage.open(rig.folder / "page")
        self.addCleanup(page.close)
        rig.advance(2.0)
        self.assertApproximates(page.now(), rig.report()["time"], 1e-6)

    def test_bad_pages(self) -> None:
        """What is no clock page is refused by name."""
        rig = self.rig()
        bad = rig.folder / "bad"
        for content, wanted in ((None, "cannot be opened"), (b"", "too short"), (b"x" * 4096, "wrong magic")):
            if content is not None:
                bad.write_bytes(content)
            command = [simulator(), str(rig.folder / "model"), "-I", str(rig.folder / "other")]
            command += ["--slot", "20", "--clock", str(bad)]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(ended.returncode, 1)
            self.assertIn(wanted, ended.stderr)
            self.assertFalse(os.path.lexists(rig.folder / "other"))


class StarvationTests(SimTestCase):
    """At 60 times real time, with a host that feeds steps, and participants that lose the CPU."""

    def feed(self, disturb: Callable[[Rig], None]) -> None:
        """Send 40 virtual seconds of steps, half a second ahead, while C{disturb} runs in another thread;
        all of them must arrive in time and be made at their time."""
        rig = self.rig(speed=60.0)
        motors = Motors(rig)
        start = rig.mcu_clock(0.8)
        base = rig.time() - (start - round(0.8 * FREQ)) / FREQ  # virtual time of the firmware's clock 0
        mcu = rig.mcu
        mcu.send_many(motors.encode(0, start, +1, [])[:1])
        rig.clock.set_lease(0, rig.clock.now() + SLACK)
        thread = threading.Thread(target=disturb, args=(rig,))
        thread.start()
        self.addCleanup(thread.join)
        sent, interval = 0, FREQ // 4000
        while sent < 4000 * 40:
            # What any participant does: see how late it is, do what is due, renew the lease.
            now = rig.clock.now()
            commands = []
            while sent < 4000 * 40 and base + (start + sent * interval) / FREQ < now + 0.5:
                commands.append(mcu.encode("set_next_step_dir", oid=0, dir=(sent // 4000 + 1) % 2))
                commands.append(mcu.encode("queue_step", oid=0, interval=interval, count=200, add=0))
                sent += 200
            if commands:
                mcu.send_many(commands)
            mcu.poll()
            rig.clock.set_lease(0, now + SLACK)
            select.select([mcu.fd], [], [], 0.0005)
        thread.join()
        rig.clock.set_lease(0, 0.0)
        wait_until(lambda: mcu.poll() is None and rig.report()["motors"]["x"]["pulses"] == 4000 * 40)
        self.assertNotIn("shutdown", [name for name, _ in mcu.received])
        report = rig.report()
        self.assertEqual(report["motors"]["x"]["net"], 0)
        self.assertEqual(set(report["faults"].values()), {0})
        self.assertEqual(report["mcu"]["late_timers"], 0)

    def test_simulator_is_starved(self) -> None:
        """The simulator is stopped for 0.3 s of real time, 18 s at this speed, in the middle of a move."""

        def disturb(rig: Rig) -> None:
            for _ in range(3):
                select.select([], [], [], 0.05)
                os.kill(rig.process.pid, signal.SIGSTOP)
                select.select([], [], [], 0.3)
                os.kill(rig.process.pid, signal.SIGCONT)

        self.feed(disturb)

    def test_host_is_starved(self) -> None:
        """The host is stopped for 0.3 s of real time: a process that stops itself by signals can't go on
        by itself, so a helper wakes it."""

        def disturb(_: Rig) -> None:
            for _ in range(3):
                select.select([], [], [], 0.05)
                pause = f"sleep 0.3; kill -CONT {os.getpid()}"
                os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", pause)
                os.kill(os.getpid(), signal.SIGSTOP)

        self.feed(disturb)


class WrapTests(SimTestCase):
    """The 32-bit clock wraps each 214.7 s."""

    def test_steps_across_a_wrap(self) -> None:
        """A move that begins before a wrap ends after it, on time."""
        rig = self.rig(CARTESIAN, "--first-clock", str(2**32 - FREQ))
        motors = Motors(rig)
        self.assertGreater(rig.mcu_clock(), 2**31)
        before = rig.time()
        motors.move(0, +1, [(20000, 2000, 0)], lead=0.5)
        rig.advance(2.0)
        self.assertLess(rig.mcu_clock(), 2**31)
        rig.advance(1.0)
        report = rig.report()
        self.assertEqual(report["motors"]["x"]["net"], 2000)
        self.assertEqual(set(report["faults"].values()), {0})
        rig.stop()
        lines = rig.record.read_text().splitlines()
        times = [float(line.split(",")[1]) for line in lines if line[:2] == "P,"]
        self.assertApproximates(times[-1], before + 0.5 + 2.0, 0.01)
        self.assertApproximates(times[0], before + 0.5, 0.001 + 0.0011)

    def test_hours(self) -> None:
        """After three hours of virtual time, and 50 wraps, clock, steps and physics are still right."""
        rig = self.rig()
        motors = Motors(rig)
        start = rig.time()
        for _ in range(6):
            motors.move(0, +1, [(20000, 40, 0)])
            rig.advance(1800.0)
        self.assertEqual(rig.mcu_clock(), round((rig.time() - start) * FREQ) & 0xFFFFFFFF)
        uptime = rig.mcu.query("get_uptime", "uptime")
        self.assertEqual(uptime["high"], int(10800 * FREQ) >> 32)
        report = rig.report()
        self.assertEqual(report["motors"]["x"]["net"], 240)
        self.assertEqual(set(report["faults"].values()), {0})
        self.assertEqual(report["mcu"]["late_timers"], 0)


class RealTimeTests(SimTestCase):
    """Without a page the clock is CLOCK_MONOTONIC."""

    def test_real_time(self) -> None:
        """Clock readings lie between the moments before and after they were asked for."""
        rig = self.rig(clock=False)
        before = time.monotonic()
        first = rig.report()["time"]
        after = time.monotonic()
        self.assertTrue(before - 0.002 <= first <= after, (before, first, after))
        clocks = [rig.mcu.sync(), time.monotonic()]
        select.select([], [], [], 0.02)
        passed = ((rig.mcu.sync() - clocks[0]) & 0xFFFFFFFF) / FREQ
        self.assertGreater(passed, 0.015)
        self.assertLess(passed, time.monotonic() - before + 0.002)

    def test_idle_costs_little(self) -> None:
        """With a host attached and nothing to do it sleeps."""
        rig = self.rig(clock=False)
        wait_until(lambda: rig.report()["mcu"]["connected"])
        before, began = self.cpu_time(rig), time.monotonic()
        select.select([], [], [], 0.5)
        share = (self.cpu_time(rig) - before) / (time.monotonic() - began)
        self.assertLess(share, 0.05)

    def cpu_time(self, rig: Rig) -> float:
        with open(f"/proc/{rig.process.pid}/schedstat") as file:
            return int(file.read().split()[0]) * 1e-9
