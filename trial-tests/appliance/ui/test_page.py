"""What a user sees and does on the page, in a real browser."""

import re
from pathlib import Path

from twisted.internet.defer import Deferred

from .browser import GCODE, Page, PageTestCase, expect


class StateTests(PageTestCase):
    """Which printer it is and how it is."""

    def test_ready(self) -> Deferred[None]:
        """A ready printer shows its name, state and temperatures, and nothing that alarms."""

        def scenario(page: Page) -> None:
            expect(page.get_by_role("heading", name="workbench")).to_be_visible()
            expect(page.locator("#state")).to_have_text("Ready")
            row = page.get_by_role("row", name="Extruder")
            expect(row).to_contain_text("24.3 °C")
            expect(page.get_by_role("row", name="Chamber")).to_contain_text("25.8 °C")
            expect(page.locator("#trouble")).to_be_hidden()
            expect(page.locator("#offline")).to_be_hidden()
            expect(page.get_by_text("Nothing is being printed")).to_be_visible()

        return self.drive(scenario)

    def test_shutdown_and_recovery(self) -> Deferred[None]:
        """A shutdown says why, in full, and FIRMWARE_RESTART makes the printer usable again."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            self.tell(self.broker.printer.shut_down, "Heater extruder not heating\nSee verify_heater.")
            expect(page.locator("#state")).to_have_text("Shut down")
            expect(page.locator("#trouble")).to_contain_text(
                "Heater extruder not heating\nSee verify_heater."
            )
            expect(page.get_by_role("button", name="Cool down")).to_be_disabled()
            page.get_by_role("button", name="Restart firmware").click()
            expect(page.locator("#state")).to_have_text("Ready")
            expect(page.locator("#trouble")).to_be_hidden()
            assert "printer.firmware_restart" in self.broker.asked

        return self.drive(scenario)

    def test_config_error_at_load(self) -> Deferred[None]:
        """A host that is in the error state when the page opens is no riddle either."""
        self.broker.printer.shut_down("printer.cfg:12: [extruder] nozle_diameter: unknown option", "error")

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Error")
            expect(page.locator("#trouble-message")).to_have_text(re.compile("unknown option"))
            page.get_by_role("button", name="Restart host").click()
            expect(page.locator("#state")).to_have_text("Ready")

        return self.drive(scenario)

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

    def test_host_comes_later(self) -> Deferred[None]:
        """A broker without its motion host is waited for."""
        self.broker.printer.state = "disconnected"

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("No motion host")
            self.broker.printer.state = "ready"
            self.tell(self.broker.notify, "notify_klippy_ready")
            expect(page.locator("#state")).to_have_text("Ready")

        return self.drive(scenario)

    def test_emergency_stop(self) -> Deferred[None]:
        """One touch, or a double click, does nothing; a second press within reason stops the printer."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#stop").dblclick()
            expect(page.locator("#stop")).to_have_text("Press again to stop")
            assert "printer.emergency_stop" not in self.broker.asked
            page.wait_for_timeout(200)  # a double click is one touch: wait for the end of it
            page.keyboard.press("Enter")
            expect(page.locator("#state")).to_have_text("Shut down")
            expect(page.locator("#stop")).to_have_text("Emergency stop")

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


class HeatTests(PageTestCase):
    """Temperatures and targets."""

    def test_live(self) -> Deferred[None]:
        """Targets go to the printer, temperatures come back, and the chart shows them."""

        def scenario(page: Page) -> None:
            target = page.get_by_label("Extruder target in °C")
            target.fill("215")
            target.press("Enter")
            expect(target).to_have_value("215")
            assert self.broker.printer.commands == ["SET_HEATER_TEMPERATURE HEATER=extruder TARGET=215"]
            before = page.locator("#chart").screenshot()
            self.tell(self.broker.printer.warm)
            expect(page.get_by_role("row", name="Extruder")).to_contain_text("215.0 °C")
            page.wait_for_timeout(1500)  # the chart takes a sample each second
            assert page.locator("#chart").screenshot() != before
            page.get_by_role("button", name="Cool down").click()
            expect(target).to_have_value("0")

        return self.drive(scenario)

    def test_refused_target(self) -> Deferred[None]:
        """A target that the printer refuses is said and taken back; Escape gives up an edit."""

        def scenario(page: Page) -> None:
            target = page.get_by_label("Bed target in °C")
            target.fill("400")
            target.press("Enter")
            expect(page.locator("#notices")).to_contain_text("out of range")
            expect(target).to_have_value("0")
            target.fill("70")
            target.press("Escape")
            expect(target).to_have_value("0")
            assert len(self.broker.printer.commands) == 1
            page.get_by_role("button", name="Close notice").click()
            expect(page.locator("#notices")).to_be_empty()

        return self.drive(scenario)


class MotionTests(PageTestCase):
    """Homing and moves by hand."""

    def test_home_then_move(self) -> Deferred[None]:
        """What isn't homed isn't moved; a refused move leaves no relative coordinates behind."""

        def scenario(page: Page) -> None:
            expect(page.get_by_role("button", name="Home all axes")).to_be_enabled()
            expect(page.get_by_role("button", name="X+")).to_be_disabled()
            page.get_by_role("button", name="Home all axes").click()
            page.get_by_role("button", name="X+").click()
            expect(page.locator("#at-x")).to_have_text("10.00")
            page.locator("label", has_text="50").click()
            page.get_by_role("button", name="X\N{MINUS SIGN}").click()
            expect(page.locator("#notices")).to_contain_text("Move out of range")
            expect(page.locator("#at-x")).to_have_text("10.00")
            self.tell(lambda: None)
            assert self.broker.printer.commands[-2].splitlines()[1:3] == ["G91", "G1 X-50 F6000"]
            assert self.broker.printer.commands[-1] == "RESTORE_GCODE_STATE NAME=page_move"

        return self.drive(scenario)


class ConsoleTests(PageTestCase):
    """Commands and answers."""

    def test_commands(self) -> Deferred[None]:
        """Answers, errors in their own colour, chatter hidden, commands remembered."""
        self.broker.say("// from before the page")

        def scenario(page: Page) -> None:
            output, command = page.locator("#output"), page.get_by_label("G-code command")
            expect(output).to_contain_text("// from before the page")
            for line in ["STATUS", "M105", "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=999"]:
                command.fill(line)
                command.press("Enter")
            expect(output).to_contain_text("// Klipper state: Ready")
            expect(output.locator(".error")).to_have_count(1)
            expect(output.locator(".error")).to_contain_text("out of range")
            expect(output.locator(".temperatures")).to_be_hidden()
            page.get_by_label("Temperature reports").check()
            expect(output.locator(".temperatures")).to_be_visible()
            command.press("ArrowUp")
            command.press("ArrowUp")
            expect(command).to_have_value("M105")
            page.reload()
            expect(command).to_be_enabled()
            command.press("ArrowUp")
            expect(command).to_have_value(re.compile("TARGET=999"))

        return self.drive(scenario)

    def test_emergency_code(self) -> Deferred[None]:
        """M112 doesn't queue behind other commands."""

        def scenario(page: Page) -> None:
            page.get_by_label("G-code command").fill("M112")
            page.get_by_role("button", name="Send").click()
            expect(page.locator("#state")).to_have_text("Shut down")
            assert self.broker.printer.commands == []

        return self.drive(scenario)


class FormTests(PageTestCase):
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


class UploadTests(PageTestCase):
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

    def test_refusals(self) -> Deferred[None]:
        """A full disk and a file of another kind are said by name."""
        gcode, picture = self._file("part.gcode", GCODE), self._file("part.png", b"png")
        self.broker.refuse_upload = (507, "No room left: 12 MB needed, 3 MB free")

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#file-input").set_input_files([picture, gcode])
            notices = page.locator("#notices")
            expect(notices).to_contain_text("part.png was not uploaded: it is no G-code file")
            expect(notices).to_contain_text("part.gcode was not uploaded: No room left: 12 MB needed")
            expect(page.get_by_text("No files yet.")).to_be_visible()

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
