"""The control socket: bad input gets an answer, and never does anything."""

import json
import os
import socket

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rig import PATIENCE, Rig, SimTestCase


class ControlTests(SimTestCase):
    """Requests, one a line."""

    def setUp(self) -> None:
        self.r: Rig = self.rig(connect=False)

    def refused(self, line: bytes) -> str:
        """The error that C{line} gets."""
        answer = self.r.raw_request(line)
        self.assertEqual(list(answer), ["error"])
        return answer["error"]  # type: ignore[no-any-return]

    def test_malformed(self) -> None:
        """What is no flat JSON object is refused with the reason."""
        for line, wanted in (
            (b"", "JSON object"),
            (b"report", "JSON object"),
            (b"[]", "JSON object"),
            (b"{", "key in quotes"),
            (b'{"cmd"}', "':'"),
            (b'{"cmd":}', "plain value"),
            (b'{"cmd": "report"', "','"),
            (b'{"cmd": "report"} x', "follows"),
            (b'{"cmd": {"a": 1}}', "plain value"),
            (b'{"cmd": 0x10}', "plain value"),
            (b'{"cmd": inf}', "plain value"),
            (b'{"cmd": "\\ud800"}', "plain value"),
            (b'{"cmd": "' + b"x" * 64 + b'"}', "plain value"),
            (b"{" + b",".join(b'"%d": 1' % i for i in range(20)) + b"}", "too many"),
            (b"{}", "'cmd' is missing"),
            (b'{"cmd": 1}', "'cmd' is missing"),
            (b'{"cmd": "dance"}', "no command 'dance'"),
        ):
            self.assertIn(wanted, self.refused(line), line)

    def test_bad_values(self) -> None:
        """A wrong name, type or value is refused, and says what is right."""
        for fields, wanted in (
            ({"cmd": "set"}, "set needs one of"),
            ({"cmd": "set", "ambient": "warm"}, "'ambient' must be a number"),
            ({"cmd": "set", "ambient": 1e9}, "between -100 and 200"),
            ({"cmd": "set", "heater": "oven", "sensor": "open"}, "no heater 'oven'"),
            ({"cmd": "set", "heater": 3}, "must be a name"),
            ({"cmd": "set", "heater": "hotend", "sensor": "torn"}, "ok, open, short"),
            ({"cmd": "set", "heater": "hotend", "health": 2}, "between 0 and 1"),
            ({"cmd": "set", "heater": "hotend", "stuck_on": 1}, "true or false"),
            ({"cmd": "set", "endstop": "x", "stuck": "maybe"}, "no, open, triggered"),
            ({"cmd": "set", "endstop": "w", "stuck": "open"}, "no endstop 'w'"),
            ({"cmd": "set", "probe": True}, "no, open, triggered"),
            ({"cmd": "set", "extruder": "e"}, "'jammed' must be"),
            ({"cmd": "set", "fan": "part"}, "'blocked' must be"),
            ({"cmd": "set", "switch": "filament"}, "'active' must be"),
            ({"cmd": "set", "axis": "w", "position": 3}, "x, y, z"),
            ({"cmd": "set", "axis": "x", "position": 1000}, "beyond the frame"),
            ({"cmd": "unplug"}, "'seconds' must be a number"),
            ({"cmd": "unplug", "seconds": -1}, "between 0 and"),
        ):
            self.assertIn(wanted, self.refused(json.dumps(fields).encode()), fields)

    def test_partly_wrong_changes_nothing(self) -> None:
        """A request with one bad value leaves the good one alone as well."""
        before = self.r.report()["heaters"]["hotend"]
        self.refused(b'{"cmd": "set", "heater": "hotend", "stuck_on": true, "health": 7}')
        self.assertEqual(self.r.report()["heaters"]["hotend"], before)

    def test_settings(self) -> None:
        """What can be set shows in the report."""
        self.r.request(cmd="set", endstop="x", stuck="triggered")
        self.r.request(cmd="set", probe="triggered")
        self.r.request(cmd="set", switch="button", active=True)
        self.r.request(cmd="set", fan="part", blocked=True)
        self.r.request(cmd="set", ambient=17.5)
        report = self.r.report()
        self.assertTrue(report["endstops"]["x"]["triggered"])
        self.assertEqual(report["endstops"]["x"]["stuck"], "triggered")
        self.assertTrue(report["probe"]["triggered"])
        self.assertTrue(report["switches"]["button"])
        self.assertTrue(report["fans"]["part"]["blocked"])
        self.assertEqual(report["ambient"], 17.5)

    def test_too_long_a_line(self) -> None:
        """It is refused, and the client hung up on; others go on."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.r.control_path)
            client.sendall(b"x" * 5000)
            answer = b""
            while chunk := self.receive(client):
                answer += chunk
        self.assertIn("too long", json.loads(answer)["error"])
        self.assertIn("time", self.r.report())

    def receive(self, client: socket.socket) -> bytes:
        try:
            return client.recv(4096)
        except ConnectionResetError:  # it hung up with our bytes unread
            return b""

    def test_lines_in_pieces_and_in_bulk(self) -> None:
        """Where a packet ends is of no matter."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(self.r.control_path)
            client.sendall(b'{"cmd": "ma')
            self.r.report()
            client.sendall(b'rk"}\n' + b'{"cmd": "mark"}\n' * 2 + b"{}\n")
            lines = client.makefile("rb")
            answers = [json.loads(next(lines)) for _ in range(4)]
        self.assertEqual([list(answer) for answer in answers], [["result"]] * 3 + [["error"]])

    def test_many_clients(self) -> None:
        """More clients than it takes are hung up on at once, and those who leave make room."""
        self.r.report()
        for _ in range(3):
            clients = [socket.socket(socket.AF_UNIX) for _ in range(6)]
            answers = 0
            for client in clients:
                client.settimeout(PATIENCE)
                client.connect(self.r.control_path)
            for client in clients:
                try:
                    client.sendall(b'{"cmd": "mark"}\n')
                    answers += bool(self.receive(client))
                except BrokenPipeError:
                    pass
                client.close()
            self.assertEqual(answers, 3)
            for _ in range(3):
                self.r.report()

    def test_quit(self) -> None:
        """It answers, ends cleanly and removes what it made."""
        self.r.request(cmd="quit")
        self.assertEqual(self.r.process.wait(PATIENCE), 0)
        self.assertFalse(os.path.lexists(self.r.control_path))
        self.assertFalse(os.path.lexists(self.r.link))
        self.assertIn("\nR,{", self.r.record.read_text())

    @settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200).map(lambda data: data.replace(b"\n", b" ")))
    def test_garbage(self, line: bytes) -> None:
        """Any bytes get exactly one line back, which is an error."""
        self.assertEqual(list(self.r.raw_request(line)), ["error"])
