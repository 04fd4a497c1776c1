"""C{[notifier NAME]}: messages to people, by apprise and its hundred services.

Apprise runs in a process of its own, see L{brokerd.integrations.message}.
"""

import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd.encoding import encode
from brokerd.errors import ApiError, BadRequest, NotFound
from brokerd.integrations.house import House
from brokerd.options import option, section
from brokerd.printer.subscriptions import Watcher
from brokerd.programs import ProgramFailed, Programs
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.templates import Template, TemplateError

__all__ = ["COMPONENTS", "build", "job_event"]

shape(
    "Notifier",
    """{
    name: str
    url: str
    events: [str]
    body: str | null
    title: str | null
    attach: str | null
}""",
)

log = Logger()

_EVENTS = ("standby", "started", "paused", "resumed", "complete", "error", "cancelled")
_WORDS = (*_EVENTS, "gcode", "*")
_PATIENCE = 60.0  # seconds that a service may take


def _events(text: str) -> tuple[str, ...]:
    """@raise ValueError: with what was expected."""
    given = tuple(each.strip().lower() for each in text.replace(",", "\n").split("\n") if each.strip())
    if not given or set(given) - set(_WORDS):
        raise ValueError(f"some of {', '.join(_WORDS)}")
    return given


@frozen(kw_only=True)
class NotifierConfig:
    """C{[notifier NAME]}."""

    url: Template = option(secret=True, doc="where to: an apprise URL")
    events: tuple[str, ...] = option(convert=_events, doc="when: events of a job, gcode, or * for all")
    body: Template | None = option(None, doc="text; knows event_name, event_args and event_message")
    body_format: Literal["text", "html", "markdown"] = option("text", doc="how the text is written")
    title: Template | None = option(None, doc="title; knows what the body knows")
    attach: Template | None = option(None, doc="files or URLs to attach, a line each")


section("notifier", NotifierConfig, named=True, optional=True, lenient=True)


def job_event(before: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The event that a change of C{print_stats} is, or None."""
    old, new = before.get("state"), now.get("state")
    if new == "printing":
        if old == "paused":
            return "resumed"
        again = now.get("total_duration", 0.0) < before.get("total_duration", 0.0)
        return "started" if old != "printing" or again else None
    return str(new) if new != old and new in _EVENTS else None


@define(eq=False, repr=False)
class Notifier:
    """One notifier."""

    name: str
    config: NotifierConfig
    _programs: Programs

    def describe(self) -> dict[str, Any]:
        """The notifier as the API shows it; templates are shown as they are written."""
        config = self.config
        return {
            "name": self.name,
            "url": config.url.text,
            "events": list(config.events),
            "body": _text(config.body),
            "title": _text(config.title),
            "attach": _text(config.attach),
        }

    def wants(self, event: str) -> bool:
        """Whether it is for this event of a job."""
        return event in self.config.events or "*" in self.config.events

    async def notify(self, event: str, arguments: list[Any], message: str = "") -> None:
        """Send a message.

        @raise ApiError: if it can't be made or sent.
        """
        context = {"event_name": event, "event_args": arguments, "event_message": message}
        try:
            url = self.config.url.render(**context)
            body = self.config.body.render(**context) if self.config.body is not None else self.name
            title = self.config.title.render(**context) if self.config.title is not None else ""
            attached = self.config.attach.render(**context) if self.config.attach is not None else ""
        except TemplateError as error:
            raise ApiError(f"[notifier {self.name}]: a template failed: {error}", 500) from None
        message_parts = {
            "url": url,
            "body": body,
            "title": title,
            "body_format": self.config.body_format,
            "files": [line.strip() for line in attached.splitlines() if line.strip()],
        }
        try:
            words = (sys.executable, "-m", "brokerd.integrations.message")
            ended = await self._programs.run(*words, content=encode(message_parts), timeout=_PATIENCE)
            failure = ended.check().strip()
        except ProgramFailed as error:
            raise ApiError(f"[notifier {self.name}]: {error}", 502) from None
        if failure:
            raise ApiError(f"[notifier {self.name}]: {failure.splitlines()[-1]}", 502)

    async def notify_or_log(self, event: str, arguments: list[Any], message: str = "") -> None:
        """L{notify}, for when nobody waits."""
        try:
            await self.notify(event, arguments, message)
        except ApiError as error:
            log.warn("{error}", error=error.message)


def _text(template: Template | None) -> str | None:
    return template.text if template is not None else None


_TEST_STATS: Mapping[str, Any] = {
    "print_duration": 0.0,
    "total_duration": 0.0,
    "filament_used": 0.0,
    "filename": "notifier_test.gcode",
    "state": "standby",
    "message": "",
    "info": {"total_layer": None, "current_layer": None},
}


@define(eq=False, repr=False)
class NotifierMethods:
    """C{server.notifiers.*}, and the events of jobs."""

    component: ClassVar[str] = "notifier"
    _house: House
    _notifiers: Mapping[str, Notifier]
    _stats: dict[str, Any] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._house.parts.host.hub.want(Watcher(self._changed), {"print_stats": None})
        self._house.parts.host.follow(self)

    async def host_ready(self) -> None:
        """The subscription brings what there is to know."""

    def host_stopped(self, state: str) -> None:
        """What the host says next is not a change."""
        self._stats = {}

    def _changed(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        if "print_stats" not in status:
            return
        before, now = self._stats, {**self._stats, **status["print_stats"]}
        self._stats = now
        event = job_event(before, now) if before else None
        if event is None:
            return
        for each in self._notifiers.values():
            if each.wants(event):
                work = each.notify_or_log(event, [before, now])
                self._house.parts.chores.spawn(work, f"notifier {each.name}")

    def _find(self, name: str) -> Notifier:
        if name not in self._notifiers:
            raise NotFound(f"there is no notifier {name!r}; there are {', '.join(self._notifiers)}")
        return self._notifiers[name]

    @method(
        "server.notifiers.list",
        "GET /server/notifiers/list",
        result="{notifiers: [Notifier]}",
        permission=Role.OPERATOR,
    )
    async def list_notifiers(self) -> dict[str, Any]:
        """All notifiers."""
        return {"notifiers": [each.describe() for each in self._notifiers.values()]}

    @method(
        "debug.notifiers.test",
        "POST /debug/notifiers/test",
        result='{status: "success", stats: {*: any}}',
        permission=Role.ADMIN,
    )
    async def test(self, name: Annotated[str, "name of the notifier"]) -> dict[str, Any]:
        """Send a message now."""
        await self._find(name).notify("notifier_test", [_TEST_STATS, _TEST_STATS])
        return {"status": "success", "stats": _TEST_STATS}

    async def notify_from_macro(self, name: str, message: str = "") -> None:
        """The remote method C{notify}."""
        found = self._find(name)
        if "gcode" not in found.config.events and "*" not in found.config.events:
            raise BadRequest(f"[notifier {name}] is not for the event gcode")
        await found.notify_or_log("gcode", [], str(message))


COMPONENTS = (NotifierMethods,)


@define(eq=False, repr=False, slots=False)
class _Sending(Service):
    """Ends what is being sent when the broker stops."""

    _programs: Programs

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        return self._programs.cancel()


def build(house: House) -> Iterable[object]:
    """All notifiers that are configured and right."""
    configured = house.parts.settings.sections.named(NotifierConfig)
    programs = Programs(house.parts.reactor)
    notifiers = {name: Notifier(name, config, programs) for name, config in configured.items()}
    if not notifiers:
        return
    methods = NotifierMethods(house, notifiers)
    house.parts.host.offer("notify", methods.notify_from_macro)
    yield methods
    yield _Sending(programs)
