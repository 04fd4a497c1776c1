"""A file from its upload to the finished print, as its user sees it; on any broker."""

import re
from pathlib import Path

from twisted.internet.defer import Deferred

from .browser import Page, Scenarios, expect
from .sample import GCODE, byte_after_wall, byte_at, with_thumbnails

__all__ = ["PictureScenarios", "PrintScenarios", "UploadScenarios"]

_COUNT = """tint => {
  const canvas = document.getElementById('toolpath');
  const probe = document.createElement('i');
  probe.style.color = getComputedStyle(document.body).getPropertyValue(tint);
  document.body.append(probe);
  const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let at = 0; at < pixels.length; at += 4)
    count += wanted.every((part, index) => pixels[at + index] === part);
  return count;
}"""


class UploadScenarios(Scenarios):
    """Files on their way to the printer."""

    def _file(self, name: str, content: bytes) -> str:
        folder = Path(self.mktemp())
        folder.mkdir()
        path = folder / name
        path.write_bytes(content)
        return str(path)

    def test_upload_shows_progress(self) -> Deferred[None]:
        """A large file shows how far it is, and is in the list afterwards."""
        path = self._file("large.gcode", GCODE * 600)

        def scenario(page: Page) -> None:
            expect(page.get_by_text("No files yet.")).to_be_visible()
            slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
            page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
            page.locator("#file-input").set_input_files(path)
            expect(page.locator("#uploads")).to_contain_text(re.compile(r"large.gcode · .* of \d"))
            expect(page.get_by_role("button", name="Print large.gcode")).to_be_visible()
            expect(page.locator("#uploads")).to_be_empty()

        return self.drive(scenario)

    def test_drop(self) -> Deferred[None]:
        """A file that is dropped anywhere is uploaded as it is."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            dropped = page.evaluate_handle(
                "text => { const data = new DataTransfer();"
                " data.items.add(new File([text], 'dropped.gcode')); return data; }",
                GCODE.decode(),
            )
            page.locator("main").dispatch_event("dragenter", {"dataTransfer": dropped})
            expect(page.get_by_text("Drop G-code files to upload them")).to_be_visible()
            page.locator("#drop").dispatch_event("drop", {"dataTransfer": dropped})
            expect(page.get_by_role("button", name="Print dropped.gcode")).to_be_visible()
            expect(page.locator("#drop")).to_be_hidden()
            assert (self.broker.gcodes / "dropped.gcode").read_bytes() == GCODE

        return self.drive(scenario)


class PrintScenarios(Scenarios):
    """The whole way of a print."""

    def start(self, page: Page, name: str = "tower.gcode") -> None:
        """Start a file by clicking."""
        page.get_by_role("button", name=f"Print {name}").click()
        page.get_by_role("button", name="Start printing").click()
        expect(page.locator("#job-name")).to_have_text(name)

    def test_from_start_to_end(self) -> Deferred[None]:
        """Asked before it starts; progress, times and layer move; paused, resumed; finished."""
        self.broker.add_file("tower.gcode", GCODE)

        def scenario(page: Page) -> None:
            expect(page.locator("#files")).to_contain_text("20m 00s · 4.44 m")
            page.get_by_role("button", name="Print tower.gcode").click()
            expect(page.get_by_role("dialog")).to_contain_text("20m 00s · 4.44 m")
            page.get_by_role("button", name="Not now").click()
            assert self.broker.printer.status["print_stats"]["state"] == "standby"
            self.start(page)
            expect(page.locator("#state")).to_have_text("Printing")
            self.tell(self.broker.printer.print_to, byte_at(0.5), 600.0)
            expect(page.locator("#percent")).to_have_text("50.0 %")
            expect(page.locator("#elapsed")).to_have_text("10m 00s")
            expect(page.locator("#remaining")).to_have_text("10m 00s")
            expect(page.locator("#layer")).to_have_text("5 / 10")
            expect(page).to_have_title("50 % · tower.gcode")
            expect(page.get_by_role("button", name="Home all axes")).to_be_disabled()
            expect(page.get_by_role("button", name="Print tower.gcode")).to_be_disabled()
            page.get_by_role("button", name="Pause").click()
            expect(page.locator("#state")).to_have_text("Paused")
            page.get_by_role("button", name="Resume").click()
            expect(page.locator("#job-state")).to_have_text("Printing")
            self.tell(self.broker.printer.print_to, len(GCODE), 1180.0)
            expect(page.locator("#job-state")).to_have_text("Finished")
            expect(page.locator("#percent")).to_have_text("100.0 %")
            expect(page.get_by_role("button", name="Print tower.gcode")).to_be_enabled()
            expect(page.get_by_role("button", name="Cancel")).to_be_hidden()

        return self.drive(scenario)

    def test_cancel_asks(self) -> Deferred[None]:
        """A print isn't lost by one click, nor by Escape."""
        self.broker.add_file("tower.gcode", GCODE)

        def scenario(page: Page) -> None:
            self.start(page)
            page.get_by_role("button", name="Cancel").click()
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
            assert self.broker.printer.status["print_stats"]["state"] == "printing"
            page.get_by_role("button", name="Cancel").click()
            page.get_by_role("button", name="Cancel the print").click()
            expect(page.locator("#job-state")).to_have_text("Cancelled")

        return self.drive(scenario)

    def test_seen_from_a_second_page(self) -> Deferred[None]:
        """A page that is opened during a print shows it."""
        self.broker.add_file("tower.gcode", GCODE)
        self.broker.printer.start("tower.gcode")
        self.broker.printer.print_to(byte_at(0.25), 300.0)

        def scenario(page: Page) -> None:
            expect(page.locator("#percent")).to_have_text("25.0 %")
            expect(page.locator("#layer")).to_have_text("3 / 10")

        return self.drive(scenario)

    def test_refused_start(self) -> Deferred[None]:
        """A file that vanished meanwhile is named."""
        self.broker.add_file("tower.gcode", GCODE)

        def scenario(page: Page) -> None:
            expect(page.get_by_role("button", name="Print tower.gcode")).to_be_enabled()
            (self.broker.gcodes / "tower.gcode").unlink()
            page.get_by_role("button", name="Print tower.gcode").click()
            page.get_by_role("button", name="Start printing").click()
            expect(page.locator("#notices")).to_contain_text("Unable to open file: tower.gcode")

        return self.drive(scenario)


class PictureScenarios(Scenarios):
    """The picture of a print."""

    def test_toolpath(self) -> Deferred[None]:
        """Without a thumbnail the layer at work is drawn, and what is printed of it grows."""
        self.broker.add_file("tower.gcode", GCODE)
        self.broker.printer.start("tower.gcode")

        def build(walls: int) -> None:
            self.broker.printer.print_to(byte_after_wall(5, walls))

        def wait_for_more(page: Page, tint: str, than: int) -> int:
            count = 0
            for _ in range(200):  # the page's policy forbids playwright to wait inside of it
                count = page.evaluate(_COUNT, tint)
                if count > than:
                    return count
                page.wait_for_timeout(50)
            raise AssertionError(f"{count} pixels of {tint}, not more than {than}")

        def scenario(page: Page) -> None:
            canvas = page.locator("#toolpath")
            done = 0
            for walls in (1, 2, 3):
                self.tell(build, walls)
                expect(canvas).to_have_attribute("aria-label", "Toolpath of layer 5 of 10")
                done = wait_for_more(page, "--done", done)
            todo = page.evaluate(_COUNT, "--todo")
            assert todo > 100
            self.tell(build, 1)  # a print that goes back
            wait_for_more(page, "--todo", todo + 100)
            self.tell(self.broker.printer.print_to, len(GCODE))
            expect(canvas).to_have_attribute("aria-label", "Toolpath of layer 10 of 10")
            wait_for_more(page, "--done", done)

        return self.drive(scenario)

    def test_thumbnail(self) -> Deferred[None]:
        """A slicer's picture is shown in the list, in the question and with the print; or the toolpath."""
        self.broker.add_file("tower.gcode", with_thumbnails(48, 300))

        def scenario(page: Page) -> None:
            expect(page.locator("#files img")).to_have_js_property("naturalWidth", 48)
            page.get_by_role("button", name="Print tower.gcode").click()
            expect(page.get_by_role("dialog").get_by_role("img")).to_have_js_property("naturalWidth", 300)
            page.get_by_role("button", name="Start printing").click()
            expect(page.locator("#thumbnail")).to_be_visible()
            expect(page.locator("#thumbnail")).to_have_js_property("naturalWidth", 300)
            page.get_by_role("button", name="Show toolpath").click()
            expect(page.locator("#toolpath")).to_have_attribute("aria-label", "Toolpath of layer 1 of 10")
            page.get_by_role("button", name="Show picture").click()
            expect(page.locator("#thumbnail")).to_be_visible()

        return self.drive(scenario)

    def test_file_that_is_gone(self) -> Deferred[None]:
        """A print whose file can't be read any more says so in place of its picture."""
        self.broker.add_file("tower.gcode", GCODE)
        self.broker.printer.start("tower.gcode")
        (self.broker.gcodes / "tower.gcode").unlink()

        def scenario(page: Page) -> None:
            expect(page.locator("#picture-text")).to_have_text("No toolpath: the broker answers 404")

        return self.drive(scenario)
