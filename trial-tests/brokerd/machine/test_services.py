"""Services: who manages them, which of them clients may touch, and root by sudo."""

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest, TestCase

from brokerd.errors import ApiError
from brokerd.machine.config import is_allowed, read_allowed
from brokerd.machine.services import NoServices, Supervisord, SystemdPrograms, UnitState
from brokerd.machine.sudo import Sudo
from brokerd.notifications import Broadcaster
from brokerd.programs import ProgramFailed, Programs

from ..harness import BrokerTestCase
from ..promised import broken_promise, methods


class FakeProvider(NoServices):
    """A system with three services."""

    def __init__(self) -> None:
        super().__init__(name="systemd_dbus")
        self.did: list[tuple[str, str]] = []
        self.known = {name: self.state("active") for name in ("klipper", "crowsnest", "ssh", "appliance")}
        self.changed: Callable[[str, UnitState], None] = lambda name, state: None

    def state(self, active: str) -> dict[str, str]:
        return {"active_state": active, "sub_state": {"active": "running"}.get(active, "dead")}

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        self.changed = changed

    async def states(self) -> dict[str, UnitState]:
        return dict(self.known)

    async def act(self, action: str, service: str) -> None:
        self.did.append((action, service))
        self.known[service] = self.state("inactive" if action == "stop" else "active")
        self.changed(service, self.known[service])

    async def power(self, action: str) -> None:
        self.did.append((action, ""))


class ServiceTests(BrokerTestCase):
    """Over the API."""

    async def _start(self) -> None:
        await super()._start()
        self.provider = FakeProvider()
        self.units = self.parts.machine.units
        await self.until(lambda: self.units.ready)
        self.units._providers = [self.provider]
        self.units._own_unit = "appliance"
        await self.units._begin()

    async def test_described(self) -> None:
        system = (await self.rpc("machine.system_info"))["result"]["system_info"]
        self.assertEqual(system["provider"], "systemd_dbus")
        self.assertEqual(system["available_services"], ["appliance", "crowsnest", "klipper"])
        self.assertEqual(
            system["service_state"]["klipper"], {"active_state": "active", "sub_state": "running"}
        )
        self.assertEqual(system["instance_ids"]["klipper"], "appliance")

    async def test_stop_and_start(self) -> None:
        client = await self.socket()
        told = client.expect("notify_service_state_changed")
        self.assertEqual((await self.rpc("machine.services.stop", service="crowsnest"))["result"], "ok")
        self.assertEqual(await told, [{"crowsnest": {"active_state": "inactive", "sub_state": "dead"}}])
        await self.post("/machine/services/start", {"service": "crowsnest.service"})
        await self.rpc("machine.services.restart", service="klipper")
        self.assertEqual(
            self.provider.did, [("stop", "crowsnest"), ("start", "crowsnest"), ("restart", "klipper")]
        )

    async def test_refused(self) -> None:
        for service, code in (("ssh", 403), ("klipper_2", -32601), ("../x", 403)):
            answer = await self.rpc("machine.services.stop", service=service)
            self.assertEqual(answer["error"]["code"], code, service)
        self.assertEqual((await self.rpc("machine.services.stop", service="appliance"))["error"]["code"], 403)
        self.assertEqual(self.provider.did, [])

    async def test_restart_of_ourselves_is_answered_first(self) -> None:
        self.assertEqual((await self.rpc("machine.services.restart", service="moonraker"))["result"], "ok")
        await self.until(lambda: self.provider.did == [("restart", "appliance")])
        del self.units._states["appliance"]
        self.assertEqual((await self.rpc("machine.services.restart", service="moonraker"))["result"], "ok")
        await self.until(lambda: self.broker.parts is not None and self.broker.parts is not self.parts)

    async def test_power(self) -> None:
        await self.rpc("machine.shutdown")
        await self.rpc("machine.reboot")
        self.fake.call_remote("reboot_machine")
        await self.until(lambda: len(self.provider.did) == 3)
        self.assertEqual([action for action, _ in self.provider.did], ["poweroff", "reboot", "reboot"])

    async def test_nobody_to_ask(self) -> None:
        self.units._providers, self.units.provider = [], NoServices("no bus here")
        answer = await self.rpc("machine.services.stop", service="klipper")
        self.assertEqual(answer["error"], {"code": 503, "message": "no bus here"})
        self.assertEqual((await self.rpc("machine.reboot"))["error"]["code"], 503)


class AllowedTests(TestCase):
    """Which services clients may manage."""

    def test_names(self) -> None:
        data = Path(self.mktemp())
        data.mkdir()
        self.assertIn("KlipperScreen", read_allowed(data))
        (data / "moonraker.asvc").write_text("mine\n\nother.service\n")
        allowed = read_allowed(data)
        for name in ("mine", "other", "klipper", "moonraker-1", "klipper_2"):
            self.assertTrue(is_allowed(name, allowed), name)
        for name in ("ssh", "klipper-x", "KlipperScreen"):
            self.assertFalse(is_allowed(name, allowed), name)


class ProgramTests(TestCase):
    """Providers that run programs; the programs are shell scripts of the test."""

    timeout = 20

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.patch(os, "environ", {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        self.programs = Programs(reactor)

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    async def test_systemctl(self) -> None:
        self.script(
            "systemctl",
            f'echo "$@" >> {self.folder}/asked\n'
            'case "$1" in --version) echo systemd 252;; list-units)\n'
            "echo 'klipper.service loaded active running Klipper host'\n"
            "echo 'ssh.service loaded failed failed OpenBSD'\necho 'x.mount loaded active mounted X';;\n"
            "stop) echo 'Unit gone.service not loaded.' >&2; exit 5;; esac",
        )
        root = Sudo(self.programs, Broadcaster())
        self.patch(os, "geteuid", lambda: 0)
        provider = SystemdPrograms(self.programs, root, self.folder)
        await provider.begin(lambda name, state: None)
        self.assertEqual(
            await provider.states(),
            {
                "klipper": {"active_state": "active", "sub_state": "running"},
                "ssh": {"active_state": "failed", "sub_state": "failed"},
            },
        )
        await provider.act("restart", "klipper")
        with self.assertRaises(ApiError) as raised:
            await provider.act("stop", "gone")
        self.assertIn("not loaded", raised.exception.message)
        self.assertIn("restart klipper.service", (self.folder / "asked").read_text())

    async def test_supervisorctl(self) -> None:
        self.script(
            "supervisorctl",
            "echo 'all:klipper  RUNNING  pid 5, uptime 1:00'; echo 'x  FATAL  Exited'; exit 3",
        )
        provider = Supervisord(self.programs, None)
        found = await provider.states()
        self.assertEqual(found["klipper"]["active_state"], "active")
        self.assertEqual(found["x"]["active_state"], "failed")

    async def test_sudo(self) -> None:
        self.script(
            "sudo",
            'if [ "$1" = -n ]; then echo "sudo: a password is required" >&2; exit 1; fi\n'
            'read given; if [ "$given" != secret ]; then\n'
            'echo "sudo: 1 incorrect password attempt" >&2; exit 1; fi\n'
            'shift 4; shift; exec "$@"',
        )
        self.patch(os, "geteuid", lambda: 1000)
        sudo = Sudo(self.programs, Broadcaster())
        with self.assertRaises(ApiError):
            await sudo.run("true")
        self.assertEqual((await sudo.info(check_access=True))["sudo_access"], False)
        done: list[str] = []

        async def work() -> str:
            done.append(await sudo.run("echo", "hello"))
            return "It is done."

        sudo.request("Something needs root", work)
        self.assertEqual((await sudo.info())["request_messages"], ["Something needs root"])
        with self.assertRaises(ApiError):
            await sudo.password("wrong")
        self.assertEqual((done, sudo._password), ([], ""))
        answer = await sudo.password("secret")
        promised = methods()["machine.sudo.password"].result
        self.assertEqual(broken_promise(promised, answer), "")
        self.assertEqual(answer["sudo_responses"], ["Sudo password successfully set.", "It is done."])
        self.assertEqual(done, ["hello\n"])

    async def test_programs_that_fail(self) -> None:
        with self.assertRaises(ProgramFailed) as raised:
            await self.programs.run("no-such-program-here")
        self.assertIn("not installed", str(raised.exception))
        with self.assertRaises(ProgramFailed) as raised:
            (await self.programs.run("sh", "-c", "echo words >&2; exit 4")).check()
        self.assertEqual(str(raised.exception), "sh ended with 4: words")
        with self.assertRaises(ProgramFailed) as raised:
            await self.programs.run("sleep", "60", timeout=0.05)
        self.assertIn("did not end within", str(raised.exception))

    async def test_lines_and_input(self) -> None:
        lines: list[str] = []
        ended = await self.programs.run("sh", "-c", "cat; printf 'a\\nb'", content=b"in\n", line=lines.append)
        self.assertEqual((ended.check(), lines), ("in\na\nb", ["in", "a", "b"]))


class UvloopTests(TestCase):
    """Programs under the event loop that the appliance runs on."""

    timeout = 60

    async def test_end_is_noticed(self) -> None:
        if find_spec("uvloop") is None:
            raise SkipTest("uvloop is not installed")
        words = (sys.executable, "-m", f"{__name__.rpartition('.')[0]}.uvloop_case")
        ended = await Programs(reactor).run(*words, cwd=Path(__file__).absolute().parents[3], timeout=50)
        self.assertEqual(ended.check(), "0 -9\n")


class BusTests(TestCase):
    """systemd over D-Bus; needs an asyncio reactor, so the cases run in a process of their own."""

    timeout = 60

    def test_on_a_bus_of_our_own(self) -> Deferred[None]:
        async def run() -> None:
            programs = Programs(reactor)
            try:
                await programs.run("dbus-daemon", "--version")
            except ProgramFailed:
                raise SkipTest("dbus-daemon is not installed")
            package = __name__.rpartition(".")[0]
            ended = await programs.run(
                sys.executable, "-m", "twisted.trial", "--reactor", "asyncio", "--temp-directory",
                Path(self.mktemp()).absolute(), f"{package}.bus_cases", timeout=50,
                cwd=Path(__file__).absolute().parents[3],
            )  # fmt: skip
            self.assertEqual(ended.code, 0, ended.output + ended.errors)
            self.assertIn("PASSED (successes=3)", ended.output)

        return Deferred.fromCoroutine(run())
