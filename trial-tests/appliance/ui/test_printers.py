"""The page where the broker has several printers: a list of them, and each one's own page."""

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from brokerd.service import make_broker
from brokerd.settings import BrokerSettings, FurtherPrinter, tcp_endpoint

from .browser import Page, PageTestCase, expect
from .fake_broker import PAGE
from .fake_host import FakeHost
from .sample import GCODE

__all__ = ["Farm"]


class Farm:
    """The real broker with three printers, whose hosts are fake."""

    def __init__(self, data: Path) -> None:
        self.folders = {"prusa": data, "voron": data / "printers" / "voron", "ender": data / "ender"}
        for folder in self.folders.values():
            (folder / "gcodes").mkdir(parents=True)
        self.hosts = {name: FakeHost(folder / "gcodes") for name, folder in self.folders.items()}
        listen = (tcp_endpoint("127.0.0.1", 0),)
        further = (
            FurtherPrinter(name="voron", data=self.folders["voron"]),
            FurtherPrinter(name="ender", data=self.folders["ender"], listen=listen),
        )
        settings = BrokerSettings(data=data, listen=listen, pages=PAGE, name="prusa", printers=further)
        self.service = make_broker(
            settings, self.hosts["prusa"], reactor, lambda printer: self.hosts[printer.name]
        )
        self.service.startService()
        self.url = f"{self.service.url}/"

    @property
    def ender_url(self) -> str:
        """The page at ender's own port."""
        return f"{self.service.printers[2].listeners[0].url}/"


class PrintersTests(PageTestCase):
    """Three printers."""

    broker: Farm  # type: ignore[assignment]

    def setUp(self) -> "Deferred[str]":
        self.broker = Farm(Path(self.mktemp()))
        self.addCleanup(self.broker.service.stopService)
        return self.broker.service.when_ready()

    def print_on(self, name: str, share: float) -> None:
        """Let a printer print a file, and be so far."""
        host = self.broker.hosts[name]
        (self.broker.folders[name] / "gcodes" / f"{name}.gcode").write_bytes(GCODE)
        if host.printer.status["print_stats"]["state"] != "printing":
            host.printer.start(f"{name}.gcode")
        host.printer.print_to(int(share * host.printer.status["virtual_sdcard"]["file_size"]))

    def test_list_and_ways(self) -> Deferred[None]:
        """The list shows what each does, follows it, and leads to each one's own page."""

        def scenario(page: Page) -> None:
            printers = page.get_by_role("navigation", name="Printers").get_by_role("link")
            expect(printers).to_have_count(3)
            expect(printers.nth(0)).to_have_attribute("aria-current", "page")
            expect(page.locator("#printer-name")).to_have_text("prusa")
            expect(printers.nth(1)).to_contain_text("Ready")
            self.tell(self.print_on, "voron", 0.5)
            expect(printers.nth(1)).to_contain_text("Printing 5")
            self.tell(self.broker.hosts["ender"].go)
            expect(printers.nth(2)).to_contain_text("No motion host")
            expect(page.locator("#state")).to_have_text("Ready")
            printers.nth(1).click()
            expect(page.locator("#printer-name")).to_have_text("voron")
            expect(page.locator("#state")).to_have_text("Printing")
            expect(page.locator("#job-name")).to_have_text("voron.gcode")
            expect(page.locator("#toolpath")).to_be_visible()
            expect(printers.nth(1)).to_have_attribute("aria-current", "page")
            page.locator("#file-input").set_input_files(
                {"name": "new.gcode", "mimeType": "text/plain", "buffer": GCODE}
            )
            expect(page.locator("#files")).to_contain_text("new.gcode")
            page.get_by_role("button", name="Emergency stop").click()
            page.wait_for_timeout(250)
            page.get_by_role("button", name="Press again").click()
            expect(page.locator("#state")).to_have_text("Shut down")
            expect(printers.nth(0)).to_contain_text("Ready")

        def check(_: None) -> None:
            folders = self.broker.folders
            self.assertTrue((folders["voron"] / "gcodes" / "new.gcode").exists())
            self.assertFalse((folders["prusa"] / "gcodes" / "new.gcode").exists())

        return self.drive(scenario).addCallback(check)

    def test_own_port(self) -> Deferred[None]:
        """At its own port a printer is the one that is shown, and the others are a click away."""

        def scenario(page: Page) -> None:
            page.goto(self.broker.ender_url)
            expect(page.locator("#printer-name")).to_have_text("ender")
            page.get_by_role("link", name="prusa").click()
            expect(page.locator("#printer-name")).to_have_text("prusa")

        return self.drive(scenario)
