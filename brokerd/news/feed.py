"""Reading an announcement feed (RSS 2.0). Blocks for some milliseconds: runs in a worker thread."""

from email.utils import parsedate_to_datetime
from typing import Any
from xml.etree import ElementTree

__all__ = ["FeedError", "parse_feed"]

_LONGEST = 1024 * 1024  # bytes
_MOST = 100
_PRIORITIES = ("normal", "high")


class FeedError(Exception):
    """A feed can't be understood; the text says why."""


def parse_feed(content: bytes, feed: str) -> list[dict[str, Any]]:
    """The entries of a feed as the API shows them, without their state.

    @raise FeedError: if it is no feed. Document types are refused: entities in them can be made to explode.
    """
    if len(content) > _LONGEST:
        raise FeedError(f"the feed is longer than {_LONGEST} bytes")
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise FeedError("the feed has a document type")
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError as error:
        raise FeedError(f"the feed is no XML: {error}") from None
    channel = root.find("channel")
    if root.tag != "rss" or channel is None:
        raise FeedError("the feed is no RSS")
    entries = (_entry(item, feed) for item in channel.findall("item")[:_MOST])
    return [each for each in entries if each is not None]


def _entry(item: ElementTree.Element, feed: str) -> dict[str, Any] | None:
    def text(name: str, longest: int = 512) -> str:
        return (item.findtext(name) or "").strip()[:longest]

    if not text("guid") or not text("title"):
        return None
    url, priority = text("link", 2048), text("category")
    return {
        "entry_id": text("guid"),
        "url": url if url.startswith(("https://", "http://")) else "",
        "title": text("title"),
        "description": text("description", 4096),
        "priority": priority if priority in _PRIORITIES else "normal",
        "date": _date(text("pubDate")),
        "source": "moonlight",
        "feed": feed,
    }


def _date(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
