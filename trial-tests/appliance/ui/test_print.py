"""A print as its user sees it: started, watched, paused, resumed, cancelled."""

import struct
import zlib

from twisted.internet.defer import Deferred

from .browser import GCODE, Page, PageTestCase, expect

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


def _png(width: int) -> bytes:
    """A square of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, width, 8, 2, 0, 0, 0)
    rows = (b"\0" + b"\x20\x80\xc0" * width) * width
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


class PrintTests(PageTestCase):
    """The whole way of a print."""

    def start(self, page: Page, name: str = "tower.gcode") -> None:
        """Start a file by clicking."""
        page.get_by_role("button", name=f"Print {name}").click()
        page.get_by_role("button", name="Start printing").click()
        expect(page.locator("#job-name")).to_have_text(name)

    def test_from_start_to_end(self) -> Deferred[None]:
        """Asked before it starts; progress, times and layer move; paused, resumed; finished."""
        self.broker.add_file("tower.gcode", GCODE, estimated_time=1200, filament_total=4438.0)

        def scenario(page: Page) -> None:
            expect(page.locator("#files")).to_contain_text("20m 00s · 4.44 m")
            page.get_by_role("button", name="Print tower.gcode").click()
            expect(page.get_by_role("dialog")).to_contain_text("20m 00s · 4.44 m")
            page.get_by_role("button", name="Not now").click()
            assert "printer.print.start" not in self.broker.asked
            self.start(page)
            expect(page.locator("#state")).to_have_text("Printing")
            self.tell(self.broker.printer.print_to, 0.5, 600.0)
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
            self.tell(self.broker.printer.print_to, 1.0, 1180.0)
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
            assert "printer.print.cancel" not in self.broker.asked
            page.get_by_role("button", name="Cancel").click()
            page.get_by_role("button", name="Cancel the print").click()
            expect(page.locator("#job-state")).to_have_text("Cancelled")

        return self.drive(scenario)

    def test_seen_from_a_second_page(self) -> Deferred[None]:
        """A page that is opened during a print shows it."""
        self.broker.add_file("tower.gcode", GCODE, estimated_time=1200)
        self.broker.printer.start("tower.gcode")
        self.broker.printer.print_to(0.25, 300.0)

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


class PictureTests(PageTestCase):
    """The picture of a print."""

    def test_toolpath(self) -> Deferred[None]:
        """Without a thumbnail the layer at work is drawn, and what is printed of it grows."""
        self.broker.add_file("tower.gcode", GCODE)
        self.broker.printer.start("tower.gcode")
        start, end = GCODE.index(b";LAYER:4"), GCODE.index(b";LAYER:5")

        def progress_at(share: float) -> float:
            return (start + share * (end - start)) / len(GCODE)

        def at(share: float) -> None:
            self.broker.printer.print_to(progress_at(share))

        def scenario(page: Page) -> None:
            canvas = page.locator("#toolpath")
            done = []
            for share in (0.6, 0.75, 0.9):
                self.tell(at, share)
                expect(page.locator("#percent")).to_contain_text(f"{int(progress_at(share) * 100)}.")
                expect(canvas).to_have_attribute("aria-label", "Toolpath of layer 5 of 10")
                done.append(page.evaluate(_COUNT, "--done"))
            assert 0 < done[0] < done[1] < done[2], done
            todo = page.evaluate(_COUNT, "--todo")
            assert todo > 100
            self.tell(at, 0.6)  # a print that is started over
            page.wait_for_function(f"({_COUNT})('--todo') > {todo + 100}")
            self.tell(self.broker.printer.print_to, 1.0)
            expect(canvas).to_have_attribute("aria-label", "Toolpath of layer 10 of 10")
            page.wait_for_function(f"({_COUNT})('--todo') === 0")

        return self.drive(scenario)

    def test_thumbnail(self) -> Deferred[None]:
        """A slicer's picture is shown in the list, in the question and with the print; or the toolpath."""
        self.broker.add_file("tower.gcode", GCODE)
        for width in (48, 300):
            self.broker.add_thumbnail("tower.gcode", _png(width), width)

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
