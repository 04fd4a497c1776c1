"""The HTTP client: redirects, time limits, long answers, connections that end."""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from brokerd.http_client import HttpClient, HttpFailure

from .integrations.web import Asked, WebServer


class _Silent(Protocol):
    def connectionMade(self) -> None:
        self.factory.open.append(self)  # type: ignore[attr-defined]

    def connectionLost(self, reason: object = None) -> None:
        self.factory.open.remove(self)  # type: ignore[attr-defined]


class ClientTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.web = WebServer(lambda asked: {"path": asked.path})
        self.addCleanup(self.web.stop)
        self.client = HttpClient(reactor)
        self.addCleanup(self.client.close)

    @property
    def url(self) -> str:
        return f"http://{self.web.address}"

    def _silent(self) -> Any:
        factory = Factory.forProtocol(_Silent)
        factory.noisy = False
        factory.open = []  # type: ignore[attr-defined]
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return factory, f"http://user:secret@127.0.0.1:{port.getHost().port}/path?key=secret"

    async def test_request(self) -> None:
        headers = {"X-A": "b"}
        answer = await self.client.request("post", f"{self.url}/a", headers=headers, body={"x": [1]})
        self.assertEqual((answer.status, answer.json(), answer.failed), (200, {"path": "/a"}, False))
        (asked,) = self.web.asked
        self.assertEqual((asked.method, asked.header("x-a"), asked.json), ("POST", "b", {"x": [1]}))
        self.assertEqual(asked.header("content-type"), "application/json")

    async def test_errors_are_answers(self) -> None:
        self.web.answer = lambda asked: (404, b"gone")
        answer = await self.client.get(f"{self.url}/x?key=secret")
        self.assertEqual((answer.status, answer.text, answer.failed), (404, "gone", True))
        error = self.assertRaises(HttpFailure, answer.check)
        self.assertEqual((error.status, str(error)), (404, f"{self.url} answered with the status 404"))
        error = self.assertRaises(HttpFailure, answer.json)
        self.assertIn("sent no JSON", str(error))

    async def test_redirects(self) -> None:
        other = WebServer(lambda asked: {"authorization": asked.header("authorization")})
        self.addCleanup(other.stop)

        def answer(asked: Asked) -> Any:
            target = {"/a": "/b", "/b": f"http://{other.address}/c", "/loop": "/loop"}[asked.path]
            asked.redirect = target
            return 302, b""

        self.web.answer = answer
        headers = {"Authorization": "Bearer x"}
        found = await self.client.get(f"{self.url}/a", headers=headers)
        # Another host gets no credentials of this one.
        self.assertEqual(found.json(), {"authorization": None})
        self.assertEqual(found.final_url, f"http://{other.address}/c")
        self.assertEqual(self.web.asked[1].header("authorization"), "Bearer x")
        await self.assertFailure(Deferred.fromCoroutine(self.client.get(f"{self.url}/loop")), HttpFailure)

    async def test_silence(self) -> None:
        _, url = self._silent()
        error = await self.assertFailure(
            Deferred.fromCoroutine(self.client.get(url, timeout=0.1)), HttpFailure
        )
        self.assertIn("no answer in 0.1 s", str(error))
        self.assertNotIn("secret", str(error))

    async def test_credentials_in_the_url(self) -> None:
        await self.client.get(f"http://ann:p%40ss@{self.web.address}/x")
        self.assertEqual(self.web.asked[0].header("authorization"), "Basic YW5uOnBAc3M=")

    async def test_refused_and_unknown(self) -> None:
        port = reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        number = port.getHost().port
        await port.stopListening()
        error = await self.assertFailure(
            Deferred.fromCoroutine(self.client.get(f"http://127.0.0.1:{number}/")), HttpFailure
        )
        self.assertIn("refused", str(error).lower())

    async def test_too_long(self) -> None:
        self.web.answer = lambda asked: bytes(5000)
        error = await self.assertFailure(
            Deferred.fromCoroutine(self.client.get(self.url, longest=1000)), HttpFailure
        )
        self.assertIn("longer than 1000 bytes", str(error))

    async def test_closing_breaks_off(self) -> None:
        _, url = self._silent()
        asking = Deferred.fromCoroutine(self.client.get(url))
        await self.client.close()
        await self.assertFailure(asking, CancelledError, HttpFailure)

    async def test_headers_are_checked(self) -> None:
        for headers in ({"X": "a\r\nY: b"}, {"X\n": "a"}):
            try:
                await self.client.get(self.url, headers=headers)
            except HttpFailure:
                continue
            self.assertIsNone(self.web.asked[-1].header("y"))
