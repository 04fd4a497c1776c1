"""The screen: answers its questions, and passes on what it commands."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from attrs import define, field
from twisted.application.service import Service
from twisted.logger import Logger

from brokerd.encoding import encode
from brokerd.errors import ApiError
from brokerd.integrations.house import House
from brokerd.integrations.paneldue.commands import Command, parse, translate
from brokerd.integrations.paneldue.lines import Lines
from brokerd.integrations.paneldue.status import OBJECTS, PanelStatus, file_information, listing
from brokerd.integrations.serials import SerialLine
from brokerd.printer.subscriptions import Watcher

__all__ = ["Panel", "PanelDevice"]

log = Logger()

_GCODES, _MACROS = "/gcodes", "/macros"
_WAITING = 30  # commands that may wait for the ones before them

Answer = Callable[[dict[str, Any]], None]


@define(eq=False, repr=False)
class Panel:
    """What the screen shows and does, without the line that it is at.

    @ivar send: sends an answer.
    """

    _house: House
    _machine_name: str
    _macros: tuple[str, ...]
    _confirmed: tuple[str, ...]
    send: Answer = field(init=False, default=lambda answer: None)
    status: PanelStatus = field(init=False)
    _message: str = field(init=False, default="")
    _sequence: int = field(init=False, default=0)
    _chosen: str = field(init=False, default="")
    _asked: str = field(init=False, default="")
    _watcher: Watcher = field(init=False)
    _handlers: Mapping[str, Callable[[Command], Awaitable[None]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.status = PanelStatus(self._machine_name)
        self._watcher = Watcher(lambda status, eventtime: self.status.update(status))
        self._handlers = {
            "M408": self._report,
            "M20": self._list_files,
            "M36": self._describe_file,
            "M23": self._choose,
            "M32": self._print,
            "M24": self._start_or_resume,
            "M25": self._pause,
            "M226": self._pause,
            "M0": self._cancel,
            "M2": self._cancel,
            "M30": self._delete,
            "M98": self._macro,
            "M292": self._confirm,
            "M112": self._emergency_stop,
            "M999": self._restart,
        }

    # The printer.

    async def host_ready(self) -> None:
        """Follow what the screen shows."""
        try:
            answer = await self._house.parts.host.request("objects/query", {"objects": {"heaters": None}})
            self.status.found(answer["status"].get("heaters", {}).get("available_heaters", ()))
            heaters = {each: ["temperature", "target"] for each in self.status.heaters}
            known = await self._house.parts.host.hub.subscribe(self._watcher, {**OBJECTS, **heaters})
        except ApiError:
            return  # it is gone again, and will be back
        self.status.update(known["status"])

    def host_stopped(self, state: str) -> None:
        """Say so."""
        self.tell(f"The printer is in the state {state}: {self._house.parts.host.state_message}")

    def response(self, text: str) -> None:
        """A line of output of the motion host."""
        self.tell(text.removeprefix("// ").removeprefix("!! "))

    def tell(self, text: str) -> None:
        """Show a text with the next report."""
        self._message = text
        self._sequence += 1

    async def beep(self, frequency: float = 300.0, duration: float = 1.0) -> None:
        """The remote method C{paneldue_beep}: frequency (Hz), duration (s)."""
        self.send({"beep_freq": int(frequency), "beep_length": int(float(duration) * 1000)})

    # The screen.

    async def run(self, text: str) -> None:
        """Do what a line says."""
        command = parse(text)
        handle = self._handlers.get(command.code, self._pass_on)
        try:
            await handle(command)
        except ApiError as error:
            self.tell(f"Error: {error.message}")

    async def _call(self, method: str, /, **arguments: Any) -> Any:
        return await self._house.call(method, **arguments)

    @property
    def _ready(self) -> bool:
        return self._house.parts.host.state == "ready"

    async def _report(self, command: Command) -> None:
        full = command.words.get("S", "0") not in ("", "0")
        answer = self.status.full(self._ready) if full else self.status.basic(self._ready)
        answer["seq"] = self._sequence
        if self._message:
            answer["resp"], self._message = self._message, ""
        if self._asked:
            answer.update(
                {
                    "msgBox.mode": 2, "msgBox.seq": self._sequence, "msgBox.timeout": 0,
                    "msgBox.controls": 0, "msgBox.title": "Please confirm",
                    "msgBox.msg": f"Run {self._asked}?",
                }
            )  # fmt: skip
        self.send(answer)

    async def _list_files(self, command: Command) -> None:
        folder = command.path.rstrip("/") or _GCODES
        folder = folder.removeprefix("0:")
        if folder == _MACROS:
            self.send(listing(folder, [*self._macros, *self._confirmed]))
            return
        inside = _below(folder)
        found = await self._call("server.files.get_directory", path=f"gcodes/{inside}".rstrip("/"))
        folders = [f"*{each['dirname']}" for each in found["dirs"] if not each["dirname"].startswith(".")]
        self.send(listing(folder, [*sorted(folders), *sorted(each["filename"] for each in found["files"])]))

    async def _describe_file(self, command: Command) -> None:
        name = _below(command.path) or self.status.job
        if not name:
            self.send({"err": 1})
            return
        try:
            metadata = await self._call("server.files.metadata", filename=name)
        except ApiError:
            self.send({"err": 1})
            return
        answer = file_information(name, metadata)
        if name == self.status.job:
            answer["printDuration"] = self.status.seconds
        self.send(answer)

    async def _choose(self, command: Command) -> None:
        self._chosen = _below(command.path)

    async def _print(self, command: Command) -> None:
        await self._call("printer.print.start", filename=_below(command.path))

    async def _start_or_resume(self, command: Command) -> None:
        if self.status.letter(self._ready) == "A":
            await self._call("printer.print.resume")
        elif self._chosen:
            chosen, self._chosen = self._chosen, ""
            await self._call("printer.print.start", filename=chosen)

    async def _pause(self, command: Command) -> None:
        await self._call("printer.print.pause")

    async def _cancel(self, command: Command) -> None:
        await self._call("printer.print.cancel")

    async def _delete(self, command: Command) -> None:
        await self._call("server.files.delete_file", path=f"gcodes/{_below(command.path)}")

    async def _macro(self, command: Command) -> None:
        name = command.path.removeprefix("0:").removeprefix(_MACROS).lstrip("/")
        if name in self._confirmed:
            self._asked = name
            self._sequence += 1
        elif name in self._macros:
            await self._script(name)
        else:
            self.tell(f"Error: there is no macro {name}")

    async def _confirm(self, command: Command) -> None:
        asked, self._asked = self._asked, ""
        if asked and command.words.get("P", "0") in ("", "0"):
            await self._script(asked)

    async def _emergency_stop(self, command: Command) -> None:
        await self._call("printer.emergency_stop")

    async def _restart(self, command: Command) -> None:
        await self._call("printer.firmware_restart")

    async def _pass_on(self, command: Command) -> None:
        script = translate(command, self.status.extruders)
        if script:
            await self._script(script)

    async def _script(self, script: str) -> None:
        restarts = {"RESTART": "printer.restart", "FIRMWARE_RESTART": "printer.firmware_restart"}
        if script.upper() in restarts:
            await self._call(restarts[script.upper()])
        else:
            await self._call("printer.gcode.script", script=script)


def _below(path: str) -> str:
    """A path below the folder of print files."""
    return path.strip().removeprefix("0:").removeprefix(_GCODES).strip("/")


@define(eq=False, repr=False, slots=False)
class PanelDevice(Service):
    """The serial line of the screen."""

    component: ClassVar[str] = "paneldue"
    _house: House
    _panel: Panel
    _device: str
    _baud: int
    _line: SerialLine = field(init=False)
    _lines: Lines = field(init=False, factory=Lines)
    _waiting: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        reactor = self._house.parts.reactor
        self._line = SerialLine(self._device, self._baud, reactor, self._received, self._opened, self._warn)
        self._panel.send = self._send

    def startService(self) -> None:
        super().startService()
        parts = self._house.parts
        parts.host.follow(self._panel)
        parts.host.on_gcode_response(self._panel.response)
        self._line.startService()

    def stopService(self) -> None:
        super().stopService()
        self._line.stopService()

    def _warn(self, text: str) -> None:
        if text:
            self._house.warn("paneldue", f"[paneldue]: {text}")
        else:
            self._house.clear("paneldue")

    def _opened(self) -> None:
        self._lines = Lines()

    def _send(self, answer: dict[str, Any]) -> None:
        self._line.write(encode(answer) + b"\n")

    def _received(self, data: bytes) -> None:
        for text in self._lines.feed(data):
            urgent = text.startswith(("M112", "M408"))
            if self._waiting >= _WAITING and not urgent:
                self._panel.tell("Error: too many commands at once")
                continue
            self._waiting += 1
            self._house.parts.chores.spawn(self._panel.run(text), "a command of the PanelDue", self._done)

    def _done(self) -> None:
        self._waiting -= 1
