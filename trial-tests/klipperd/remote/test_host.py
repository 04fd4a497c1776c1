"""The procedures that brokers call on connecting answer as they expect."""

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.build import Built
from klipperd.objects.services import HostSettings, HostState, Objects
from klipperd.remote.host import Webhooks, install_procedures
from klipperd.remote.procedures import Procedures

from ..gcode.planner import PretendHost


class HostCase(SynchronousTestCase):
    """All procedures of a host without a printer."""

    def setUp(self) -> None:
        self.clock, self.host = Clock(), PretendHost()
        self.dispatcher, self.procedures = Dispatcher(self.clock), Procedures()
        settings = HostSettings("/etc/printer.cfg", "/var/log/k.log", "v9.9.9-1")
        BaseCommands(self.dispatcher, self.host, settings).install()
        built = Built({"webhooks": Webhooks(self.host)})
        objects = Objects(built.with_status)
        install_procedures(
            self.procedures, self.host, settings, objects, self.dispatcher, self.clock, self.clock
        )
        self.messages: list[dict[str, Any]] = []
        self.client = self.procedures.connect(self.messages.append)

    def ask(self, method: str, **params: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(self.client.request(method, params)))

    def test_info(self) -> None:
        info = self.ask("info", client_info={"program": "broker", "version": "1"})
        self.assertEqual(info["state"], "ready")
        self.assertEqual(info["software_version"], "v9.9.9-1")
        self.assertEqual((info["config_file"], info["log_file"]), ("/etc/printer.cfg", "/var/log/k.log"))
        self.assertEqual(info["process_id"], os.getpid())
        self.assertTrue(os.path.isdir(os.path.join(info["klipper_path"], "klipperd")))
        self.assertTrue(os.access(info["python_path"], os.X_OK))
        for key in ("state_message", "hostname", "cpu_info", "user_id", "group_id"):
            self.assertIn(key, info)

    def test_endpoints(self) -> None:
        wanted = {
            "info",
            "emergency_stop",
            "register_remote_method",
            "list_endpoints",
            "objects/list",
            "objects/query",
            "objects/subscribe",
            "gcode/help",
            "gcode/script",
            "gcode/restart",
            "gcode/firmware_restart",
            "gcode/subscribe_output",
        }
        self.assertEqual(set(self.ask("list_endpoints")["endpoints"]), wanted)

    def test_state_as_status(self) -> None:
        self.host.present = HostState.ERROR
        status = self.ask("objects/query", objects={"webhooks": None})["status"]
        self.assertEqual(status, {"webhooks": {"state": "error", "state_message": "Printer is in error"}})

    def test_emergency_stop(self) -> None:
        self.assertEqual(self.ask("emergency_stop"), {})
        self.assertEqual(self.host.shutdowns, ["Shutdown due to webhooks request"])

    def test_gcode(self) -> None:
        self.ask("gcode/subscribe_output", response_template={"key": 1})
        self.ask("gcode/subscribe_output", response_template={"key": 345})
        self.assertEqual(self.ask("gcode/script", script="ECHO 1\nM115"), {})
        self.assertEqual(self.messages[0], {"key": 345, "params": {"response": "// ECHO 1"}})
        self.assertIn("RESTART", self.ask("gcode/help"))
        self.ask("gcode/restart")
        self.ask("gcode/firmware_restart")
        self.assertEqual(self.host.restarts, [False, True])
        failing = Deferred.fromCoroutine(self.client.request("gcode/script", {"script": "\n?"}))
        self.assertIn("Malformed word '?' in line 2", str(self.failureResultOf(failing, CommandError).value))
        self.assertTrue(self.messages[-1]["params"]["response"].startswith("!! Malformed"))
        said = len(self.messages)
        self.client.close()
        self.dispatcher.output.line("x")
        self.assertEqual(len(self.messages), said)

    def test_remote_methods(self) -> None:
        template = {"action": "run_beep"}
        self.assertEqual(
            self.ask("register_remote_method", remote_method="beep", response_template=template), {}
        )
        self.procedures.remote_methods.call("beep", {"frequency": 300})
        self.assertEqual(self.messages, [{"action": "run_beep", "params": {"frequency": 300}}])
        self.client.close()
        error = self.assertRaises(CommandError, self.procedures.remote_methods.call, "beep", {})
        self.assertIn("'beep' not registered", str(error))
