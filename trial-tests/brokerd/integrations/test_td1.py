"""TD-1 devices over a pseudo-terminal that bears a device's name."""

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from brokerd.integrations.td1 import Scan, parse_line, serial_number

from .houses import HouseTestCase
from .terminals import Terminal


class LineTests(SynchronousTestCase):
    def test_lines(self) -> None:
        self.assertEqual(parse_line("E66,Brand,PLA,Red,4.0,122b44\r"), Scan(4.0, "122B44"))
        self.assertEqual(parse_line(",,,,12,#00FF00"), Scan(12.0, "00FF00"))
        for nothing in ("", "ready", "OK", "x", "1,2"):
            self.assertIsNone(parse_line(nothing))
        error = "Measured Lux (6) less than 90% stored Lux (52868)."
        self.assertEqual(parse_line(error), error)

    def test_serial_numbers(self) -> None:
        path = "/dev/serial/by-id/usb-AJAX_TD-1_E6625877D318C430-if00"
        self.assertEqual(serial_number(path), "E6625877D318C430")


class Td1Tests(HouseTestCase):
    def prepare(self) -> None:
        self.terminal = Terminal(self)
        os.symlink(self.terminal.device, self.data / "usb-AJAX_TD-1_E66-if00")
        self.configuration = f"[td1]\ndevices: {self.data}/*TD-1*\n[simplyprint]\nwebcam_name: x\n"

    async def heard(self) -> bytes:
        found: list[bytes] = []

        def arrived() -> bool:
            line = self.terminal.line()
            if line is not None:
                found.append(line)
            return bool(found)

        await self.until(arrived)
        return found[0]

    async def shown(self) -> Any:
        return (await self.get("/machine/td1/data")).json["result"]["devices"]["E66"]

    def test_scans(self) -> Any:
        return self.async_test(self._scans())

    async def _scans(self) -> None:
        self.assertEqual([await self.heard(), await self.heard()], [b"connect", b"P"])
        self.assertEqual(await self.shown(), {"td": None, "color": None, "scan_time": None})
        device = next(iter(self.house.built["td1"][0]._devices.values()))
        self.terminal.write(b"ready\n,,,,4.0,122")
        self.terminal.write(b"B44\n")
        await self.until(lambda: device.scan)
        shown = await self.shown()
        self.assertEqual((shown["td"], shown["color"]), (4.0, "122B44"))
        self.assertTrue(shown["scan_time"].endswith("Z"))
        self.terminal.write(b"Measured Lux (6) less than 90% stored Lux\n")
        await self.until(lambda: device.error)
        self.assertIn("Measured Lux", (await self.shown())["error"])
        self.assertEqual(await self.call("machine.td1.reboot", serial="E66"), {"status": "ok"})
        self.assertEqual(await self.heard(), b"reboot")
        self.assertEqual(await self.call("machine.td1.reboot", serial="x"), {"status": "key_error"})

    def test_simplyprint_says_why_not(self) -> Any:
        return self.async_test(self._simplyprint())

    async def _simplyprint(self) -> None:
        info = await self.call("server.info")
        self.assertEqual(info["failed_components"], ["simplyprint"])
        self.assertIn("protocol is not published", info["warnings"][-1])
