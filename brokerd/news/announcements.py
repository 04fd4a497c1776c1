"""C{server.announcements.*}: news for the user, until they are dismissed."""

import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.database import namespaces
from brokerd.database.store import Database
from brokerd.errors import BadRequest, Forbidden, NotFound
from brokerd.http_client import HttpClient, HttpFailure
from brokerd.news.feed import FeedError, parse_feed
from brokerd.notifications import Broadcaster, notification
from brokerd.options import option, section
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.threads import WorkerThreads

__all__ = ["AnnouncementMethods", "AnnouncementsConfig"]

shape(
    "Announcement",
    """{
    entry_id: str
    url: str
    title: str
    description: str
    priority: str
    date: num  # Unix time (s)
    source: "moonlight" | "internal"
    feed: str
    dismissed: bool
    date_dismissed: num | null
    dismiss_wake: num | null  # s until it is shown again
}""",
)

log = Logger()

UPDATED = notification(
    "notify_announcement_update", "announcements came or went", params=("{entries: [Announcement]}",)
)
DISMISSED = notification(
    "notify_announcement_dismissed", "an announcement was dismissed", params=("{entry_id: str}",)
)
WOKE = notification(
    "notify_announcement_wake", "a dismissed announcement is shown again", params=("{entry_id: str}",)
)
_NAMESPACE = "announcements"
_FEEDS = ("moonraker", "announcement_feeds")
_PERIOD = 30 * 60.0  # seconds
_FIRST = 90.0  # seconds after the start: first things first
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
FeedName = Annotated[str, "name of a feed"]


@frozen
class AnnouncementsConfig:
    """C{[announcements]}: news for the user."""

    subscriptions: list[str] = option((), doc="feeds besides 'moonraker' and 'klipper'")
    enable_moonlight: bool = option(True, doc="fetch feeds from the web")
    feed_url: str = option(
        "https://arksine.github.io/moonlight/assets/{name}.xml",
        doc="where a feed is; {name} stands for its name",
    )
    dev_mode: bool = option(False, doc="read feeds from the folder DATA/development/announcement_xml instead")


section("announcements", AnnouncementsConfig)


@define(eq=False, repr=False, slots=False)
class AnnouncementMethods(Service):
    """Announcements.

    @ivar _now: Unix time (s).
    """

    component: ClassVar[str] = "announcements"
    _config: AnnouncementsConfig
    _data: Path
    _reactor: Any
    _http: HttpClient
    _threads: WorkerThreads
    _database: Database
    _broadcaster: Broadcaster
    _chores: Chores
    _now: Callable[[], float]
    _entries: dict[str, dict[str, Any]] = field(init=False, factory=dict)
    _added: list[str] = field(init=False, factory=list)
    _waking: dict[str, IDelayedCall] = field(init=False, factory=dict)
    _fetching: LoopingCall = field(init=False)
    _loading: DeferredLock = field(init=False, factory=DeferredLock)
    _loaded: bool = field(init=False, default=False)
    _first: IDelayedCall | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._fetching = LoopingCall(lambda: Deferred.fromCoroutine(self._fetch_quietly()))
        self._fetching.clock = self._reactor

    def startService(self) -> None:
        super().startService()
        self._chores.spawn(self._begin(), "loading announcements")

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        for waking in self._waking.values():
            waking.cancel()
        self._waking.clear()
        if self._first is not None and self._first.active():
            self._first.cancel()
        if self._fetching.running:
            self._fetching.stop()
        return None

    async def _begin(self) -> None:
        await self._load()
        if self.running and (self._config.enable_moonlight or self._config.dev_mode):
            self._first = self._reactor.callLater(_FIRST, self._fetching.start, _PERIOD)

    async def _load(self) -> None:
        """What earlier runs kept; once. Feeds are compared with that, so nothing is fetched before it."""
        await self._loading.acquire()
        try:
            if not self._loaded:
                await self._take_up()
                self._loaded = True
        finally:
            self._loading.release()

    async def _take_up(self) -> None:
        stored = await self._database.run(lambda db: namespaces.read_all(db, _NAMESPACE))
        self._entries = {**stored, **self._entries}
        added = await self._database.run(lambda db: namespaces.read_all(db, _FEEDS[0]).get(_FEEDS[1], []))
        self._added = [*added, *self._added]
        for entry_id, entry in self._entries.items():
            self._plan_waking(entry_id, entry)

    @property
    def _subscribed(self) -> list[str]:
        return list(dict.fromkeys(("moonraker", "klipper", *self._config.subscriptions, *self._added)))

    def _shown(self, include_dismissed: bool = True) -> list[dict[str, Any]]:
        entries = [_public(each, self._now()) for each in self._entries.values()]
        entries = [each for each in entries if include_dismissed or not each["dismissed"]]
        return sorted(entries, key=lambda each: float(each["date"]), reverse=True)

    # News of the broker itself.

    async def announce(
        self, title: str, description: str, url: str = "", priority: str = "normal", feed: str = "brokerd"
    ) -> str:
        """Announce something; returns the identifier of the announcement."""
        entry = {
            "entry_id": f"{feed}/{uuid.uuid4().hex}",
            "url": url,
            "title": title,
            "description": description,
            "priority": priority,
            "date": self._now(),
            "source": "internal",
            "feed": feed,
        }
        await self._keep(entry)
        self._broadcaster.send(UPDATED, {"entries": self._shown()})
        return str(entry["entry_id"])

    async def withdraw(self, entry_id: str) -> None:
        """Remove an announcement of the broker itself."""
        if await self._drop([entry_id]):
            self._broadcaster.send(UPDATED, {"entries": self._shown()})

    # Feeds.

    async def _fetch_quietly(self) -> None:
        for problem in (await self._fetch())[1]:
            log.info("no announcements: {problem}", problem=problem)

    async def _fetch(self) -> tuple[bool, list[str]]:
        """Read all feeds; whether anything changed, and what went wrong."""
        await self._load()
        changed, problems = False, []
        for feed in self._subscribed:
            try:
                content = await self._content(feed)
                entries = await self._threads.run(parse_feed, content, feed)
            except (HttpFailure, FeedError, OSError) as error:
                problems.append(f"{feed}: {error}")
                continue
            changed |= await self._take(feed, {each["entry_id"]: each for each in entries})
        if changed:
            self._broadcaster.send(UPDATED, {"entries": self._shown()})
        return changed, problems

    async def _content(self, feed: str) -> bytes:
        if self._config.dev_mode:
            path = self._data / "development" / "announcement_xml" / f"{feed}.xml"
            return await self._threads.run(path.read_bytes)
        url = self._config.feed_url.replace("{name}", feed)
        return (await self._http.get(url, longest=1024 * 1024)).check().content

    async def _take(self, feed: str, entries: Mapping[str, Mapping[str, Any]]) -> bool:
        """Let a feed have these entries, and no others."""
        mine = [
            each for each, old in self._entries.items() if old["feed"] == feed and old["source"] != "internal"
        ]
        changed = await self._drop([each for each in mine if each not in entries])
        for entry_id, entry in entries.items():
            before = self._entries.get(entry_id, {})
            merged = {**before, **entry}
            if merged != before:
                await self._keep(merged)
                changed = True
        return changed

    async def _keep(self, entry: dict[str, Any]) -> None:
        self._entries[entry["entry_id"]] = entry
        await self._database.run(lambda db: namespaces.put(db, _NAMESPACE, entry["entry_id"], entry))

    async def _drop(self, entry_ids: list[str]) -> bool:
        gone = [each for each in entry_ids if self._entries.pop(each, None) is not None]
        for each in gone:
            self._stop_waking(each)
        if gone:
            await self._database.run(
                lambda db: db.executemany(
                    "DELETE FROM items WHERE namespace = ? AND key = ?", [(_NAMESPACE, each) for each in gone]
                )
            )
        return bool(gone)

    # Sleep.

    def _plan_waking(self, entry_id: str, entry: Mapping[str, Any]) -> None:
        self._stop_waking(entry_id)
        wake = entry.get("wake")
        if entry.get("date_dismissed") is not None and wake is not None and self.running:
            delay = max(0.0, float(wake) - self._now())
            self._waking[entry_id] = self._reactor.callLater(delay, self._woke, entry_id)

    def _stop_waking(self, entry_id: str) -> None:
        waking = self._waking.pop(entry_id, None)
        if waking is not None and waking.active():
            waking.cancel()

    def _woke(self, entry_id: str) -> None:
        del self._waking[entry_id]
        entry = {**self._entries[entry_id], "date_dismissed": None, "wake": None}
        self._chores.spawn(self._keep(entry), "waking an announcement")
        self._broadcaster.send(WOKE, {"entry_id": entry_id})

    # The methods.

    @method(
        "server.announcements.list",
        "GET /server/announcements/list",
        result="{entries: [Announcement], feeds: [str]}",
        permission=Role.VIEWER,
    )
    async def list_entries(
        self, include_dismissed: Annotated[bool, "with those that were dismissed"] = True
    ) -> dict[str, Any]:
        """The announcements, newest first."""
        return {"entries": self._shown(include_dismissed), "feeds": self._subscribed}

    @method(
        "server.announcements.update",
        "POST /server/announcements/update",
        result="{entries: [Announcement], modified: bool}",
    )
    async def update(self) -> dict[str, Any]:
        """Read all feeds now."""
        modified = False
        if self._config.enable_moonlight or self._config.dev_mode:
            modified, problems = await self._fetch()
            for problem in problems:
                log.info("no announcements: {problem}", problem=problem)
        return {"entries": self._shown(), "modified": modified}

    @method("server.announcements.dismiss", "POST /server/announcements/dismiss", result="{entry_id: str}")
    async def dismiss(
        self,
        entry_id: Annotated[str, "identifier of an announcement"],
        wake_time: Annotated[float | None, "seconds after which it is shown again"] = None,
    ) -> dict[str, Any]:
        """Mark an announcement as read."""
        entry = self._entries.get(entry_id)
        if entry is None:
            raise NotFound(f"there is no announcement {entry_id!r}")
        if wake_time is not None and wake_time <= 0:
            raise BadRequest(f"'wake_time' must be above 0, not {wake_time:g}")
        now = self._now()
        wake = now + wake_time if wake_time is not None else None
        await self._keep({**entry, "date_dismissed": now, "wake": wake})
        self._plan_waking(entry_id, self._entries[entry_id])
        self._broadcaster.send(DISMISSED, {"entry_id": entry_id})
        return {"entry_id": entry_id}

    @method(
        "server.announcements.feeds",
        "GET /server/announcements/feeds",
        result="{feeds: [str]}",
        permission=Role.VIEWER,
    )
    async def feeds(self) -> dict[str, Any]:
        """The feeds that are subscribed to."""
        return {"feeds": self._subscribed}

    @method(
        "server.announcements.post_feed",
        "POST /server/announcements/feed",
        result='{feed: str, action: "added" | "removed" | "skipped"}',
    )
    async def post_feed(self, name: FeedName) -> dict[str, Any]:
        """Subscribe to a feed."""
        if _NAME.fullmatch(name) is None:
            raise BadRequest(f"{name!r} is no name of a feed: letters, digits, '_', '-' and '.'")
        if name in self._subscribed:
            return {"feed": name, "action": "skipped"}
        self._added.append(name)
        await self._store_feeds()
        return {"feed": name, "action": "added"}

    @method(
        "server.announcements.delete_feed",
        "DELETE /server/announcements/feed",
        result='{feed: str, action: "added" | "removed" | "skipped"}',
    )
    async def delete_feed(self, name: FeedName) -> dict[str, Any]:
        """End a subscription that was made by C{post_feed}."""
        if name not in self._subscribed:
            raise NotFound(f"there is no subscription to {name!r}")
        if name not in self._added:
            raise Forbidden(f"the subscription to {name!r} is in the configuration")
        self._added.remove(name)
        await self._store_feeds()
        if await self._take(name, {}):
            self._broadcaster.send(UPDATED, {"entries": self._shown()})
        return {"feed": name, "action": "removed"}

    async def _store_feeds(self) -> None:
        added = list(self._added)
        await self._database.run(lambda db: namespaces.put(db, *_FEEDS, added))


def _public(entry: Mapping[str, Any], now: float) -> dict[str, Any]:
    """An entry as clients see it."""
    dismissed, wake = entry.get("date_dismissed"), entry.get("wake")
    rest = {name: value for name, value in entry.items() if name not in ("date_dismissed", "wake")}
    return {
        **rest,
        "dismissed": dismissed is not None,
        "date_dismissed": dismissed,
        "dismiss_wake": max(0.0, wake - now) if dismissed is not None and wake is not None else None,
    }
