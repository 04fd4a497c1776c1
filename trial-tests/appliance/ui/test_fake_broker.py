"""The page on a fake broker, which can also be made to fail."""

import re
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from .browser import Page, PageTestCase, expect
from .fake_broker import FakeBroker
from .sample import GCODE
from .scenarios_print import PictureScenarios, PrintScenarios, UploadScenarios
from .scenarios_state import ConsoleScenarios, HeatScenarios, MotionScenarios, StateScenarios


class FakeBrokerCase(PageTestCase):
    """Starts the fake."""

    broker: FakeBroker

    def setUp(self) -> None:
        gcodes = Path(self.mktemp())
        gcodes.mkdir()
        self.broker = FakeBroker(gcodes)
        port = self.broker.listen(reactor)
        self.addCleanup(port.stopListening)
        self.addCleanup(self.broker.drop_clients)


class StateTests(StateScenarios, FakeBrokerCase):
    """Which printer it is and how it is."""


class HeatTests(HeatScenarios, FakeBrokerCase):
    """Temperatures and targets."""


class MotionTests(MotionScenarios, FakeBrokerCase):
    """Homing and moves by hand."""


class ConsoleTests(ConsoleScenarios, FakeBrokerCase):
    """Commands and answers."""


class UploadTests(UploadScenarios, FakeBrokerCase):
    """Files on their way to the printer."""


class PrintTests(PrintScenarios, FakeBrokerCase):
    """The whole way of a print."""


class PictureTests(PictureScenarios, FakeBrokerCase):
    """The picture of a print."""


class FormTests(FakeBrokerCase):
    """Phone, keyboard, and whoever can't see the page."""

    def test_phone(self) -> Deferred[None]:
        """Nothing is wider than a small phone, and what is touched is large enough."""
        self.broker.add_file("a_very_long_name_without_any_place_to_break_it_0.2mm_PLA_2h40m.gcode", GCODE)

        def scenario(page: Page) -> None:
            page.get_by_role("button", name="Print a_very").click()
            page.get_by_role("button", name="Start printing").click()
            expect(page.locator("#percent")).to_have_text("0.0 %")
            self.tell(self.broker.printer.shut_down, "MCU 'mcu' shutdown: " + "x" * 300)
            expect(page.locator("#trouble")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            heights = page.locator("button:visible").evaluate_all("all => all.map(b => b.offsetHeight)")
            assert min(heights) >= 40

        return self.drive(scenario, viewport={"width": 360, "height": 740}, has_touch=True)

    def test_names_and_keyboard(self) -> Deferred[None]:
        """Everything that can be operated has a name and is reached with the Tab key."""
        self.broker.add_file("tower.gcode", GCODE)

        def scenario(page: Page) -> None:
            expect(page.get_by_role("button", name="Print tower.gcode")).to_be_enabled()
            nameless = page.locator("button, input:not([type=file])").evaluate_all(
                "all => all.filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)"
                " && !e.closest('dialog') && !e.hidden).map(e => e.outerHTML)"
            )
            assert nameless == []
            reached = []
            for _ in range(40):
                page.keyboard.press("Tab")
                reached.append(page.evaluate("document.activeElement.id || document.activeElement.ariaLabel"))
            wanted = {"stop", "upload", "Print tower.gcode", "cool-down", "Extruder target in °C", "command"}
            assert wanted <= set(reached), reached

        return self.drive(scenario)

    def test_dark(self) -> Deferred[None]:
        """The page follows the system's colours."""

        def ground(page: Page) -> int:
            colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
            return int(re.findall(r"\d+", colour)[0])

        def scenario(page: Page) -> None:
            dark = ground(page)
            page.emulate_media(color_scheme="light")
            assert dark < 40 and ground(page) > 200

        return self.drive(scenario, color_scheme="dark")


class BrokenConnectionTests(FakeBrokerCase):
    """What the network does."""

    def test_reconnects(self) -> Deferred[None]:
        """A lost connection is told, and what changed meanwhile is seen afterwards."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            self.tell(self.broker.refuse_clients, True)
            expect(page.locator("#offline")).to_contain_text("is lost. Trying again")
            expect(page.locator("#state")).to_have_text("Offline")
            expect(page.get_by_role("button", name="Cool down")).to_be_disabled()
            self.broker.printer.status["extruder"]["temperature"] = 99.0
            self.tell(self.broker.refuse_clients, False)
            page.get_by_role("button", name="Try now").click()
            expect(page.locator("#offline")).to_be_hidden()
            expect(page.get_by_role("row", name="Extruder")).to_contain_text("99.0 °C")

        return self.drive(scenario)

    def test_emergency_stop_without_websocket(self) -> Deferred[None]:
        """The emergency stop goes past a websocket that is gone."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            self.tell(self.broker.refuse_clients, True)
            expect(page.locator("#state")).to_have_text("Offline")
            page.locator("#stop").click()
            page.wait_for_timeout(200)
            with page.expect_response("**/printer/emergency_stop"):
                page.locator("#stop").click()
            assert self.broker.printer.state == "shutdown"

        return self.drive(scenario)

    def test_refusals(self) -> Deferred[None]:
        """A full disk and a file of another kind are said by name."""
        folder = Path(self.mktemp())
        folder.mkdir()
        gcode, picture = folder / "part.gcode", folder / "part.png"
        gcode.write_bytes(GCODE)
        picture.write_bytes(b"png")
        self.broker.refuse_upload = (507, "No room left: 12 MB needed, 3 MB free")

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#file-input").set_input_files([picture, gcode])
            notices = page.locator("#notices")
            expect(notices).to_contain_text("part.png was not uploaded: it is no G-code file")
            expect(notices).to_contain_text("part.gcode was not uploaded: No room left: 12 MB needed")
            expect(page.get_by_text("No files yet.")).to_be_visible()

        return self.drive(scenario)
