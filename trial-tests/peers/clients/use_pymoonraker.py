"""pymoonraker: typed, so it checks the shapes of what it gets.

Its access.get_api_key is left out: it asks for a method that no broker documents (C{access.api_key}).
"""

import asyncio
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attempts import FILE, attempt_async, report
from pymoonraker import MoonrakerClient
from pymoonraker.events import EventType

SPACES = {
    "access": ("get_user", "list_users", "oneshot_token"),
    "announcements": ("list",),
    "database": ("list_namespaces",),
    "files": ("list", "roots"),
    "history": ("list", "totals"),
    "job_queue": ("status", "pause", "start"),
    "machine": ("proc_stats", "system_info"),
    "printer": ("info", "gcode_help", "objects_list"),
    "server": ("config", "gcode_store", "info", "temperature_store"),
    "update_manager": ("status",),
    "webcams": ("list",),
}


async def main() -> None:
    parts = urlsplit(sys.argv[1])
    async with MoonrakerClient(parts.hostname or "", parts.port or 0, auto_reconnect=False) as client:
        for name, calls in SPACES.items():
            space = getattr(client, name, None)
            for call in calls:
                if space is not None and hasattr(space, call):
                    await attempt_async(f"{name}.{call}", getattr(space, call))
        for call in ("server_info", "printer_info"):
            await attempt_async(call, getattr(client, call))
        heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.on(EventType.GCODE_RESPONSE, lambda *_: None if heard.done() else heard.set_result(True))
        await attempt_async(
            "subscribe_objects", client.subscribe_objects, {"toolhead": None, "print_stats": None}
        )
        await attempt_async("query_objects", client.query_objects, {"heater_bed": None})
        await attempt_async("gcode", client.gcode, "M118 hello")
        await attempt_async("notification", lambda: heard)
        await attempt_async("upload_file", client.upload_file, FILE, Path(sys.argv[2]).read_bytes())
        await attempt_async("files.metadata", client.files.metadata, FILE)
        await attempt_async("download_file", client.download_file, "gcodes", FILE)
    report()


asyncio.run(main())
