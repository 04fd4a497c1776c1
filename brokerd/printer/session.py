"""The broker's conversation with a motion host: introduce itself, follow its state, pass on what it says."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd import SERVER_VERSION
from brokerd.chores import Chores
from brokerd.errors import ApiError, BadRequest, HostUnavailable
from brokerd.hostlink import HostAbsent, HostError, HostLink
from brokerd.notifications import Broadcaster, notification
from brokerd.printer.presence import Presence, host_presence
from brokerd.printer.subscriptions import StatusHub, Watcher

__all__ = ["HostListener", "HostSession"]

log = Logger()

_POLL_PERIOD = 0.25  # seconds between two looks at a host that starts
_REQUIRED = ("virtual_sdcard", "display_status", "pause_resume")

KLIPPY_READY = notification("notify_klippy_ready", "the motion host is ready for commands", params=())
KLIPPY_SHUTDOWN = notification("notify_klippy_shutdown", "the motion host has shut down", params=())
KLIPPY_DISCONNECTED = notification(
    "notify_klippy_disconnected", "the motion host is gone or restarts", params=()
)

RemoteMethod = Callable[..., Coroutine[Deferred[Any], Any, None]]


class HostListener(Protocol):
    """A part of the broker that follows the motion host."""

    def host_ready(self) -> Coroutine[Deferred[Any], Any, None]:
        """The host became ready; its objects are known."""

    def host_stopped(self, state: str) -> None:
        """It is no longer ready: C{state} is shutdown, error or disconnected."""


@define(eq=False, repr=False, slots=False)
class HostSession(Service):
    """All that the broker knows of its motion host, and its one way to ask it.

    @ivar state: disconnected, startup, ready, shutdown or error.
    @ivar present: whether it can be asked at all.
    @ivar info: the host's last answer to C{info}.
    @ivar endpoints: remote procedures that the host offers.
    @ivar objects: names of its printer objects.
    @ivar hub: subscriptions to its status.
    @ivar _label: what the log calls it.
    """

    _link: HostLink
    _clock: IReactorTime
    _broadcaster: Broadcaster
    _chores: Chores = field(factory=Chores)
    _label: str = "the motion host"
    state: str = field(init=False, default="disconnected")
    state_message: str = field(init=False, default="the motion host is not connected")
    info: Mapping[str, Any] = field(init=False, factory=dict)
    endpoints: frozenset[str] = field(init=False, default=frozenset())
    objects: tuple[str, ...] = field(init=False, default=())
    present: bool = field(init=False, default=False)
    hub: StatusHub = field(init=False)
    _presence: Presence = field(init=False)
    _listeners: list[HostListener] = field(init=False, factory=list)
    _messages: dict[str, Callable[[Mapping[str, Any]], None]] = field(init=False, factory=dict)
    _remote_methods: list[str] = field(init=False, factory=list)
    _outputs: list[Callable[[str], None]] = field(init=False, factory=list)
    _polling: Deferred[None] | None = field(init=False, default=None)
    _greeting: bool = field(init=False, default=False)
    _watching: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self.hub = StatusHub(self._subscribe)
        self._presence = host_presence(self)
        self._messages["process_status_update"] = self._status_update
        self._messages["process_gcode_response"] = self._gcode_response
        self.hub.want(Watcher(self._webhooks_changed), {"webhooks": ["state", "state_message"]})

    def startService(self) -> None:
        super().startService()
        if not self._watching:
            self._watching = True
            self._link.on_notification(self._notified)
            self._link.watch(self)

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        self._stop_polling()
        return None

    def follow(self, listener: HostListener) -> None:
        """Tell C{listener} when the host becomes ready or is gone."""
        self._listeners.append(listener)

    def on_gcode_response(self, receive: Callable[[str], None]) -> None:
        """Pass each line of G-code output to C{receive}."""
        self._outputs.append(receive)

    def offer(self, name: str, call: RemoteMethod) -> None:
        """Let the host's macros call C{call} as the remote method C{name}."""
        self._remote_methods.append(name)
        self._messages[name] = lambda params: self._chores.spawn(
            _called(name, call, params), f"remote method {name}"
        )

    async def offer_now(self, name: str, call: RemoteMethod) -> None:
        """Like L{offer}, but tell a host that is there already, too.

        @raise BadRequest: if the name is taken.
        """
        if name in self._messages:
            raise BadRequest(f"the remote method {name!r} is there already")
        self.offer(name, call)
        if self.present and not self._greeting:
            template = {"method": name}
            await self._try("register_remote_method", {"remote_method": name, "response_template": template})

    def withdraw(self, name: str) -> None:
        """No longer serve a remote method."""
        self._remote_methods = [each for each in self._remote_methods if each != name]
        self._messages.pop(name, None)

    @property
    def missing(self) -> list[str]:
        """Printer objects that clients need and that the host lacks; empty while nothing is known.

        A host in C{error} could not build all that its configuration asks for, which says nothing of that.
        """
        known = self.objects and self.state in ("ready", "shutdown")
        return [name for name in _REQUIRED if name not in self.objects] if known else []

    async def request(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Ask the host.

        @raise HostUnavailable: if it is absent.
        @raise BadRequest: with its words, if it refuses.
        """
        try:
            return await self._link.request(method, params or {})
        except HostAbsent as error:
            raise HostUnavailable(f"Klippy Host not connected: {error.message}")
        except HostError as error:
            raise BadRequest(error.message)

    # What the link says.

    def connected(self) -> None:
        self.present = True
        self._note("startup", "the motion host is starting")
        self._presence.connected()

    def disconnected(self, reason: str) -> None:
        self.present = False
        self.endpoints, self.objects = frozenset(), ()
        self._note("disconnected", f"the motion host is not connected: {reason}")
        self._presence.disconnected()

    def _notified(self, message: dict[str, Any]) -> None:
        receive = self._messages.get(str(message.get("method")))
        if receive is not None:
            receive(message.get("params") or {})

    def _status_update(self, params: Mapping[str, Any]) -> None:
        self.hub.update(params.get("status", {}), params.get("eventtime", 0.0))

    def _gcode_response(self, params: Mapping[str, Any]) -> None:
        for receive in self._outputs:
            receive(str(params.get("response", "")))

    def _webhooks_changed(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        webhooks = status.get("webhooks", {})
        if self._greeting:
            return  # the conversation at the start ends with a report of its own
        self._reported(
            str(webhooks.get("state", self.state)), str(webhooks.get("state_message", self.state_message))
        )

    def _note(self, state: str, message: str) -> None:
        self.state, self.state_message = state, message

    def _reported(self, state: str, message: str) -> None:
        self._note(state, message)
        if state == "startup":
            self._presence.was_starting()
        elif state == "ready":
            self._presence.was_ready()
        else:
            self._presence.was_stopped()

    # What follows from a change of presence.

    def began(self) -> None:
        self._start_polling()

    def became_ready(self) -> None:
        log.info("{label} is ready", label=self._label)
        for listener in self._listeners:
            self._chores.spawn(listener.host_ready(), "a listener to the motion host")
        self._broadcaster.send(KLIPPY_READY)

    def stopped(self) -> None:
        log.warn(
            "{label} is in {state}: {message}",
            label=self._label,
            state=self.state,
            message=self.state_message,
        )
        self._tell_stopped(self.state)
        if self.state == "shutdown":
            self._broadcaster.send(KLIPPY_SHUTDOWN)

    def left(self) -> None:
        self._stop_polling()
        self._tell_stopped("disconnected")
        self._broadcaster.send(KLIPPY_DISCONNECTED)

    def _tell_stopped(self, state: str) -> None:
        for listener in self._listeners:
            listener.host_stopped(state)

    # The conversation when the host starts.

    def _start_polling(self) -> None:
        self._stop_polling()
        polling = self._polling = Deferred.fromCoroutine(self._poll())
        polling.addErrback(self._poll_failed)

    def _stop_polling(self) -> None:
        polling, self._polling = self._polling, None
        if polling is not None:
            polling.cancel()

    def _poll_failed(self, failure: Any) -> None:
        if failure.check(CancelledError, HostAbsent) is None:
            log.failure("talking to the motion host", failure)

    async def _poll(self) -> None:
        """Ask until the host has started, introduce ourselves, and say what it became."""
        self._greeting = True
        client = {"program": "brokerd", "version": SERVER_VERSION}
        state = "startup"
        while state == "startup":
            self.info = await self._link.request("info", {"client_info": client})
            state = str(self.info.get("state", "error"))
            self._note("startup", str(self.info.get("state_message", "")))
            if state == "startup":
                await deferLater(self._clock, _POLL_PERIOD)
                continue
            await self._introduce()
            state = str(self.hub.known("webhooks").get("state", state))
        message = self.hub.known("webhooks").get("state_message", self.info.get("state_message", ""))
        self._greeting = False
        self._reported(state, str(message))

    async def _introduce(self) -> None:
        self.endpoints = frozenset((await self._try("list_endpoints")).get("endpoints", ()))
        await self._try("gcode/subscribe_output", {"response_template": {"method": "process_gcode_response"}})
        for name in self._remote_methods:
            template = {"method": name}
            await self._try("register_remote_method", {"remote_method": name, "response_template": template})
        self.objects = tuple((await self._try("objects/list")).get("objects", ()))
        try:
            await self.hub.restore()
        except BadRequest as error:
            log.warn("no subscription at {label}: {error}", label=self._label, error=error.message)

    async def _try(self, method: str, params: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """The answer, or an empty one if the host refuses (in its error state it offers less)."""
        try:
            answer = await self._link.request(method, params or {})
        except HostAbsent:
            raise
        except HostError as error:
            log.warn(
                "{label} refuses {method}: {error}",
                label=self._label,
                method=method,
                error=error.message,
            )
            return {}
        return answer if isinstance(answer, Mapping) else {}

    async def _subscribe(self, objects: Mapping[str, Any]) -> Mapping[str, Any]:
        template = {"method": "process_status_update"}
        answer = await self.request("objects/subscribe", {"objects": objects, "response_template": template})
        return {"status": answer.get("status", {}), "eventtime": answer.get("eventtime", 0.0)}


async def _called(name: str, call: RemoteMethod, params: Mapping[str, Any]) -> None:
    """A macro calls a remote method; nobody takes an answer, so a refusal is only logged."""
    try:
        await call(**params)
    except ApiError as error:
        log.warn("the remote method {name}: {error}", name=name, error=error.message)
    except TypeError as error:
        log.warn(
            "the remote method {name} was called with {params}: {error}",
            name=name,
            params=params,
            error=error,
        )
