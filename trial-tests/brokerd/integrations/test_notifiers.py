"""Messages by apprise itself, to a web server of the test."""

from typing import Any

from brokerd.integrations.notifiers import job_event

from .houses import HouseTestCase
from .web import Asked, WebServer


class NotifierTests(HouseTestCase):
    secrets = "[hook]\npath: secret-path\n"

    def prepare(self) -> None:
        self.web = WebServer(self._answer)
        self.addCleanup(self.web.stop)
        url = f"json://{self.web.address}/{{secrets.hook.path}}"
        picture = self.data / "picture.txt"
        picture.write_text("a picture")
        self.configuration = (
            f"[notifier start]\nurl: {url}\nevents: started, complete\n"
            "body: Now {event_name}: '{event_args[1].filename}'\ntitle: Printer\n"
            f"[notifier macro]\nurl: {url}\nevents: gcode\nbody: {{event_message}}\nattach: {picture}\n"
            f"[notifier plain]\nurl: {url}\nevents: error\n"
            f"[notifier failing]\nurl: {url}-bad\nevents: cancelled\n"
            f"[notifier nonsense]\nurl: nowhere\nevents: paused\nbody: {{nothing}}\n"
            f"[notifier wrong]\nurl: {url}\nevents: sometimes\n"
        )

    def _answer(self, asked: Asked) -> Any:
        return (500, b"") if asked.path.endswith("-bad") else {}

    def test_job(self) -> Any:
        return self.async_test(self._job())

    async def _job(self) -> None:
        self.fake.change("print_stats", state="printing", filename="vase.gcode")
        await self.until(lambda: self.web.asked)
        asked = self.web.asked[0]
        self.assertEqual((asked.method, asked.path), ("POST", "/secret-path"))
        self.assertEqual(asked.json["message"], "Now started: 'vase.gcode'")
        self.assertEqual(asked.json["title"], "Printer")
        self.fake.change("print_stats", state="error", message="too hot")
        await self.until(lambda: len(self.web.asked) == 2)
        self.assertEqual(self.web.asked[1].json["message"], "plain")

    def test_macro(self) -> Any:
        return self.async_test(self._macro())

    async def _macro(self) -> None:
        self.fake.call_remote("notify", name="macro", message="Filament!")
        await self.until(lambda: self.web.asked)
        self.assertEqual(self.web.asked[0].json["message"], "Filament!")
        self.assertEqual(self.web.asked[0].json["attachments"][0]["filename"], "picture.txt")

    def test_list_and_test(self) -> Any:
        return self.async_test(self._list())

    async def _list(self) -> None:
        listed = (await self.get("/server/notifiers/list")).json["result"]["notifiers"]
        self.assertEqual(
            [each["name"] for each in listed], ["start", "macro", "plain", "failing", "nonsense"]
        )
        self.assertEqual(listed[0]["url"], f"json://{self.web.address}/{{secrets.hook.path}}")
        self.assertEqual((listed[0]["events"], listed[2]["body"]), (["started", "complete"], None))
        answer = await self.post("/debug/notifiers/test", {"name": "start"})
        self.assertEqual(answer.json["result"]["status"], "success")
        self.assertEqual(self.web.asked[0].json["message"], "Now notifier_test: 'notifier_test.gcode'")
        failing = await self.post("/debug/notifiers/test", {"name": "failing"})
        self.assertEqual(failing.code, 502)
        nonsense = await self.post("/debug/notifiers/test", {"name": "nonsense"})
        self.assertIn("'nothing' is undefined", nonsense.json["error"]["message"])
        self.assertIn("some of standby, started", self.house.warnings[0])

    def test_events(self) -> None:
        for before, now, event in (
            ("standby", "printing", "started"),
            ("paused", "printing", "resumed"),
            ("printing", "paused", "paused"),
            ("printing", "complete", "complete"),
            ("complete", "complete", None),
            ("printing", "printing", None),
        ):
            self.assertEqual(job_event({"state": before}, {"state": now}), event)
        again = ({"state": "printing", "total_duration": 9.0}, {"state": "printing", "total_duration": 0.1})
        self.assertEqual(job_event(*again), "started")
