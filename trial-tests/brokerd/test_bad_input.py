"""Bad input of every kind during a print: refused in words, and the print goes on; see docs/bad-input.md."""

import os
from typing import Any

from .harness import BrokerTestCase


class DuringPrintTests(BrokerTestCase):
    """One broker, one running print."""

    timeout = 60

    async def _start(self) -> None:
        await super()._start()
        await self.upload("job.gcode", b"G28\n", print="true")
        await self.until(lambda: self.parts.jobs.printing == "job.gcode")
        self.asked = len(self.fake.requests)

    def check_undisturbed(self) -> None:
        self.assertEqual(self.fake.objects["print_stats"]["state"], "printing")
        self.assertEqual(self.parts.jobs.printing, "job.gcode")
        commands = {name for name, _ in self.fake.requests[self.asked :]}
        self.assertEqual(commands - {"info", "objects/query", "objects/subscribe", "list_endpoints"}, set())

    async def refused(self, method: str, code: int, words: str, **params: Any) -> None:
        error = (await self.rpc(method, **params))["error"]
        self.assertEqual(error["code"], code, error)
        self.assertIn(words, error["message"])

    async def test_names_with_control_characters(self) -> None:
        for name in ("a\n.gcode", "a\x00.gcode", "\x1b[2J.gcode"):
            await self.refused("printer.print.start", 400, "control characters", filename=name)
            head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
            kind = {"Content-Type": "multipart/form-data; boundary=b"}
            body = head.encode() + b"G28\r\n--b--\r\n"
            answer = await self.http("POST", "/server/files/upload", body, kind)
            self.assertEqual(answer.code, 400, name)
        self.assertEqual(sorted(each.name for each in (self.data / "gcodes").glob("*.gcode")), ["job.gcode"])
        self.check_undisturbed()

    async def test_wrong_types(self) -> None:
        await self.refused("printer.gcode.script", 400, "must be a string, not {'a': 1}", script={"a": 1})
        await self.refused("server.gcode_store", 400, "must be an integer, not 'many'", count="many")
        await self.refused("server.files.zip", 400, "must be a list", items={"a": 1})
        await self.refused("printer.objects.query", 400, "objects", objects=[1])
        self.check_undisturbed()

    async def test_the_file_in_print(self) -> None:
        for method, params in (
            ("delete_file", {"path": "gcodes/job.gcode"}),
            ("move", {"source": "gcodes/job.gcode", "dest": "gcodes/x.gcode"}),
        ):
            await self.refused(f"server.files.{method}", 403, "is being printed", **params)
        answer = await self.upload("job.gcode", b"G1 X1\n")
        self.assertEqual((answer.code, (self.data / "gcodes" / "job.gcode").read_bytes()), (403, b"G28\n"))
        self.check_undisturbed()

    async def test_bytes_that_are_no_utf8(self) -> None:
        socket = await self.socket()
        socket.sendMessage(b'{"jsonrpc": "2.0", "id": 1, "method": "\xff\xfe"}')
        code, _ = await socket.closed
        self.assertIn(code, (1006, 1007))  # a fault of the protocol may be answered by the connection's end
        self.assertEqual((await self.get("/server/files/metadata?filename=%ff%fe")).code, 400)
        self.assertEqual((await self.http("POST", "/server/jsonrpc", b'"\xed\xa0\x80"')).code, 200)
        self.assertEqual((await self.get("/server/info")).code, 200)
        self.check_undisturbed()

    async def test_giant_headers(self) -> None:
        for head in (b"A: " + b"x" * 100_000, b"\r\n".join([b"A: x"] * 3000)):
            connection = await self.open_raw()
            connection.transport.write(b"GET /server/info HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
            await connection.done
            self.assertNotIn(b" 200 ", connection.data.split(b"\r\n")[0])
        self.check_undisturbed()


class DamagedDatabaseTests(BrokerTestCase):
    """A broker that finds its database damaged when it starts."""

    async def test_restored_and_said(self) -> None:
        path = self.data / "database" / "brokerd.sqlite"
        filler = {f"key{number}": "x" * 500 for number in range(200)}
        await self.rpc("server.database.post_item", namespace="n", key="all", value=filler)
        backups = self.data / "backup" / "database"
        await self.broker.stopService()
        for each in backups.iterdir():
            each.unlink()
        self.broker.startService()  # makes the daily copy
        self.assertEqual((await self.value())["key7"], filler["key7"])
        await self.broker.stopService()
        content = bytearray(path.read_bytes())
        content[4096:] = os.urandom(len(content) - 4096)
        path.write_bytes(content)
        self.broker.startService()
        self.assertEqual((await self.value())["key7"], filler["key7"])
        warnings = (await self.rpc("server.info"))["result"]["warnings"]
        self.assertIn("took its place", " ".join(warnings))

    async def value(self) -> Any:
        return (await self.rpc("server.database.get_item", namespace="n", key="all"))["result"]["value"]
