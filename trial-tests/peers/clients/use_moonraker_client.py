"""moonraker-client: REST calls, the asynchronous websocket, and helpers."""

import asyncio
import sys
from typing import Any

from attempts import FILE, attempt, attempt_async, report
from moonraker_client import AsyncMoonrakerClient, MoonrakerClient
from moonraker_client.helpers import get_printer_status, get_system_health, get_temperatures, is_printing

PLAIN = (
    "access_apikey", "access_info", "access_oneshottoken", "access_user", "access_users_list",
    "debug_database_list", "files_directory", "files_list", "files_roots", "gcode_help",
    "machine_peripherals_serial", "machine_peripherals_usb", "machine_peripherals_video", "machine_procstats",
    "machine_sudo_info", "machine_systeminfo", "machine_update_status", "printer_info",
    "printer_objects_list", "query_endstops", "server_announcements_feeds",
    "server_announcements_list", "server_config", "server_database_list", "server_gcodestore",
    "server_history_list", "server_history_totals", "server_info", "server_jobqueue_pause",
    "server_jobqueue_start", "server_jobqueue_status", "server_temperaturestore", "server_webcams_list",

)  # fmt: skip


def use(client: Any, path: str) -> None:
    for name in PLAIN:
        attempt(name, getattr(client, name))
    attempt("files_upload", client.files_upload, path)
    for name in ("files_metadata", "files_metascan", "files_thumbnails"):
        attempt(name, getattr(client, name), FILE)
    attempt("files_download", client.files_download, "gcodes", FILE)
    attempt("files_create_directory", client.files_create_directory, "gcodes/sub")
    attempt("files_copy", client.files_copy, f"gcodes/{FILE}", "gcodes/sub/copy.gcode")
    attempt("files_move", client.files_move, "gcodes/sub/copy.gcode", "gcodes/sub/moved.gcode")
    attempt("files_zip", client.files_zip, ["gcodes/sub"], "gcodes/sub.zip")
    attempt("files_delete", client.files_delete, "gcodes", "sub/moved.gcode")
    attempt("files_delete_directory", client.files_delete_directory, "gcodes/sub", True)
    attempt("gcode_script", client.gcode_script, "M117 hello")
    attempt("printer_objects_query", client.printer_objects_query, {"toolhead": None, "extruder": ["target"]})
    added = attempt("server_jobqueue_job", client.server_jobqueue_job, [FILE])
    if added:
        number = added["queued_jobs"][-1]["job_id"]
        attempt("server_jobqueue_jump", client.server_jobqueue_jump, number)
        attempt("server_jobqueue_delete", client.server_jobqueue_delete, [number])
    attempt("server_jsonrpc", client.server_jsonrpc, "2.0", "server.info", 5)
    attempt("server_database_compact", client.server_database_compact)
    for call in (get_printer_status, get_temperatures, is_printing, get_system_health):
        attempt(f"helpers.{call.__name__}", call, client)


async def use_socket(url: str) -> None:
    async with AsyncMoonrakerClient(url) as client:
        await attempt_async("async printer_info", client.printer_info)
        await attempt_async("connect_websocket", client.connect_websocket)
        await attempt_async("identify", client.identify, "conformance", "1.0")
        heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on("notify_gcode_response", lambda *_: None if heard.done() else heard.set_result(True))
        await attempt_async(
            "subscribe_objects", client.subscribe_objects, {"toolhead": None, "extruder": None}
        )
        await attempt_async("async gcode_script", client.gcode_script, "M118 hello")
        await attempt_async("notification", lambda: heard)


if __name__ == "__main__":
    with MoonrakerClient(sys.argv[1]) as plain:
        use(plain, sys.argv[2])
    asyncio.run(use_socket(sys.argv[1]))
    report()
