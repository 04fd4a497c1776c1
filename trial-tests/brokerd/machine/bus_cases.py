"""systemd and logind on a D-Bus of the test's own. Run by C{test_services} under the asyncio reactor."""

import asyncio
from pathlib import Path
from typing import Any

from dbus_fast import BusType, DBusError, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_property, method
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from brokerd.errors import ApiError
from brokerd.machine.systemd import SystemdBus

UNIT_PATH = "/org/freedesktop/systemd1/unit/klipper_2eservice"
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd"><busconfig><type>session</type>
<listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>"""


class Unit(ServiceInterface):
    """One unit."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.systemd1.Unit")
        self.active, self.sub = "active", "running"

    @dbus_property(access=PropertyAccess.READ)
    def ActiveState(self) -> "s":  # type: ignore[name-defined]  # noqa: F821
        return self.active

    @dbus_property(access=PropertyAccess.READ)
    def SubState(self) -> "s":  # type: ignore[name-defined]  # noqa: F821
        return self.sub

    def become(self, active: str, sub: str) -> None:
        self.active, self.sub = active, sub
        self.emit_properties_changed({"ActiveState": active, "SubState": sub})


class Manager(ServiceInterface):
    """systemd's manager, as far as it is used."""

    def __init__(self, unit: Unit) -> None:
        super().__init__("org.freedesktop.systemd1.Manager")
        self.unit = unit
        self.subscribed = False

    @method()
    def Subscribe(self) -> None:
        self.subscribed = True

    @method()
    def ListUnits(self) -> "a(ssssssouso)":  # type: ignore[name-defined]  # noqa: F821
        rest = ["", UNIT_PATH, 0, "", "/"]
        return [
            ["klipper.service", "Klipper", "loaded", self.unit.active, self.unit.sub, *rest],
            ["gone.service", "gone", "not-found", "inactive", "dead", *rest],
            ["home.mount", "Home", "loaded", "active", "mounted", *rest],
        ]

    @method()
    def StopUnit(self, name: "s", mode: "s") -> "o":  # type: ignore[name-defined]  # noqa: F821
        if name != "klipper.service":
            raise DBusError("org.freedesktop.systemd1.NoSuchUnit", f"Unit {name} not loaded.")
        self.unit.become("inactive", "dead")
        return "/org/freedesktop/systemd1/job/1"


class Login(ServiceInterface):
    """logind's manager."""

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.did: list[str] = []

    @method()
    def Reboot(self, interactive: "b") -> None:  # type: ignore[name-defined]  # noqa: F821
        self.did.append("reboot")


class Daemon(ProcessProtocol):
    """The bus."""

    def __init__(self) -> None:
        self.ended: Deferred[None] = Deferred()

    def processEnded(self, reason: object) -> None:
        self.ended.callback(None)


class BusCases(TestCase):
    """The provider against a bus."""

    timeout = 20

    async def start(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        socket = Path("/tmp") / f"bus-{folder.parent.parent.name}-{id(self)}"
        (folder / "bus.conf").write_text(CONFIG.format(socket=socket))
        daemon = Daemon()
        words = ["dbus-daemon", "--nofork", f"--config-file={folder}/bus.conf"]
        process = reactor.spawnProcess(daemon, "dbus-daemon", words, env={})

        def end() -> Deferred[None]:
            process.signalProcess("TERM")
            return daemon.ended

        self.addCleanup(end)
        while not socket.exists():
            await deferLater(reactor, 0.005)
        self.addCleanup(lambda: socket.unlink(missing_ok=True))
        self.address = f"unix:path={socket}"
        await Deferred.fromFuture(asyncio.ensure_future(self.serve()))

    async def serve(self) -> None:
        self.unit, self.login = Unit(), Login()
        self.manager = Manager(self.unit)
        bus = await MessageBus(bus_address=self.address, bus_type=BusType.SYSTEM).connect()
        bus.export("/org/freedesktop/systemd1", self.manager)
        bus.export(UNIT_PATH, self.unit)
        bus.export("/org/freedesktop/login1", self.login)
        for name in ("org.freedesktop.systemd1", "org.freedesktop.login1"):
            await bus.request_name(name)
        self.addCleanup(bus.disconnect)

    async def test_states_and_changes(self) -> None:
        await self.start()
        changes: list[Any] = []
        provider = SystemdBus(self.address)
        await provider.begin(lambda name, state: changes.append((name, state)))
        self.addCleanup(lambda: Deferred.fromCoroutine(provider.end()))
        self.assertTrue(self.manager.subscribed)
        self.assertEqual(
            await provider.states(), {"klipper": {"active_state": "active", "sub_state": "running"}}
        )
        await provider.act("stop", "klipper")
        while not changes:
            await deferLater(reactor, 0.005)
        self.assertEqual(changes, [("klipper", {"active_state": "inactive", "sub_state": "dead"})])

    async def test_refusals_and_power(self) -> None:
        await self.start()
        provider = SystemdBus(self.address)
        await provider.begin(lambda name, state: None)
        self.addCleanup(lambda: Deferred.fromCoroutine(provider.end()))
        with self.assertRaises(ApiError) as raised:
            await provider.act("stop", "nothing")
        self.assertIn("Unit nothing.service not loaded.", raised.exception.message)
        await provider.power("reboot")
        self.assertEqual(self.login.did, ["reboot"])
        with self.assertRaises(ApiError):
            await provider.power("halt")

    async def test_no_bus(self) -> None:
        await deferLater(reactor, 0)  # the first test begins before its loop does
        provider = SystemdBus("unix:path=/nonexistent/bus")
        with self.assertRaises(ApiError) as raised:
            await provider.begin(lambda name, state: None)
        self.assertIn("can't be reached", raised.exception.message)
