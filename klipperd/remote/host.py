"""The remote procedures that a host serves in every state: C{info}, C{emergency_stop} and so on."""

import os
import platform
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.gcode.dispatch import Dispatcher
from klipperd.objects.call import param, remote
from klipperd.objects.option import status_field
from klipperd.objects.services import HostControl, HostSettings, Objects
from klipperd.remote.callbacks import RemoteMethods
from klipperd.remote.gcode import GcodeProcedures
from klipperd.remote.objects import ObjectProcedures
from klipperd.remote.procedures import Client, Procedures

__all__ = ["HostProcedures", "Webhooks", "WebhooksStatus", "cpu_info", "install_procedures"]


@frozen
class WebhooksStatus:
    """Status of C{webhooks}."""

    state: str = status_field(doc="startup, ready, shutdown, error or disconnected")
    state_message: str = status_field(doc="what the state means and what to do")


@define(eq=False, repr=False)
class Webhooks:
    """The host's state as a status object."""

    _host: HostControl

    def status(self, eventtime: float) -> WebhooksStatus:
        """The present state."""
        return WebhooksStatus(self._host.state().value, self._host.state_message())


def cpu_info() -> str:
    """Such as C{4 core ARMv7 Processor rev 4 (v7l)}; blocks for a moment."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    names = [value.strip() for key, value in pairs if key.strip().lower() == "model name"]
    return f"{os.cpu_count() or 1} core {names[0] if names else platform.machine()}"


@define(eq=False, repr=False)
class HostProcedures:
    """C{info}, C{emergency_stop}, C{list_endpoints}, C{register_remote_method}."""

    host: HostControl
    settings: HostSettings
    procedures: Procedures
    remote_methods: RemoteMethods
    _cpu_info: str = field(factory=cpu_info, init=False)

    @remote("info")
    async def info(self, *, client_info: Mapping[str, Any] = param(default={})) -> Mapping[str, Any]:
        """System and version information."""
        return {
            "state": self.host.state().value,
            "state_message": self.host.state_message(),
            "hostname": socket.gethostname(),
            "klipper_path": str(Path(__file__).resolve().parents[2]),
            "python_path": sys.executable,
            "process_id": os.getpid(),
            "user_id": os.getuid(),
            "group_id": os.getgid(),
            "log_file": self.settings.log_file,
            "config_file": self.settings.config_file,
            "software_version": self.settings.software_version,
            "cpu_info": self._cpu_info,
        }

    @remote("emergency_stop")
    async def emergency_stop(self) -> Mapping[str, Any]:
        """Shut the printer down at once."""
        self.host.shutdown("Shutdown due to webhooks request")
        return {}

    @remote("list_endpoints")
    async def list_endpoints(self) -> Mapping[str, Any]:
        """The names of all remote procedures."""
        return {"endpoints": self.procedures.names()}

    @remote("register_remote_method", with_client=True)
    async def register_remote_method(
        self,
        client: Client,
        *,
        remote_method: str,
        response_template: Mapping[str, Any] = param(default={}),
    ) -> Mapping[str, Any]:
        """Offer a method that macros can call with action_call_remote_method."""
        self.remote_methods.offer(client, remote_method, response_template)
        return {}


def install_procedures(
    procedures: Procedures,
    host: HostControl,
    settings: HostSettings,
    objects: Objects,
    dispatcher: Dispatcher,
    clock: IReactorTime,
    ticker: IReactorTime,
) -> None:
    """Offer all procedures that don't come and go with the printer. Once for each host.

    C{clock}: the printer's time. C{ticker}: real time, for what people watch.
    """
    procedures.add(HostProcedures(host, settings, procedures, procedures.remote_methods))
    procedures.add(ObjectProcedures(objects, clock, ticker))
    procedures.add(GcodeProcedures(dispatcher))
