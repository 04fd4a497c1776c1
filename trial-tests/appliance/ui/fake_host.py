"""A L{FakePrinter} behind the seam through which the real broker reaches a motion host."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from brokerd.hostlink import ConnectionListener, HostAbsent, HostError, Receive

from .fake_printer import CommandRefused, FakePrinter

__all__ = ["FakeHost"]

_Objects = Mapping[str, list[str] | None]


class FakeHost:
    """A host link (L{brokerd.hostlink.HostLink}) without a host.

    @ivar printer: answers the requests.
    """

    def __init__(self, gcodes: Path) -> None:
        self.printer = FakePrinter(gcodes, self._said, self._changed)
        self._receive: Receive = lambda message: None
        self._listener: ConnectionListener | None = None
        self._subscribed: _Objects = {}
        self._asked: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "info": lambda params: self._info(),
            "list_endpoints": lambda params: {"endpoints": sorted(self._asked)},
            "objects/list": lambda params: {"objects": list(self.printer.status)},
            "objects/query": lambda params: self._query(params["objects"]),
            "objects/subscribe": lambda params: self._subscribe(params["objects"]),
            "gcode/subscribe_output": lambda params: {},
            "register_remote_method": lambda params: {},
            "gcode/script": lambda params: self._run(params["script"]),
            "gcode/restart": lambda params: self._restart(),
            "gcode/firmware_restart": lambda params: self._restart(),
            "emergency_stop": lambda params: self._stop(),
            "pause_resume/pause": lambda params: self.printer.pause(),
            "pause_resume/resume": lambda params: self.printer.resume(),
            "pause_resume/cancel": lambda params: self.printer.cancel(),
        }

    # The seam

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Answer as a motion host does."""
        if self.printer.state == "disconnected":
            raise HostAbsent("there is none")
        try:
            return self._asked[method](params) or {}
        except CommandRefused as error:
            raise HostError(str(error))
        except KeyError:
            raise HostError(f"webhooks: No registered callback for path '{method}'")

    def on_notification(self, receive: Receive) -> None:
        """Where status and G-code responses go."""
        self._receive = receive

    def watch(self, listener: ConnectionListener) -> None:
        """Be connected, unless the printer is said to be absent."""
        self._listener = listener
        if self.printer.state != "disconnected":
            listener.connected()

    def go(self) -> None:
        """Be absent."""
        self.printer.state = "disconnected"
        assert self._listener is not None
        self._listener.disconnected("it went away")

    def come(self) -> None:
        """Be back, and ready."""
        self.printer.state = "ready"
        assert self._listener is not None
        self._listener.connected()

    # What a host does

    def _said(self, text: str) -> None:
        self._receive({"method": "process_gcode_response", "params": {"response": text}})

    def _changed(self, objects: dict[str, dict[str, Any]]) -> None:
        status = self._select(objects, self._subscribed)
        if status:
            params = {"status": status, "eventtime": 1.0}
            self._receive({"method": "process_status_update", "params": params})

    @staticmethod
    def _select(status: Mapping[str, dict[str, Any]], objects: _Objects) -> dict[str, dict[str, Any]]:
        selected = {}
        for name in objects.keys() & status.keys():
            now, fields = status[name], objects[name]
            chosen = now if fields is None else {field: now[field] for field in fields if field in now}
            selected[name] = dict(chosen)
        return selected

    def _info(self) -> dict[str, Any]:
        return {
            "state": self.printer.state,
            "state_message": self.printer.message,
            "hostname": "workbench",
            "software_version": "v0.13.0-1",
            "config_file": "/printer.cfg",
        }

    def _query(self, objects: _Objects) -> dict[str, Any]:
        return {"eventtime": 1.0, "status": self._select(self.printer.status, objects)}

    def _subscribe(self, objects: _Objects) -> dict[str, Any]:
        self._subscribed = objects
        return self._query(objects)

    def _run(self, script: str) -> None:
        printed = re.fullmatch(r'SDCARD_PRINT_FILE FILENAME="(.*)"', script)
        try:
            if printed:
                self.printer.start(printed.group(1))
            else:
                self.printer.run(script)
        except CommandRefused as error:
            self._said(f"!! {error}")
            raise

    def _stop(self) -> None:
        self.printer.shut_down("Shutdown due to webhooks request\nUse FIRMWARE_RESTART to go on.")

    def _restart(self) -> None:
        assert self._listener is not None
        self._subscribed = {}
        self._listener.disconnected("it restarts")
        self.printer.restart()
        self._listener.connected()
