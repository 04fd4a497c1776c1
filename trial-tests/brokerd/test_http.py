"""Plain HTTP: forms of requests and answers, errors, files, pages, origins."""

import gzip
import os
from pathlib import Path
from typing import Any

from brokerd.settings import BrokerSettings

from .fake_host import FakeHost
from .harness import BrokerTestCase


class FormTests(BrokerTestCase):
    """Arguments, envelopes and errors."""

    async def test_result_envelope(self) -> None:
        answer = await self.get("/server/info")
        self.assertEqual(answer.headers["content-type"], "application/json; charset=UTF-8")
        self.assertEqual(set(answer.json), {"result"})
        self.assertEqual(answer.json["result"]["klippy_state"], "ready")

    async def test_errors(self) -> None:
        for verb, path, code in (
            ("GET", "/server/nothing", 404),
            ("POST", "/server/info", 405),
            ("GET", "/server/files/metadata", 400),
            ("GET", "/server/gcode_store?count=many", 400),
            ("GET", "/server/files/metadata?filename=none.gcode", 404),
            ("GET", "/server/%ff", 400),
            ("GET", "/server/files/gcodes/%00", 400),
            ("PATCH", "/server/info", 405),
        ):
            answer = await self.http(verb, path)
            self.assertEqual(answer.code, code, path)
            self.assertEqual(set(answer.json["error"]), {"code", "message"}, path)
            self.assertEqual(answer.json["error"]["code"], code)

    async def test_faults_stay_inside(self) -> None:
        async def broken(*_: Any) -> Any:
            raise ZeroDivisionError("secret detail")

        self.patch(FakeHost, "do_info", broken)
        for answer in (await self.get("/printer/info"),):
            self.assertEqual(answer.code, 500)
        rpc = await self.rpc("printer.info")
        self.assertEqual(rpc["error"]["code"], -32603)
        for text in (answer.body.decode(), str(rpc)):
            self.assertNotIn("secret", text)
            self.assertNotIn("Traceback", text)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    async def test_query_string_of_objects(self) -> None:
        answer = await self.get("/printer/objects/query?toolhead&extruder=target,temperature&token=")
        status = answer.json["result"]["status"]
        self.assertEqual(set(status["toolhead"]), {"position", "print_time"})
        self.assertEqual(set(status["extruder"]), {"target", "temperature"})
        same = await self.post(
            "/printer/objects/query", {"objects": {"extruder": ["target"], "toolhead": None}}
        )
        self.assertEqual(set(same.json["result"]["status"]["extruder"]), {"target"})

    async def test_type_hints_forms_and_precedence(self) -> None:
        answer = await self.http("POST", "/server/database/item?namespace=n&key=a&value:int=5")
        self.assertEqual(answer.json["result"]["value"], 5)
        answer = await self.http(
            "POST", "/server/database/item?namespace=n&key=b&value:json=%7B%22x%22%3A1%7D"
        )
        self.assertEqual(answer.json["result"]["value"], {"x": 1})
        answer = await self.http("POST", "/server/database/item?namespace=n&key=c&value:int=x")
        self.assertEqual(answer.code, 400)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await self.http("POST", "/server/database/item?key=q", b"namespace=n&key=d&value=text", form)
        self.assertEqual((answer.json["result"]["key"], answer.json["result"]["value"]), ("d", "text"))
        answer = await self.get("/server/database/item?namespace=n&key=b.x")
        self.assertEqual(answer.json["result"]["value"], 1)

    async def test_bodies_that_are_refused(self) -> None:
        kind = {"Content-Type": "application/json"}
        for body, code in ((b"[1]", 400), (b"{bad", 400), (b"\xff", 400), (b"x" * 9_000_000, 413)):
            answer = await self.http("POST", "/server/database/item", body, kind)
            self.assertEqual(answer.code, code, body[:20])
        answer = await self.http("POST", "/printer/gcode/script", b"<a/>", {"Content-Type": "text/xml"})
        self.assertEqual(answer.code, 400)

    async def test_deep_json(self) -> None:
        answer = await self.http("POST", "/server/jsonrpc", b"[" * 100_000)
        self.assertEqual(answer.json["error"]["code"], -32700)

    async def test_jsonrpc_over_http(self) -> None:
        answer = await self.rpc("printer.info")
        self.assertEqual(answer["result"]["state"], "ready")
        answer = await self.rpc("server.websocket.id")
        self.assertEqual(answer["error"]["code"], -32601)
        notification = await self.post("/server/jsonrpc", {"jsonrpc": "2.0", "method": "server.info"})
        self.assertEqual((notification.code, notification.body), (204, b""))

    async def test_keep_alive_and_pipelining(self) -> None:
        connection = await self.open_raw()
        request = b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n"
        last = request.replace(b"Host: x", b"Host: x\r\nConnection: close")
        done = connection.done
        connection.transport.write(request * 2 + last)
        self.assertEqual((await done).count(b"HTTP/1.1 200 OK"), 3)

    async def test_head(self) -> None:
        answer = await self.http("HEAD", "/server/info")
        self.assertEqual((answer.code, answer.body), (200, b""))
        self.assertGreater(int(answer.headers["content-length"]), 100)

    async def test_passed_through(self) -> None:
        answer = await self.get("/printer/bed_mesh/dump_mesh?mesh_args=1")
        self.assertEqual(answer.json["result"], {"args": {"mesh_args": "1"}})
        self.assertEqual((await self.rpc("printer.bed_mesh.dump_mesh"))["result"], {"args": {}})
        self.assertEqual((await self.get("/printer/motion_report/dump_trapq")).code, 404)

    async def test_openapi(self) -> None:
        document = (await self.get("/server/openapi.json")).json
        self.assertIn("/printer/print/start", document["paths"])
        self.assertEqual(document["paths"]["/server/files/upload"]["post"]["tags"], ["file_manager"])


class OriginTests(BrokerTestCase):
    """Pages of other sites."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(cors_domains=("http://*.good.example",), **changes)

    async def test_cors(self) -> None:
        answer = await self.get("/server/info", Origin="http://app.good.example")
        self.assertEqual(answer.headers["access-control-allow-origin"], "http://app.good.example")
        answer = await self.get("/server/info", Origin="http://evil.example")
        self.assertNotIn("access-control-allow-origin", answer.headers)
        answer = await self.http(
            "OPTIONS", "/printer/print/start", headers={"Origin": "http://app.good.example"}
        )
        self.assertEqual(answer.code, 204)
        self.assertIn("POST", answer.headers["access-control-allow-methods"])

    async def test_foreign_pages_change_nothing(self) -> None:
        evil = {"Origin": "http://evil.example"}
        answer = await self.http("POST", "/printer/emergency_stop", headers=evil)
        self.assertEqual(answer.code, 403)
        self.assertEqual(self.fake.asked("emergency_stop"), [])
        own = {"Origin": f"http://127.0.0.1:{self.port}"}
        self.assertEqual((await self.http("POST", "/printer/emergency_stop", headers=own)).code, 200)


class DownloadTests(BrokerTestCase):
    """Files as answers."""

    async def _start(self) -> None:
        await super()._start()
        self.content = os.urandom(1_000_000)
        (self.data / "gcodes" / "a.gcode").write_bytes(self.content)
        self.path = "/server/files/gcodes/a.gcode"

    async def test_whole(self) -> None:
        answer = await self.get(self.path)
        self.assertEqual(answer.body, self.content)
        self.assertIn("attachment", answer.headers["content-disposition"])
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")

    async def test_not_modified(self) -> None:
        tag = (await self.get(self.path)).headers["etag"]
        answer = await self.get(self.path, If_None_Match=tag)
        self.assertEqual((answer.code, answer.body), (304, b""))
        (self.data / "gcodes" / "a.gcode").write_bytes(b"other")
        self.assertEqual((await self.get(self.path, If_None_Match=tag)).code, 200)

    async def test_ranges(self) -> None:
        for header, start, end in (("0-99", 0, 100), ("999990-", 999_990, None), ("-10", -10, None)):
            answer = await self.get(self.path, Range=f"bytes={header}")
            self.assertEqual(answer.code, 206)
            self.assertEqual(answer.body, self.content[start:end])
        self.assertEqual((await self.get(self.path, Range="bytes=2000000-")).code, 416)
        self.assertEqual((await self.get(self.path, Range="nonsense")).code, 200)
        old = await self.get(self.path, Range="bytes=0-9", If_Range='"old"')
        self.assertEqual((old.code, len(old.body)), (200, 1_000_000))

    async def test_escapes(self) -> None:
        outside = Path(self.mktemp()).absolute()
        outside.write_bytes(b"secret")
        (self.data / "gcodes" / "link.gcode").symlink_to(outside)
        for path in (
            "gcodes/link.gcode",
            "gcodes/../.api_key",
            "gcodes/%2e%2e/.api_key",
            "gcodes/%2fetc/passwd",
        ):
            answer = await self.get(f"/server/files/{path}")
            self.assertIn(answer.code, (403, 404), path)
            self.assertNotIn(b"secret", answer.body)

    async def test_client_that_leaves_in_the_middle(self) -> None:
        (self.data / "gcodes" / "big.gcode").write_bytes(b"x" * 30_000_000)
        connection = await self.open_raw()
        connection.transport.write(b"GET /server/files/gcodes/big.gcode HTTP/1.1\r\nHost: x\r\n\r\n")
        await self.until(lambda: len(connection.data) > 100_000)
        connection.transport.abortConnection()
        self.assertEqual((await self.get("/server/info")).code, 200)

    async def test_logs(self) -> None:
        (self.data / "logs").mkdir(exist_ok=True)
        self.assertEqual((await self.get("/server/files/klippy.log")).code, 404)
        self.assertEqual((await self.get("/server/files/moonraker.log")).code, 404)


class PageTests(BrokerTestCase):
    """The browser's pages."""

    def settings(self, **changes: Any) -> BrokerSettings:
        pages = Path(self.mktemp()).absolute()
        (pages / "assets").mkdir(parents=True)
        (pages / "index.html").write_text("<h1>printer</h1>")
        (pages / "assets" / "app.js").write_text("let x = 1;")
        (pages / "assets" / "app.js.gz").write_bytes(gzip.compress(b"let x = 1;"))
        (pages / "assets" / "app.css.br").write_bytes(b"brotli")
        (pages / "assets" / "app.css").write_text("a {}")
        (pages / "assets" / "index-a1b2c3d4.js").write_text("let y = 2;\n" * 500)
        (pages / ".hidden").write_text("secret")
        return super().settings(pages=pages, **changes)

    async def test_pages(self) -> None:
        for path in ("/", "/index.html", "/some/route/of/the/app"):
            answer = await self.get(path)
            self.assertEqual(answer.body, b"<h1>printer</h1>", path)
            self.assertEqual(answer.headers["content-type"], "text/html")
        script = await self.get("/assets/app.js")
        self.assertEqual(script.headers["content-type"], "text/javascript")
        self.assertEqual((await self.get("/assets/app.js", If_None_Match=script.headers["etag"])).code, 304)

    async def test_compressed(self) -> None:
        answer = await self.get("/assets/app.js", Accept_Encoding="gzip, br")
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(answer.body), b"let x = 1;")
        answer = await self.get("/assets/app.css", Accept_Encoding="gzip, br")
        self.assertEqual((answer.headers["content-encoding"], answer.body), ("br", b"brotli"))
        for _ in range(2):
            answer = await self.get("/assets/index-a1b2c3d4.js", Accept_Encoding="gzip")
            self.assertEqual(answer.headers["content-encoding"], "gzip")
            self.assertEqual(gzip.decompress(answer.body), b"let y = 2;\n" * 500)
        self.assertIn("immutable", answer.headers["cache-control"])
        plain = await self.get("/assets/index-a1b2c3d4.js")
        self.assertNotEqual(plain.headers["etag"], answer.headers["etag"])
        self.assertEqual((plain.headers["vary"], len(plain.body)), ("Accept-Encoding", 5500))
        self.assertEqual((await self.get("/")).headers["cache-control"], "no-cache")

    async def test_what_is_no_page(self) -> None:
        for path in ("/assets/missing.js", "/server/nothing", "/.hidden", "/../x", "/api/nothing"):
            answer = await self.get(path)
            self.assertEqual(answer.code, 404, path)


class OctoprintTests(BrokerTestCase):
    """What slicers ask."""

    async def test_version(self) -> None:
        answer = (await self.get("/api/version")).json
        self.assertTrue(answer["text"].startswith("OctoPrint"))
        self.assertEqual(answer["api"], "0.1")

    async def test_printer_and_job(self) -> None:
        answer = (await self.get("/api/printer")).json
        self.assertEqual(answer["temperature"]["tool0"]["actual"], 24.999)
        self.assertEqual(answer["temperature"]["bed"]["target"], 0.0)
        self.assertTrue(answer["state"]["flags"]["ready"])
        await self.upload("a.gcode", b"G28", print="true")
        self.fake.change("virtual_sdcard", progress=0.5)
        job = (await self.get("/api/job")).json
        self.assertEqual((job["job"]["file"]["name"], job["progress"]["completion"]), ("a.gcode", 50.0))
        self.assertEqual(job["state"], "Printing")

    async def test_command(self) -> None:
        answer = await self.post("/api/printer/command", {"commands": ["G28", "G1 X5"]})
        self.assertEqual(answer.json, {})
        self.assertEqual(self.fake.asked("gcode/script")[-1]["script"], "G28\nG1 X5")


class PrefixTests(BrokerTestCase):
    """Behind a proxy that passes the whole path."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(route_prefix="printers/one", **changes)

    async def test_prefix(self) -> None:
        for path in ("/printers/one/server/info", "/server/info"):
            self.assertEqual((await self.get(path)).code, 200, path)
        self.assertEqual((await self.get("/printers/two/server/info")).code, 404)
        self.assertEqual((await self.get("/printers/onemore/server/info")).code, 404)
        answer = await self.upload("a.gcode", b"G28\n", "/printers/one/server/files/upload")
        self.assertEqual(answer.code, 201)
