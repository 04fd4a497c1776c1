"""What a user sees of the printer's state, and does with it; on any broker."""

import re

from twisted.internet.defer import Deferred

from .browser import Page, Scenarios, expect

__all__ = ["ConsoleScenarios", "HeatScenarios", "MotionScenarios", "StateScenarios"]


class StateScenarios(Scenarios):
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

    def test_host_comes_later(self) -> Deferred[None]:
        """A broker without its motion host is waited for."""
        self.broker.remove_host()

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("No motion host")
            self.tell(self.broker.add_host)
            expect(page.locator("#state")).to_have_text("Ready")

        return self.drive(scenario)

    def test_emergency_stop(self) -> Deferred[None]:
        """One touch, or a double click, does nothing; a second press within reason stops the printer."""

        def scenario(page: Page) -> None:
            expect(page.locator("#state")).to_have_text("Ready")
            page.locator("#stop").dblclick()
            expect(page.locator("#stop")).to_have_text("Press again to stop")
            assert self.broker.printer.state == "ready"
            page.wait_for_timeout(200)  # a double click is one touch: wait for the end of it
            page.keyboard.press("Enter")
            expect(page.locator("#state")).to_have_text("Shut down")
            expect(page.locator("#stop")).to_have_text("Emergency stop")

        return self.drive(scenario)


class HeatScenarios(Scenarios):
    """Temperatures and targets."""

    def test_live(self) -> Deferred[None]:
        """Targets go to the printer, temperatures come back, and the chart shows them."""

        def scenario(page: Page) -> None:
            target = page.get_by_label("Extruder target in °C")
            target.fill("215")
            target.press("Enter")
            expect(target).to_have_value("215")
            sent = self.broker.printer.commands
            for _ in range(200):  # the field shows its value before the command has arrived
                if sent:
                    break
                page.wait_for_timeout(50)
            assert sent == ["SET_HEATER_TEMPERATURE HEATER=extruder TARGET=215"], sent
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


class MotionScenarios(Scenarios):
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


class ConsoleScenarios(Scenarios):
    """Commands and answers."""

    def test_commands(self) -> Deferred[None]:
        """Answers, errors in their own colour, chatter hidden, commands remembered."""
        self.broker.printer.run("STATUS")

        def scenario(page: Page) -> None:
            output, command = page.locator("#output"), page.get_by_label("G-code command")
            expect(output).to_contain_text("// Klipper state: Ready")  # from before the page
            for line in ["FLY", "M105", "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=999"]:
                command.fill(line)
                command.press("Enter")
            expect(output).to_contain_text('// Unknown command:"FLY"')
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
