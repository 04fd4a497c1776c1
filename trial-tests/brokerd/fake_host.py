"""A small motion host: the documented socket protocol around a dictionary of printer objects.

C{test_fake_host} checks it against the public description; the broker's tests use it in the process
(L{FakeLink}) and over a socket (L{FakeHostServer}).
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory, Protocol

from brokerd.hostlink import ConnectionListener, HostAbsent, HostError, HostLink, Receive

Send = Callable[[dict[str, Any]], None]


def initial_objects() -> dict[str, dict[str, Any]]:
    return {
        "webhooks": {"state": "ready", "state_message": "Printer is ready"},
        "configfile": {"settings": {"printer": {"max_velocity": 300.0}}, "config": {}},
        "heaters": {
            "available_heaters": ["extruder", "heater_bed"],
            "available_sensors": ["extruder", "heater_bed"],
            "available_monitors": [],
        },
        "extruder": {"temperature": 24.999, "target": 0.0, "power": 0.0, "can_extrude": False},
        "heater_bed": {"temperature": 23.0, "target": 0.0, "power": 0.0},
        "toolhead": {"position": [0.0, 0.0, 0.0, 0.0], "print_time": 1.5},
        "virtual_sdcard": {"progress": 0.0, "is_active": False},
        "print_stats": {
            "state": "standby",
            "filename": "",
            "print_duration": 0.0,
            "total_duration": 0.0,
            "filament_used": 0.0,
            "message": "",
        },
        "display_status": {"progress": 0.0, "message": None},
        "pause_resume": {"is_paused": False},
    }


@define(eq=False)
class Client:
    """One connection to the host."""

    send: Send
    wanted: Mapping[str, list[str] | None] = field(factory=dict)
    template: Mapping[str, Any] = field(factory=dict)
    output: Mapping[str, Any] | None = None
    remote: dict[str, Mapping[str, Any]] = field(factory=dict)


@define(eq=False)
class FakeHost:
    """The host itself.

    @ivar requests: all that was asked: (method, params).
    @ivar held: G-code scripts that contain HOLD wait here until the test fires them.
    """

    objects: dict[str, dict[str, Any]] = field(factory=initial_objects)
    clients: list[Client] = field(factory=list)
    requests: list[tuple[str, Mapping[str, Any]]] = field(factory=list)
    held: list[Deferred[None]] = field(factory=list)
    eventtime: float = 100.0

    def connect(self, send: Send) -> Client:
        client = Client(send)
        self.clients.append(client)
        return client

    def asked(self, method: str) -> list[Mapping[str, Any]]:
        return [params for name, params in self.requests if name == method]

    async def handle(self, client: Client, method: str, params: Mapping[str, Any]) -> Any:
        self.requests.append((method, params))
        procedure = getattr(self, "do_" + method.replace("/", "_"), None)
        if procedure is None:
            raise HostError(f"webhooks: No registered callback for path '{method}'")
        return await procedure(client, params)

    async def do_info(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {
            **self.objects["webhooks"],
            "hostname": "fake",
            "klipper_path": "/nowhere",
            "python_path": "/nowhere/python",
            "software_version": "v0.13.0-1",
            "log_file": "/nowhere/klippy.log",
        }

    async def do_list_endpoints(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"endpoints": ["info", "bed_mesh/dump_mesh", "gcode/script", "motion_report/dump_trapq"]}

    async def do_bed_mesh_dump_mesh(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"args": dict(params)}

    async def do_objects_list(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"objects": list(self.objects)}

    def _status(self, wanted: Mapping[str, list[str] | None]) -> dict[str, Any]:
        return {
            name: {f: v for f, v in self.objects[name].items() if fields is None or f in fields}
            for name, fields in wanted.items()
            if name in self.objects
        }

    async def do_objects_query(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"status": self._status(params["objects"]), "eventtime": self.eventtime}

    async def do_objects_subscribe(self, client: Client, params: Mapping[str, Any]) -> Any:
        client.wanted = dict(params["objects"])
        client.template = params.get("response_template", {})
        return {"status": self._status(client.wanted), "eventtime": self.eventtime}

    async def do_gcode_subscribe_output(self, client: Client, params: Mapping[str, Any]) -> Any:
        client.output = params.get("response_template", {})
        return {}

    async def do_register_remote_method(self, client: Client, params: Mapping[str, Any]) -> Any:
        client.remote[params["remote_method"]] = params["response_template"]
        return {}

    async def do_gcode_help(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"STATUS": "Report the printer status"}

    async def do_gcode_script(self, client: Client, params: Mapping[str, Any]) -> Any:
        script = params["script"]
        if "FAIL" in script:
            raise HostError("Must home axis first")
        if "HOLD" in script:
            waiting: Deferred[None] = Deferred()
            self.held.append(waiting)
            await waiting
        if script.startswith("SDCARD_PRINT_FILE"):
            name = script.split('"')[1]
            self.change("print_stats", state="printing", filename=name, total_duration=0.0)
        return {}

    async def do_pause_resume_pause(self, client: Client, params: Mapping[str, Any]) -> Any:
        self.change("print_stats", state="paused")
        return {}

    async def do_pause_resume_resume(self, client: Client, params: Mapping[str, Any]) -> Any:
        self.change("print_stats", state="printing")
        return {}

    async def do_pause_resume_cancel(self, client: Client, params: Mapping[str, Any]) -> Any:
        self.change("print_stats", state="cancelled")
        return {}

    async def do_query_endstops_status(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {"x": "open", "y": "TRIGGERED"}

    async def do_emergency_stop(self, client: Client, params: Mapping[str, Any]) -> Any:
        self.change("webhooks", state="shutdown", state_message="Shutdown due to webhooks request")
        return {}

    async def do_gcode_restart(self, client: Client, params: Mapping[str, Any]) -> Any:
        return {}

    do_gcode_firmware_restart = do_gcode_restart

    def change(self, name: str, **values: Any) -> None:
        """Change fields of an object, and tell those who subscribed to them."""
        self.objects.setdefault(name, {}).update(values)
        self.eventtime += 0.25
        for client in self.clients:
            fields = client.wanted.get(name, [])
            told = {f: v for f, v in values.items() if fields is None or f in fields}
            if told:
                params = {"status": {name: told}, "eventtime": self.eventtime}
                client.send({**client.template, "params": params})

    def say(self, text: str) -> None:
        """G-code output."""
        for client in self.clients:
            if client.output is not None:
                client.send({**client.output, "params": {"response": text}})

    def call_remote(self, name: str, /, **params: Any) -> None:
        """A macro calls a remote method."""
        for client in self.clients:
            if name in client.remote:
                client.send({**client.remote[name], "params": params})


class FakeLink(HostLink):
    """A link in the process; the test connects and disconnects it."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.client: Client | None = None
        self._receivers: list[Receive] = []
        self._listeners: list[ConnectionListener] = []

    def connect(self) -> None:
        self.client = self.host.connect(self._receive)
        for listener in list(self._listeners):
            listener.connected()

    def disconnect(self, reason: str = "gone") -> None:
        if self.client is not None:
            self.host.clients.remove(self.client)
        self.client = None
        for listener in list(self._listeners):
            listener.disconnected(reason)

    def _receive(self, message: dict[str, Any]) -> None:
        for receive in self._receivers:
            receive(message)

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        if self.client is None:
            raise HostAbsent("not connected")
        return await self.host.handle(self.client, method, params)

    def on_notification(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def watch(self, listener: ConnectionListener) -> None:
        self._listeners.append(listener)
        if self.client is not None:
            listener.connected()


class FakeHostProtocol(Protocol):
    """The host's side of a socket."""

    factory: "FakeHostServer"

    def connectionMade(self) -> None:
        self._buffer = b""
        self.client = self.factory.host.connect(self.write)
        self.factory.protocols.append(self)

    def write(self, message: dict[str, Any]) -> None:
        assert self.transport is not None
        self.transport.write(json.dumps(message).encode() + b"\x03")

    def dataReceived(self, data: bytes) -> None:
        *messages, self._buffer = (self._buffer + data).split(b"\x03")
        for text in messages:
            message = json.loads(text)
            ensureDeferred(self._answer(message, self.factory.host.handle))

    async def _answer(self, message: dict[str, Any], handle: Callable[..., Awaitable[Any]]) -> None:
        number = message.get("id")
        try:
            result = await handle(self.client, message["method"], message.get("params", {}))
        except HostError as error:
            self.write({"id": number, "error": {"error": "WebRequestError", "message": error.message}})
        else:
            if number is not None:
                self.write({"id": number, "result": result})

    def connectionLost(self, reason: object = None) -> None:
        self.factory.host.clients.remove(self.client)
        self.factory.protocols.remove(self)


class FakeHostServer(Factory):
    """Serves a L{FakeHost} on a socket."""

    protocol = FakeHostProtocol
    noisy = False

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.protocols: list[FakeHostProtocol] = []
