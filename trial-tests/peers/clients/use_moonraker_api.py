"""moonraker-api, which home automation uses: websocket calls and notifications."""

import asyncio
import sys
from typing import Any
from urllib.parse import urlsplit

from attempts import attempt_async, report
from moonraker_api import MoonrakerClient, MoonrakerListener


class Listener(MoonrakerListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self.ready, self.told = asyncio.Event(), asyncio.Event()

    async def state_changed(self, state: str) -> None:
        if state == "ws_connected":
            self.ready.set()

    async def on_exception(self, exception: BaseException) -> None:
        raise exception

    async def on_notification(self, method: str, data: Any) -> None:
        if method == "notify_gcode_response":
            self.told.set()


async def main() -> None:
    parts, listener = urlsplit(sys.argv[1]), Listener()
    client = MoonrakerClient(listener, parts.hostname or "", parts.port or 0)
    await attempt_async("connect", client.connect)
    await attempt_async("state connected", listener.ready.wait)
    for name in (
        "get_host_info",
        "get_klipper_status",
        "get_server_info",
        "get_supported_modules",
        "get_websocket_id",
    ):
        await attempt_async(name, getattr(client, name))
    for method, given in (
        ("printer.info", {}), ("printer.objects.list", {}), ("server.files.list", {"root": "gcodes"}),
        ("printer.objects.subscribe", {"objects": {"print_stats": None, "toolhead": None}}),
        ("machine.system_info", {}), ("server.history.totals", {}),
        ("server.webcams.list", {}), ("printer.gcode.script", {"script": "M118 hello"}),
    ):  # fmt: skip
        await attempt_async(method, client.call_method, method, **given)
    await attempt_async("notification", listener.told.wait)
    await attempt_async("disconnect", client.disconnect)
    report()


asyncio.run(main())
