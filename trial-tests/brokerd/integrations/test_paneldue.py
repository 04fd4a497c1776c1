"""A PanelDue over a pseudo-terminal: its numbered lines in, JSON out."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from brokerd.integrations.paneldue.commands import parse, translate
from brokerd.integrations.paneldue.lines import Lines, checksum

from .houses import HouseTestCase
from .terminals import Terminal


def numbered(text: str, number: int = 1) -> bytes:
    """A line as the screen sends it."""
    line = f"N{number} {text}".encode()
    return b"%s*%d\n" % (line, checksum(line))


class LineTests(SynchronousTestCase):
    def test_known_checksum(self) -> None:
        # Published in the firmware's documentation of checksums.
        self.assertEqual(checksum(b"N1 M575 P1 S0"), 39)

    def test_commands(self) -> None:
        lines = Lines()
        self.assertEqual(lines.feed(numbered("M408 S0")[:5]), [])
        self.assertEqual(lines.feed(numbered("M408 S0")[5:] + b"M105\r\n"), ["M408 S0", "M105"])
        self.assertEqual(lines.feed(b"N2 G28*1\nN3 G28*x\n\n"), [])
        self.assertEqual(lines.dropped, 2)

    @settings(deadline=None, max_examples=50, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.binary(max_size=40), max_size=8))
    def test_anything_may_come(self, chunks: list[bytes]) -> None:
        lines = Lines()
        for each in chunks:
            lines.feed(each)
        self.assertEqual(lines.feed(b"\n" + numbered("M408 S1"))[-1:], ["M408 S1"])

    def test_translation(self) -> None:
        tools = ["extruder", "extruder1"]
        for text, expected in (
            ("G10 P1 S210", "SET_HEATER_TEMPERATURE HEATER=extruder1 TARGET=210"),
            ("G10 P0 S-273", "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=0"),
            ("G10 P5 S1", ""),
            ("M140 P0 S60", "M140 S60"),
            ("M140 P0 S-273.15", "M140 S0"),
            ("M290 S0.05", "SET_GCODE_OFFSET Z_ADJUST=0.05 MOVE=1"),
            ("M221 D0 S95", "M221 S95"),
            ("M106 S0.5", "M106 S127.5"),
            ("T1", "T1"),
            ("G1 X5 F6000", "G1 X5 F6000"),
            ("M120", "SAVE_GCODE_STATE NAME=PANELDUE"),
        ):
            self.assertEqual(translate(parse(text), tools), expected)
        self.assertEqual(translate(parse("T1"), ["extruder"]), "")
        self.assertEqual(parse('M32 "0:/gcodes/a ""b"".gcode"').path, '0:/gcodes/a "b".gcode')
        self.assertEqual(parse("M20 S2 P/gcodes/sub").path, "/gcodes/sub")


class PanelTests(HouseTestCase):
    def prepare(self) -> None:
        self.terminal = Terminal(self)
        self.configuration = (
            f"[paneldue]\nserial: {self.terminal.device}\nmachine_name: My printer\nmacros:\n"
            "  LOAD_FILAMENT\n  BEEP FREQUENCY=500\n"
        )
        self.number = 0

    def tell(self, text: str) -> None:
        self.number += 1
        self.terminal.write(numbered(text, self.number))

    async def heard(self) -> Any:
        found: list[bytes] = []

        def arrived() -> bool:
            line = self.terminal.line()
            if line is not None:
                found.append(line)
            return bool(found)

        await self.until(arrived)
        return json.loads(found[0])

    async def ask(self, text: str) -> Any:
        self.tell(text)
        return await self.heard()

    async def script(self, count: int) -> str:
        await self.until(lambda: len(self.fake.asked("gcode/script")) >= count)
        return str(self.fake.asked("gcode/script")[count - 1]["script"])

    async def followed(self) -> None:
        """Until the host's first status has come."""
        while not (await self.ask("M408 S0"))["heaters"]:
            await self.until(lambda: True)

    def test_status(self) -> Any:
        return self.async_test(self._status())

    async def _status(self) -> None:
        await self.followed()
        self.fake.change("extruder", temperature=199.96, target=200.0)
        self.fake.change("toolhead", homed_axes="xy", extruder="extruder")
        self.fake.say("// probe at 1.5")
        answer = await self.ask("M408 S1")
        self.assertEqual((answer["heaters"], answer["active"]), ([23.0, 200.0], [0.0, 200.0]))
        self.assertEqual((answer["hstat"], answer["homed"]), ([0, 2], [1, 1, 0]))
        self.assertEqual((answer["myName"], answer["numTools"], answer["tool"]), ("My printer", 1, 0))
        self.assertEqual((answer["status"], answer["resp"]), ("I", "probe at 1.5"))
        self.assertNotIn("resp", await self.ask("M408 S0"))
        self.fake.change("print_stats", state="printing", filename="a.gcode", print_duration=12.5)
        self.fake.change("virtual_sdcard", progress=0.25)
        answer = await self.ask("M408 S0")
        self.assertEqual((answer["status"], answer["fraction_printed"]), ("P", 0.25))
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        answer = await self.ask("M408 S0")
        self.assertEqual(answer["status"], "S")
        self.assertIn("MCU lost", answer["resp"])

    def test_files(self) -> Any:
        return self.async_test(self._files())

    async def _files(self) -> None:
        await self.followed()
        await self.upload("vase.gcode", b"; layer_height = 0.2\nG28\n")
        await self.upload("sub/box.gcode", b"G28\n")
        answer = await self.ask("M20 S2 P/gcodes")
        self.assertEqual(answer, {"dir": "/gcodes", "files": ["*sub", "vase.gcode"]})
        self.assertEqual((await self.ask("M20 S2 P/gcodes/sub"))["files"], ["box.gcode"])
        answer = await self.ask('M36 "/gcodes/sub/box.gcode"')
        self.assertEqual((answer["err"], answer["fileName"], answer["size"]), (0, "sub/box.gcode", 4))
        self.assertEqual(await self.ask("M36 /gcodes/none.gcode"), {"err": 1})
        self.tell('M32 "0:/gcodes/vase.gcode"')
        self.assertEqual(await self.script(1), 'SDCARD_PRINT_FILE FILENAME="vase.gcode"')

    def test_macros(self) -> Any:
        return self.async_test(self._macros())

    async def _macros(self) -> None:
        await self.followed()
        answer = await self.ask("M20 S2 P/macros")
        shown = ["LOAD_FILAMENT", "BEEP FREQUENCY=500", "RESTART", "FIRMWARE_RESTART"]
        self.assertEqual(answer["files"], shown)
        self.tell('M98 P"/macros/BEEP FREQUENCY=500"')
        self.assertEqual(await self.script(1), "BEEP FREQUENCY=500")
        self.tell('M98 P"/macros/FIRMWARE_RESTART"')
        answer = await self.ask("M408 S0")
        self.assertEqual((answer["msgBox.mode"], answer["msgBox.msg"]), (2, "Run FIRMWARE_RESTART?"))
        self.tell("M292 P1")
        self.assertNotIn("msgBox.mode", await self.ask("M408 S0"))
        self.tell('M98 P"/macros/FIRMWARE_RESTART"')
        self.tell("M292 P0")
        await self.until(lambda: self.fake.asked("gcode/firmware_restart"))
        self.assertEqual(len(self.fake.asked("gcode/firmware_restart")), 1)

    def test_commands(self) -> Any:
        return self.async_test(self._commands())

    async def _commands(self) -> None:
        await self.followed()
        self.tell("G10 P0 S210")
        script = "SET_HEATER_TEMPERATURE HEATER=extruder TARGET=210"
        self.assertEqual(await self.script(1), script)
        self.tell("FAIL")
        await self.script(2)
        self.assertEqual((await self.ask("M408 S0"))["resp"], "Error: Must home axis first")
        self.tell("M112")
        await self.until(lambda: self.fake.asked("emergency_stop"))
        self.fake.call_remote("paneldue_beep", frequency=500, duration=0.5)
        self.assertEqual(await self.heard(), {"beep_freq": 500, "beep_length": 500})

    def test_console_still_hears(self) -> Any:
        return self.async_test(self._console())

    async def _console(self) -> None:
        self.fake.say("// hello")
        stored = (await self.call("server.gcode_store"))["gcode_store"]
        self.assertEqual(stored[-1]["message"], "// hello")
