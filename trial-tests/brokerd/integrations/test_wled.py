"""Strips of lights: over HTTP against a fake that answers as WLED does, and over a pseudo-terminal."""

import json
from typing import Any

from .houses import HouseTestCase
from .terminals import Terminal
from .web import Asked, WebServer


class FakeWled:
    """The part of WLED's JSON interface that is used: C{on}, C{bri}, C{ps}, C{seg}."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"on": False, "bri": 128, "ps": -1, "seg": {}}

    def take(self, change: dict[str, Any]) -> None:
        self.state["seg"].update(change.pop("seg", {}))
        self.state.update(change)

    def answer(self, asked: Asked) -> Any:
        if asked.method != "POST" or asked.path != "/json":
            return 404, b""
        self.take(asked.json)
        return {"success": True}


class HttpTests(HouseTestCase):
    def prepare(self) -> None:
        self.case, self.lounge = FakeWled(), FakeWled()
        web = [WebServer(each.answer) for each in (self.case, self.lounge)]
        for each in web:
            self.addCleanup(each.stop)
        self.configuration = (
            f"[wled case]\ntype: http\naddress: {web[0].address}\ninitial_preset: 45\nchain_count: 76\n"
            f"[wled lounge]\ntype: http\naddress: {web[1].address}\ninitial_red: 1\ninitial_green: 0\n"
            "initial_blue: 0\ninitial_white: 0\nchain_count: 3\n"
            "[wled gone]\ntype: http\naddress: 127.0.0.1:1\n[wled wrong]\ntype: http\nchain_count: many\n"
        )

    async def begun(self) -> None:
        await self.until(lambda: self.case.state["on"] and self.lounge.state["on"])

    def test_beginning(self) -> Any:
        return self.async_test(self._beginning())

    async def _beginning(self) -> None:
        await self.begun()
        self.assertEqual(self.case.state["ps"], 45)
        self.assertEqual(self.lounge.state["seg"]["col"], [[255, 0, 0, 0]])
        strips = self.house.built["wled"][0]
        await self.until(lambda: strips._strips["gone"].error)
        await self.until(lambda: strips._strips["case"].on)
        answer = (await self.get("/machine/wled/strips")).json["result"]["strips"]
        self.assertEqual(list(answer), ["case", "lounge", "gone"])
        shown = {"strip": "case", "status": "on", "chain_count": 76, "preset": 45, "brightness": -1}
        self.assertEqual(answer["case"], {**shown, "intensity": -1, "speed": -1, "error": None})
        self.assertIn("127.0.0.1:1", answer["gone"]["error"])
        self.assertIn("'chain_count' of [wled wrong] must be an integer, not 'many'", self.house.warnings[0])

    def test_control(self) -> Any:
        return self.async_test(self._control())

    async def _control(self) -> None:
        await self.begun()
        body = {"strip": "case", "action": "on", "preset": 3, "brightness": 200, "intensity": 50, "speed": 0}
        answer = await self.post("/machine/wled/strip", body)
        self.assertEqual(answer.json["result"]["case"]["intensity"], 50)
        self.assertEqual(self.case.state, {"on": True, "bri": 200, "ps": 3, "seg": {"ix": 50, "sx": 0}})
        for path in ("status?case", "strip?strip=case"):
            (shown,) = (await self.get(f"/machine/wled/{path}")).json["result"].values()
            self.assertEqual((shown["preset"], shown["brightness"]), (3, 200))
        await self.call("machine.wled.on", case=None)
        await self.call("machine.wled.toggle", case=None)
        self.assertFalse(self.case.state["on"])
        await self.call("machine.wled.off", case=None, lounge=None)
        self.assertFalse(self.lounge.state["on"])
        for wrong in (
            {"strip": "case", "action": "control"},
            {"strip": "case", "action": "control", "brightness": 0},
            {"strip": "case", "action": "shine"},
        ):
            self.assertEqual((await self.post("/machine/wled/strip", wrong)).code, 400)
        self.assertEqual((await self.get("/machine/wled/status?nowhere")).code, 404)

    def test_macros(self) -> Any:
        return self.async_test(self._macros())

    async def _macros(self) -> None:
        await self.begun()
        self.fake.call_remote("set_wled", strip="lounge", red=1.0, index=2, transmit=0)
        self.fake.call_remote("set_wled", strip="lounge", blue=0.5, index=3, transmit=1)
        await self.until(lambda: "i" in self.lounge.state["seg"])
        self.assertEqual(self.lounge.state["seg"]["i"], [1, "FF000000", 2, "00008000"])
        self.fake.call_remote("set_wled_state", strip="case", state=True, preset=-1, brightness=-1, speed=9)
        await self.until(lambda: self.case.state["seg"].get("sx") == 9)
        self.fake.call_remote("set_wled_state", strip="case", state=False)
        await self.until(lambda: not self.case.state["on"])


class SerialTests(HouseTestCase):
    def prepare(self) -> None:
        self.terminal = Terminal(self)
        self.configuration = f"[wled desk]\ntype: serial\nserial: {self.terminal.device}\ninitial_preset: 2\n"

    async def heard(self) -> Any:
        found: list[bytes] = []

        def arrived() -> bool:
            text = self.terminal.line(b"}")
            if text is not None:
                found.append(text)
            return bool(found)

        await self.until(arrived)
        return json.loads(found[0] + b"}")

    def test_serial(self) -> Any:
        return self.async_test(self._serial())

    async def _serial(self) -> None:
        self.assertEqual(await self.heard(), {"on": True, "ps": 2})
        await self.call("machine.wled.off", desk=None)
        self.assertEqual(await self.heard(), {"on": False})
