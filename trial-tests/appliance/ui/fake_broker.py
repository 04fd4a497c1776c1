"""The part of the broker that the page talks to, around a L{FakePrinter}: a verified fake."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny, ConnectionRequest
from twisted.internet.interfaces import IListeningPort, IReactorTCP
from twisted.web.http import Request
from twisted.web.resource import NoResource, Resource
from twisted.web.server import Site
from twisted.web.static import File

from .fake_printer import CommandRefused, FakePrinter
from .sample import FACTS, GCODE, png

__all__ = ["PAGE", "FakeBroker"]

PAGE = Path(__file__).parents[3] / "appliance" / "ui"
_POLICY = b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
_HISTORY = 1200


class _Client(WebSocketServerProtocol):
    """One page's websocket."""

    factory: "_Clients"

    def onConnect(self, request: ConnectionRequest) -> None:
        if self.factory.refuse:
            raise ConnectionDeny(503)

    def onOpen(self) -> None:
        self.subscribed: dict[str, list[str] | None] = {}
        self.factory.clients.append(self)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self in self.factory.clients:
            self.factory.clients.remove(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        request = json.loads(payload)
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = self.factory.broker.answer(self, request["method"], request.get("params", {}))
        except CommandRefused as error:
            answer["error"] = {"code": 400, "message": str(error)}
        except LookupError as error:
            answer["error"] = {"code": -32601, "message": f"Method not found: {error}"}
        self.tell(answer)

    def tell(self, message: dict[str, Any]) -> None:
        self.sendMessage(json.dumps(message).encode())


class _Clients(WebSocketServerFactory):
    """Every page that is connected."""

    protocol = _Client

    def __init__(self, broker: "FakeBroker") -> None:
        super().__init__()
        self.broker = broker
        self.clients: list[_Client] = []
        self.refuse = False


class _Policed(File):
    """The page's files, under a strict policy as the real broker may set one."""

    contentTypes = {**File.contentTypes, ".js": "text/javascript", ".svg": "image/svg+xml"}

    def render_GET(self, request: Request) -> Any:
        request.setHeader(b"content-security-policy", _POLICY)
        request.setHeader(b"cache-control", b"no-store")
        return super().render_GET(request)


class _Upload(Resource):
    """POST /server/files/upload"""

    isLeaf = True

    def __init__(self, broker: "FakeBroker") -> None:
        super().__init__()
        self._broker = broker

    def render_POST(self, request: Request) -> bytes:
        request.setHeader(b"content-type", b"application/json")
        refusal = self._broker.refuse_upload
        if refusal is not None:
            request.setResponseCode(refusal[0])
            return json.dumps({"error": {"code": refusal[0], "message": refusal[1]}}).encode()
        body = request.content.read()
        head, _, rest = body[body.index(b'name="file"') :].partition(b"\r\n\r\n")
        found = re.search(rb'filename="([^"]+)"', head)
        assert found is not None
        name = found.group(1).decode()
        self._broker.add_file(name, rest[: rest.rindex(b"\r\n--")])
        request.setResponseCode(201)
        item = {"path": name, "root": "gcodes", "size": len(rest), "modified": 0.0, "permissions": "rw"}
        answer = {"item": item, "print_started": False, "print_queued": False, "action": "create_file"}
        return json.dumps(answer).encode()


class _Stop(Resource):
    """POST /printer/emergency_stop"""

    isLeaf = True

    def __init__(self, broker: "FakeBroker") -> None:
        super().__init__()
        self._broker = broker

    def render_POST(self, request: Request) -> bytes:
        self._broker.emergency_stop()
        return b'{"result": "ok"}'


class FakeBroker:
    """Serves the page and a printer.

    @ivar refuse_upload: status and message with which uploads are refused, or C{None}.
    @ivar metadata: what is known of files beyond size and date, by path.
    @ivar url: where it listens.
    @ivar curves: what the temperature store has of a sensor, if not its present temperature all along.
    @ivar asked: the methods that were called, in order.
    """

    def __init__(self, gcodes: Path) -> None:
        self.gcodes = gcodes
        self.refuse_upload: tuple[int, str] | None = None
        self.metadata: dict[str, dict[str, Any]] = {}
        self.store: list[dict[str, Any]] = []
        self.curves: dict[str, list[float]] = {}
        self.asked: list[str] = []
        self.printer = FakePrinter(gcodes, self.say, self._changed)
        self._clients = _Clients(self)
        self._methods: dict[str, Callable[[_Client, dict[str, Any]], Any]] = {
            "server.connection.identify": lambda client, params: {"connection_id": id(client)},
            "server.info": lambda client, params: self._server_info(),
            "server.temperature_store": lambda client, params: self._temperatures(),
            "server.gcode_store": lambda client, params: {"gcode_store": self.store},
            "server.files.list": lambda client, params: self._files(),
            "server.files.metadata": lambda client, params: self._metadata(params["filename"]),
            "printer.info": lambda client, params: self._printer_info(),
            "printer.objects.query": lambda client, params: self._query(params["objects"]),
            "printer.objects.subscribe": self._subscribe,
            "printer.gcode.script": lambda client, params: self._run(params["script"]),
            "printer.print.start": lambda client, params: self.printer.start(params["filename"]) or "ok",
            "printer.print.pause": lambda client, params: self.printer.pause() or "ok",
            "printer.print.resume": lambda client, params: self.printer.resume() or "ok",
            "printer.print.cancel": lambda client, params: self.printer.cancel() or "ok",
            "printer.emergency_stop": lambda client, params: self.emergency_stop(),
            "printer.restart": lambda client, params: self._restart(),
            "printer.firmware_restart": lambda client, params: self._restart(),
        }

    # Serving

    def listen(self, reactor: IReactorTCP) -> IListeningPort:
        """Serve on a free port of localhost."""
        root = _Policed(str(PAGE))
        root.putChild(b"websocket", WebSocketResource(self._clients))
        server, files, printer = Resource(), Resource(), Resource()
        root.putChild(b"server", server)
        root.putChild(b"printer", printer)
        server.putChild(b"files", files)
        files.putChild(b"upload", _Upload(self))
        files.putChild(b"gcodes", File(str(self.gcodes)))
        printer.putChild(b"emergency_stop", _Stop(self))
        root.childNotFound = NoResource()
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.url = f"http://127.0.0.1:{port.getHost().port}/"
        return port

    def remove_host(self) -> None:
        """The motion host goes away."""
        self.printer.state = "disconnected"
        self.notify("notify_klippy_disconnected")

    def add_host(self) -> None:
        """It comes back, ready."""
        self.printer.state = "ready"
        self.notify("notify_klippy_ready")

    def refuse_clients(self, refuse: bool) -> None:
        """Cut every connection and let none be made, as a network that is down; or be reachable again."""
        self._clients.refuse = refuse
        if refuse:
            self.drop_clients()

    def drop_clients(self) -> None:
        """Cut every connection, as a broker does that is restarted."""
        for client in list(self._clients.clients):
            client.dropConnection(abort=True)

    def answer(self, client: _Client, method: str, params: dict[str, Any]) -> Any:
        """The result of a method.

        @raise LookupError: if there is no such method.
        @raise CommandRefused: if the printer refuses.
        """
        self.asked.append(method)
        return self._methods[method](client, params)

    def notify(self, method: str, *params: Any) -> None:
        """Tell every page."""
        for client in self._clients.clients:
            client.tell({"jsonrpc": "2.0", "method": method, **({"params": list(params)} if params else {})})

    def say(self, text: str) -> None:
        """A line of G-code response."""
        self.store.append({"message": text, "time": 1.7e9, "type": "response"})
        self.notify("notify_gcode_response", text)

    def _changed(self, objects: dict[str, Any]) -> None:
        for client in self._clients.clients:
            wanted = {name: fields for name, fields in objects.items() if name in client.subscribed}
            if wanted:
                client.tell({"jsonrpc": "2.0", "method": "notify_status_update", "params": [wanted, 1.0]})

    # Methods

    def _server_info(self) -> dict[str, Any]:
        return {
            "klippy_connected": self.printer.state != "disconnected",
            "klippy_state": self.printer.state,
            "components": [],
            "failed_components": [],
            "registered_directories": ["config", "gcodes", "logs"],
            "warnings": [],
            "websocket_count": len(self._clients.clients),
            "moonraker_version": "v0.11.0-0",
            "api_version": [1, 5, 0],
            "api_version_string": "1.5.0",
        }

    def _printer_info(self) -> dict[str, Any]:
        return {
            "state": self.printer.state,
            "state_message": self.printer.message,
            "hostname": "workbench",
            "software_version": "v0.13.0-1",
        }

    def _query(self, objects: dict[str, list[str] | None]) -> dict[str, Any]:
        status = {}
        for name in objects.keys() & self.printer.status.keys():
            now, fields = self.printer.status[name], objects[name]
            status[name] = now if fields is None else {field: now[field] for field in fields if field in now}
        return {"eventtime": 1.0, "status": status}

    def _subscribe(self, client: _Client, params: dict[str, Any]) -> dict[str, Any]:
        client.subscribed = params["objects"]
        return self._query(params["objects"])

    def _run(self, script: str) -> str:
        self.store.append({"message": script, "time": 1.7e9, "type": "command"})
        try:
            self.printer.run(script)
        except CommandRefused as error:
            self.say(f"!! {error}")
            raise
        return "ok"

    def emergency_stop(self) -> str:
        """Shut the printer down."""
        self.printer.shut_down("Shutdown due to webhooks request\nUse FIRMWARE_RESTART to go on.")
        self.notify("notify_klippy_shutdown")
        return "ok"

    def _restart(self) -> str:
        self.printer.restart()
        self.notify("notify_klippy_disconnected")
        self.notify("notify_klippy_ready")
        return "ok"

    def add_file(self, name: str, content: bytes, **metadata: Any) -> None:
        """Put a file among the gcodes. Only the sample print is understood; of others C{metadata} tells."""
        (self.gcodes / name).write_bytes(content)
        self.metadata[name] = metadata or (FACTS if content == GCODE else {})
        for width in re.findall(rb"^; thumbnail begin (\d+)x", content, re.MULTILINE):
            self._add_thumbnail(name, int(width))
        item = {"path": name, "root": "gcodes"}
        self.notify("notify_filelist_changed", {"action": "create_file", "item": item})

    def _add_thumbnail(self, name: str, width: int) -> None:
        (self.gcodes / ".thumbs").mkdir(exist_ok=True)
        path = f".thumbs/{Path(name).stem}-{width}x{width}.png"
        (self.gcodes / path).write_bytes(png(width))
        thumbnails = self.metadata.setdefault(name, {}).setdefault("thumbnails", [])
        thumbnails.append({"width": width, "height": width, "size": len(png(width)), "relative_path": path})

    def _files(self) -> list[dict[str, Any]]:
        files = ((path.name, path.stat()) for path in self.gcodes.glob("*.gcode"))
        return [
            {"path": name, "modified": stat.st_mtime, "size": stat.st_size, "permissions": "rw"}
            for name, stat in files
        ]

    def _metadata(self, filename: str) -> dict[str, Any]:
        path = self.gcodes / filename
        if not path.is_file():
            raise CommandRefused(f"Metadata not available for <{filename}>")
        stat = path.stat()
        known = self.metadata.get(filename, {})
        return {"size": stat.st_size, "modified": stat.st_mtime, "filename": filename, **known}

    def _temperatures(self) -> dict[str, Any]:
        store: dict[str, Any] = {}
        for name in self.printer.status["heaters"]["available_sensors"]:
            now = self.printer.status[name]
            store[name] = {"temperatures": self.curves.get(name, [now["temperature"]] * _HISTORY)}
            if "target" in now:
                store[name]["targets"] = [now["target"]] * _HISTORY
        return store
