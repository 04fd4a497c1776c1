"""Drives the page in a real Chromium: what a test needs to look at it as a user does."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.trial.unittest import TestCase

from .fake_printer import FakePrinter

try:
    from playwright.sync_api import Page, expect, sync_playwright
except ImportError:  # a machine that only builds
    Page = expect = Any
    MISSING: str | None = "playwright is not installed (pip install playwright)"
else:
    MISSING = None

__all__ = ["CHROMIUM", "MISSING", "Broker", "Page", "PageTestCase", "Scenarios", "expect", "open_page"]

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
if MISSING is None and CHROMIUM is None:
    MISSING = "chromium is not installed (apt-get install chromium)"

# What the browser itself reports of scenarios that fail requests, or read the canvas.
_PROVOKED = re.compile("error: (Failed to load resource|WebSocket connection to)|warning: Canvas2D: Multiple")
_PATIENCE = 15_000  # ms that anything on the page may take on a busy machine
_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Broker(Protocol):
    """What scenarios need of a broker, be it fake or real.

    @ivar printer: the printer behind it.
    @ivar gcodes: the folder of print files.
    @ivar url: where its page is.
    """

    printer: FakePrinter
    gcodes: Path
    url: str

    def add_file(self, name: str, content: bytes) -> None:
        """Put a file among the print files."""

    def remove_host(self) -> None:
        """The motion host goes away."""

    def add_host(self) -> None:
        """It comes back, ready."""


class Scenarios:
    """Scenarios that hold on any broker: to be mixed into a L{PageTestCase}.

    @ivar broker: call it from a scenario only by L{tell}.
    """

    broker: Broker

    def drive(self, scenario: Callable[[Page], None], **context: Any) -> "Deferred[None]":
        """Run a scenario in a thread: the browser's interface blocks."""
        return deferToThread(open_page, self.broker.url, scenario, **context)

    def tell(self, action: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call the broker from the scenario's thread."""
        return blockingCallFromThread(reactor, action, *args, **kwargs)


class PageTestCase(Scenarios, TestCase):
    """A test that needs a browser."""

    timeout = 120
    skip = MISSING


def open_page(url: str, scenario: Callable[[Page], None], **context: Any) -> None:
    """Show C{url} in a new browser and run C{scenario}; blocks, so call it in a thread.

    @param context: of the browser, such as C{viewport} and C{color_scheme}.
    @raise AssertionError: also if the page complained in the browser's console.
    """
    expect.set_options(timeout=_PATIENCE)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_SWITCHES)
        try:
            page = browser.new_context(**context).new_page()
            page.set_default_timeout(_PATIENCE)
            page.on("console", lambda line: complaints.append(f"{line.type}: {line.text}"))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(url)
            scenario(page)
        finally:
            browser.close()
    assert not [text for text in complaints if not _PROVOKED.match(text)], complaints
