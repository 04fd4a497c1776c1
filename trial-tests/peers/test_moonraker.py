"""A stock Moonraker from PyPI on our motion host's socket: it becomes ready and prints a file."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ..appliance.running import RunningAppliance
from .process import PeerServer, free_port
from .venv import peer

SAMPLE = Path(__file__).parents[2] / "config" / "samples" / "twisted-vase.gcode"
CONFIG = """\
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {uds}
[authorization]
trusted_clients: 127.0.0.1
[machine]
provider: none
validate_service: False
"""


class MoonrakerTests(SynchronousTestCase):
    timeout = 900

    def test_ready_and_print(self) -> None:
        program = peer("moonraker", "moonraker==0.11.0", "moonraker")
        appliance = RunningAppliance(60.0)
        self.addCleanup(appliance.clean_up)
        appliance.start()
        # Not below the checkout: Moonraker refuses uploads into the motion host's own folder.
        data = Path(tempfile.mkdtemp(prefix="moonraker-"))
        self.addCleanup(shutil.rmtree, data, ignore_errors=True)
        os.makedirs(data / "config")
        # Both brokers' files are the printer's files: the motion host prints from Moonraker's folder.
        printer_cfg = appliance.data / "config" / "printer.cfg"
        text = printer_cfg.read_text("utf-8").replace(str(appliance.data / "gcodes"), str(data / "gcodes"))
        printer_cfg.write_text(text, "utf-8")
        appliance.call("POST", "/printer/restart")

        def restarted() -> bool:
            settings = appliance.status("configfile").get("configfile", {}).get("settings", {})
            return bool(settings.get("virtual_sdcard", {}).get("path") == str(data / "gcodes"))

        appliance.wait_for("the restart", restarted)
        appliance.wait_state("ready")
        port = free_port()
        (data / "config" / "moonraker.conf").write_text(CONFIG.format(port=port, uds=appliance.uds))
        moonraker = PeerServer([str(program), "-d", str(data)], data / "out.log", f"http://127.0.0.1:{port}")
        self.addCleanup(moonraker.stop)

        def ready() -> bool:
            info = moonraker.call("GET", "/server/info")["result"]
            return bool(info["klippy_connected"] and info["klippy_state"] == "ready")

        moonraker.wait_for("Moonraker to be ready", ready, 60)
        info = moonraker.call("GET", "/server/info")["result"]
        self.assertEqual(info["missing_klippy_requirements"], [])
        self.assertEqual(info["failed_components"], [])
        self.assertEqual(moonraker.call("GET", "/printer/info")["result"]["state"], "ready")
        moonraker.upload("/server/files/upload", SAMPLE, root="gcodes", print="true")

        def complete() -> bool:
            status = moonraker.call("GET", "/printer/objects/query?print_stats")["result"]["status"]
            self.assertNotEqual(status["print_stats"]["state"], "error")
            return bool(status["print_stats"]["state"] == "complete")

        moonraker.wait_for("the end of the print", complete, 300)

        def recorded() -> Any:
            jobs = moonraker.call("GET", "/server/history/list")["result"]["jobs"]
            return next((job for job in jobs if job["status"] == "completed"), None)

        job = moonraker.wait_for("the job in Moonraker's history", recorded, 30)
        self.assertEqual(job["filename"], SAMPLE.name)
        self.assertGreater(job["filament_used"], 300)

        # The printer restarts, and Moonraker notices and comes back.
        moonraker.call("POST", "/printer/restart")
        moonraker.wait_for("Moonraker to be ready again", ready, 60)
