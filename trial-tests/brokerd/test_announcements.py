"""Feeds, dismissal and waking of announcements."""

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site
from twisted.web.static import Data

from brokerd.news.announcements import AnnouncementsConfig
from brokerd.news.feed import FeedError, parse_feed
from brokerd.sections import Sections

from .harness import BrokerTestCase

ITEM = (
    "<item><title>{0}</title><link>https://example.org/{0}</link><description>About {0}</description>"
    "<pubDate>Wed, 1{1} Mar 2022 19:33:39 GMT</pubDate><category>{2}</category>"
    "<guid>a/b/issue/{0}</guid></item>"
)


def feed(*items: tuple[str, int, str]) -> bytes:
    inner = "".join(ITEM.format(*each) for each in items)
    return (
        "<?xml version='1.0' encoding='utf-8'?><rss version='2.0' xmlns:m='https://m'><channel>"
        f"<title>x</title><m:configHash>0</m:configHash>{inner}</channel></rss>"
    ).encode()


class FeedTests(SynchronousTestCase):
    """The format."""

    def test_entries(self) -> None:
        (entry,) = parse_feed(feed(("One", 6, "high")), "klipper")
        self.assertEqual(
            entry,
            {
                "entry_id": "a/b/issue/One", "url": "https://example.org/One", "title": "One",
                "description": "About One", "priority": "high", "date": 1647459219.0,
                "source": "moonlight", "feed": "klipper",
            },
        )  # fmt: skip

    def test_refused(self) -> None:
        bomb = b"<!DOCTYPE x [<!ENTITY a 'b'>]><rss><channel/></rss>"
        for content in (b"<rss", b"<html/>", b"", bomb, b"<rss>" + b" " * 2_000_000):
            with self.assertRaises(FeedError):
                parse_feed(content, "x")

    def test_addresses_that_are_none(self) -> None:
        content = feed(("One", 6, "odd")).replace(b"https://example", b"javascript://example")
        (entry,) = parse_feed(content, "x")
        self.assertEqual((entry["url"], entry["priority"]), ("", "normal"))


class LocalTests(BrokerTestCase):
    """Feeds in a folder."""

    def settings(self, **changes: Any) -> Any:
        config = AnnouncementsConfig(subscriptions=["mine"], dev_mode=True)
        return super().settings(sections=Sections.of(config), **changes)

    async def _start(self) -> None:
        await super()._start()
        self.folder = Path(self.data / "development" / "announcement_xml")
        self.folder.mkdir(parents=True)

    async def ask(self, name: str, /, **params: Any) -> Any:
        answer = await self.rpc(f"server.announcements.{name}", **params)
        return answer["result"] if "result" in answer else answer["error"]

    def titles(self, answer: Any) -> list[str]:
        return [each["title"] for each in answer["entries"]]

    async def test_come_and_go(self) -> None:
        client = await self.socket()
        (self.folder / "mine.xml").write_bytes(feed(("One", 4, "normal"), ("Two", 5, "high")))
        told = client.expect("notify_announcement_update")
        answer = await self.ask("update")
        self.assertEqual((self.titles(answer), answer["modified"]), (["Two", "One"], True))
        self.assertEqual(self.titles((await told)[0]), ["Two", "One"])
        self.assertEqual((await self.ask("update"))["modified"], False)
        (self.folder / "mine.xml").write_bytes(feed(("Two", 5, "high")))
        self.assertEqual(self.titles(await self.ask("update")), ["Two"])
        self.assertEqual((await self.ask("feeds"))["feeds"], ["moonraker", "klipper", "mine"])

    async def test_damaged_feed_keeps_what_is_known(self) -> None:
        (self.folder / "mine.xml").write_bytes(feed(("One", 4, "normal")))
        await self.ask("update")
        (self.folder / "mine.xml").write_bytes(b"<rss")
        self.assertEqual(self.titles(await self.ask("update")), ["One"])

    async def test_dismissed_and_woken(self) -> None:
        (self.folder / "mine.xml").write_bytes(feed(("One", 4, "normal")))
        await self.ask("update")
        client = await self.socket()
        dismissed, woken = (
            client.expect("notify_announcement_dismissed"),
            client.expect("notify_announcement_wake"),
        )
        clock = self.parts.announcements._reactor = Clock()
        await self.ask("dismiss", entry_id="a/b/issue/One", wake_time=60)
        self.assertEqual(await dismissed, [{"entry_id": "a/b/issue/One"}])
        self.assertEqual(self.titles(await self.ask("list", include_dismissed=False)), [])
        clock.advance(60)
        self.assertEqual(await woken, [{"entry_id": "a/b/issue/One"}])
        (entry,) = (await self.ask("list", include_dismissed=False))["entries"]
        self.assertEqual((entry["dismissed"], entry["date_dismissed"]), (False, None))

    async def test_dismissed_for_good(self) -> None:
        (self.folder / "mine.xml").write_bytes(feed(("One", 4, "normal")))
        await self.ask("update")
        await self.ask("dismiss", entry_id="a/b/issue/One")
        await self.broker.stopService()
        self.broker.startService()
        while not (entries := (await self.ask("list"))["entries"]):
            await self.until(lambda: True)
        self.assertTrue(entries[0]["dismissed"])
        self.assertIsNone(entries[0]["dismiss_wake"])
        self.assertEqual((await self.ask("dismiss", entry_id="none"))["code"], -32601)

    async def test_update_right_after_the_start(self) -> None:
        """It waits for nothing, and forgets nothing that was dismissed."""
        (self.folder / "mine.xml").write_bytes(feed(("One", 4, "normal")))
        await self.ask("update")
        await self.ask("dismiss", entry_id="a/b/issue/One")
        await self.broker.stopService()
        self.broker.startService()
        await self.broker.when_ready()
        assert self.broker.parts is not None
        answer = await self.broker.parts.announcements.update()
        self.assertEqual((self.titles(answer), answer["modified"]), (["One"], False))
        self.assertTrue(answer["entries"][0]["dismissed"])

    async def test_subscriptions(self) -> None:
        self.assertEqual(await self.ask("post_feed", name="more"), {"feed": "more", "action": "added"})
        self.assertEqual((await self.ask("post_feed", name="more"))["action"], "skipped")
        self.assertIn("more", (await self.ask("list"))["feeds"])
        self.assertEqual((await self.ask("delete_feed", name="mine"))["code"], 403)
        self.assertEqual((await self.ask("delete_feed", name="none"))["code"], -32601)
        self.assertEqual((await self.ask("post_feed", name="../../etc/passwd"))["code"], 400)
        self.assertEqual((await self.ask("delete_feed", name="more"))["action"], "removed")

    async def test_news_of_our_own(self) -> None:
        entry_id = await self.parts.announcements.announce("Hello", "World", priority="high")
        (entry,) = (await self.ask("list"))["entries"]
        self.assertEqual((entry["source"], entry["priority"]), ("internal", "high"))
        await self.ask("update")
        self.assertEqual(self.titles(await self.ask("list")), ["Hello"])
        await self.parts.announcements.withdraw(entry_id)
        self.assertEqual(self.titles(await self.ask("list")), [])


class WebTests(BrokerTestCase):
    """Feeds from a web server."""

    def settings(self, **changes: Any) -> Any:
        root = Resource()
        root.putChild(b"klipper.xml", Data(feed(("One", 4, "normal")), "application/xml"))
        port = reactor.listenTCP(0, Site(root), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        config = AnnouncementsConfig(feed_url=f"http://127.0.0.1:{port.getHost().port}/{{name}}.xml")
        return super().settings(sections=Sections.of(config), **changes)

    async def test_fetched(self) -> None:
        answer = (await self.rpc("server.announcements.update"))["result"]
        self.assertEqual([each["feed"] for each in answer["entries"]], ["klipper"])
