"""The running appliance answers what its own OpenAPI document says: every GET, and what a printer is told."""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from twisted.trial.unittest import SynchronousTestCase

from appliance.resources import default_file

from .running import RunningAppliance

SAMPLE = default_file("samples/twisted-vase.gcode")
# What the query strings of the others need.
ARGUMENTS = {
    "/printer/objects/query": "toolhead&extruder&configfile&print_stats",
    "/server/files/metadata": f"filename={SAMPLE.name}",
    "/server/files/thumbnails": f"filename={SAMPLE.name}",
    "/server/database/item": "namespace=gcode_metadata",
    "/debug/database/item": "namespace=gcode_metadata",
    "/debug/database/table": "table=jobs",
}
# Nothing is configured that they speak of, or there is no such bus here.
ABSENT = {"/server/webcams/item", "/server/history/job", "/machine/peripherals/canbus"}
POSTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/printer/gcode/script", {"script": "G28 X"}),
    ("/printer/print/start", {"filename": SAMPLE.name}),
    ("/printer/print/pause", {}),
    ("/printer/print/resume", {}),
    ("/printer/print/cancel", {}),
    ("/printer/restart", {}),
)


class OpenApiTests(SynchronousTestCase):
    """One appliance, with its simulated printer."""

    timeout = 180

    def setUp(self) -> None:
        self.appliance = RunningAppliance(20.0)
        self.addCleanup(self.appliance.clean_up)
        self.appliance.start()
        self.appliance.wait_state("ready", 60)
        self.appliance.upload(SAMPLE)

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.appliance.url + path, data, {"Content-Type": "application/json"}, method=verb
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def check(self, verb: str, path: str, query: str = "", body: Any = None) -> None:
        operation = self.document["paths"][path][verb.lower()]
        content = operation["responses"]["200"]["content"]
        schema = {**content["application/json"]["schema"], "components": self.document["components"]}
        try:
            answer = self.ask(verb, path + (f"?{query}" if query else ""), body)
        except urllib.error.HTTPError as error:
            self.fail(f"{verb} {path}: {error.code} {error.read().decode()}")
        for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(answer):
            self.fail(f"{verb} {path}: {error.instance_path}: {error.message[:300]}")

    def test_results(self) -> None:
        self.document = self.ask("GET", "/server/openapi.json")
        checked = 0
        for path, verbs in self.document["paths"].items():
            operation = verbs.get("get")
            kinds = operation["responses"]["200"]["content"] if operation else {}
            needed = operation and any(each["required"] for each in operation["parameters"])
            if "application/json" not in kinds or path in ABSENT or (needed and path not in ARGUMENTS):
                continue
            self.check("GET", path, ARGUMENTS.get(path, ""))
            checked += 1
        self.assertGreater(checked, 40)
        for path, body in POSTS:
            if path.endswith(("pause", "cancel")):
                self.appliance.wait_for("the print", lambda: self.appliance.print_state() == "printing", 60)
            self.check("POST", path, body=body)
        self.appliance.wait_state("ready", 60)
        name = quote(f"gcodes/{SAMPLE.name}")
        changed = self.ask("DELETE", f"/server/files/{name}")["result"]
        self.assertEqual(changed["action"], "delete_file")
        self.check("GET", "/server/history/list")
