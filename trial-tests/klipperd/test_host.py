"""A printer's life: every fault ends in a named state, and a restart leads out of it."""

import os
from typing import Any

from attrs import define, field, frozen
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from klipperd.config.configuration import Configuration
from klipperd.errors import ConfigError, KlipperdError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.host import Host
from klipperd.objects import PrinterObject, command, option, remote
from klipperd.objects.call import Call
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.services import HostControl, HostSettings, HostState
from klipperd.remote.procedures import Procedures
from klipperd.workers import SameThread

LIVES: list["Thing"] = []


@frozen
class ThingConfig:
    """A thing."""

    fault: str = option("", doc="where it fails")


@define(eq=False)
class Thing:
    """Writes down which hooks ran."""

    config: ThingConfig
    host: HostControl
    log: list[str] = field(factory=list)

    def fail(self, where: str) -> None:
        self.log.append(where)
        if self.config.fault == where:
            raise KlipperdError(f"no luck in {where}")
        if self.config.fault == "bug in " + where:
            raise ZeroDivisionError

    async def prepare(self) -> None:
        self.fail("prepare")

    async def connect(self) -> None:
        if self.config.fault == "shutdown in connect":
            self.host.shutdown("too hot")
        self.fail("connect")

    def ready(self) -> None:
        self.fail("ready")

    def shutdown(self, reason: str) -> None:
        self.log.append(f"shutdown {reason}")

    async def restart_firmware(self) -> None:
        self.log.append("restart_firmware")

    async def close(self) -> None:
        self.log.append("close")

    def status(self, eventtime: float) -> dict[str, Any]:
        return {}

    @command("POKE")
    async def poke(self, call: Call) -> None:
        """Poke it."""
        self.log.append("poke")

    @remote("thing/poke")
    async def poke_remotely(self) -> dict[str, str]:
        """Poke it."""
        return {"poked": "yes"}


def build_thing(config: ThingConfig, host: HostControl) -> Thing:
    if config.fault == "build":
        raise ConfigError.single("cannot build")
    thing = Thing(config, host)
    LIVES.append(thing)
    return thing


class HostTests(SynchronousTestCase):
    def setUp(self) -> None:
        LIVES.clear()
        self.path = os.path.abspath(self.mktemp())
        self.clock = Clock()
        self.procedures = Procedures()
        self.dispatcher = Dispatcher(self.clock)
        catalogue = Catalogue((PrinterObject("thing", ThingConfig, build_thing),))
        self.host = Host(
            self.clock, HostSettings(self.path), catalogue, self.dispatcher,
            self.procedures, Configuration(), SameThread(), MemoryReactor(),
        )  # fmt: skip
        self.states: list[str] = []
        self.host.on_state(lambda state, message: self.states.append(state.value))

    def configure(self, text: str) -> None:
        with open(self.path, "w") as target:
            target.write(text)

    def start(self, text: str = "[thing]\n") -> None:
        self.configure(text)
        self.host.startService()
        self.addCleanup(self.host.stopService)

    def restart(self, *, firmware: bool = False) -> None:
        self.host.restart(firmware=firmware)
        self.clock.advance(0)

    def test_start_and_stop(self) -> None:
        self.start()
        self.assertIs(self.host.state(), HostState.READY)
        self.assertEqual(self.states, ["startup", "ready"])
        self.assertEqual(list(self.host.objects.status_sources()), ["thing"])
        self.successResultOf(self.host.stopService())
        self.assertEqual(LIVES[0].log, ["prepare", "connect", "ready", "close"])

    def test_a_broken_configuration_is_an_error_until_it_is_mended(self) -> None:
        self.start("[thing]\nfalt: x\n[thnig]\n")
        self.assertIs(self.host.state(), HostState.ERROR)
        message = self.host.state_message()
        self.assertIn(f"{self.path}:2: [thing] falt: unknown option; did you mean 'fault'?", message)
        self.assertIn("[thnig]: unknown section; did you mean 'thing'?", message)
        self.assertIn("RESTART", message)
        self.configure("[thing]\n")
        self.restart()
        self.assertIs(self.host.state(), HostState.READY)

    def test_configuration_shows_what_a_failed_start_read_of_its_own_file(self) -> None:
        self.start("[thing]\nfault:\n")
        shown = self.host.configuration
        self.assertEqual(
            (dict(shown.raw), shown.settings), ({"thing": {"fault": ""}}, {"thing": {"fault": ""}})
        )
        self.configure("[thing]\nfalt: x\n")
        self.restart()
        self.assertIs(self.host.state(), HostState.ERROR)
        self.assertEqual((dict(shown.raw), shown.settings), ({"thing": {"falt": "x"}}, {}))
        os.remove(self.path)
        self.restart()
        self.assertIs(self.host.state(), HostState.ERROR)
        self.assertEqual((shown.raw, shown.settings, shown.warnings), ({}, {}, []))

    def test_faults_while_starting_are_errors_and_all_is_closed_at_the_restart(self) -> None:
        self.start("[thing]\nfault: build\n")
        self.assertIn("cannot build", self.host.state_message())
        for fault, text in (("prepare", "no luck in prepare"), ("connect", "no luck in connect")):
            self.configure(f"[thing]\nfault: {fault}\n")
            self.restart()
            self.assertIs(self.host.state(), HostState.ERROR)
            self.assertIn(text, self.host.state_message())
        self.configure("[thing]\n")
        self.restart()
        self.assertIs(self.host.state(), HostState.READY)
        self.assertEqual([life.log[-1] for life in LIVES], ["close", "close", "ready"])

    def test_a_bug_while_starting_is_an_error_too(self) -> None:
        self.start("[thing]\nfault: bug in connect\n")
        self.assertIs(self.host.state(), HostState.ERROR)
        self.assertIn("ZeroDivisionError", self.host.state_message())
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_shutdown_stops_everything_once(self) -> None:
        self.start()
        self.host.shutdown("heater extruder: 300 C is above max_temp 280 C")
        self.host.shutdown("and again")
        self.assertIs(self.host.state(), HostState.SHUTDOWN)
        self.assertIn("300 C is above max_temp", self.host.state_message())
        self.assertIn("FIRMWARE_RESTART", self.host.state_message())
        self.assertEqual([entry for entry in LIVES[0].log if "shutdown" in entry],
                         ["shutdown heater extruder: 300 C is above max_temp 280 C"])  # fmt: skip

    def test_shutdown_while_starting_never_becomes_ready(self) -> None:
        self.start("[thing]\nfault: shutdown in connect\n")
        self.assertIs(self.host.state(), HostState.SHUTDOWN)
        self.assertNotIn("ready", LIVES[0].log)

    def test_firmware_restart_restarts_the_firmware_first(self) -> None:
        self.start()
        self.host.shutdown("x")
        self.restart(firmware=True)
        self.assertEqual(LIVES[0].log[-2:], ["restart_firmware", "close"])
        self.assertIs(self.host.state(), HostState.READY)

    def test_commands_and_procedures_come_and_go_with_the_printer(self) -> None:
        self.start()
        client = self.procedures.connect(lambda message: None)
        result = self.successResultOf(_deferred(client.request("thing/poke", {})))
        self.assertEqual(result, {"poked": "yes"})
        self.assertIn("POKE", self.dispatcher.commands())
        self.configure("")
        self.restart()
        self.assertNotIn("POKE", self.dispatcher.commands())
        self.assertEqual(self.procedures.names(), [])
        self.assertTrue(client.closed, "clients subscribe anew after a restart")


def _deferred(coroutine: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(coroutine)
