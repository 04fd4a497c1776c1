"""Who gets in."""

import os
import stat
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.access.addresses import AddressRules, Origin, parse_network
from brokerd.access.keys import ApiKey, Bearer, OneshotTokens
from brokerd.access.origins import OriginRules
from brokerd.registry.caller import Role
from brokerd.settings import BrokerSettings

from .harness import BrokerTestCase


class AddressTests(SynchronousTestCase):
    """Trusted clients and proxies."""

    def setUp(self) -> None:
        trusted = (parse_network("127.0.0.0/8"), parse_network("192.168.1.0/24"), parse_network("::1"))
        self.rules = AddressRules(trusted, (parse_network("127.0.0.1"), parse_network("10.0.0.1")))
        self.plain = AddressRules(trusted)

    def test_direct(self) -> None:
        for peer, trusted in (
            ("127.0.0.1", True),
            ("192.168.1.7", True),
            ("192.168.2.7", False),
            ("::1", True),
            ("::ffff:192.168.1.7", True),
            ("fe80::1%eth0", False),
            ("", False),
        ):
            self.assertEqual(self.rules.origin(peer, {}).trusted, trusted, peer)

    def test_unknown_proxy_is_never_trusted(self) -> None:
        for name in ("x-forwarded-for", "x-real-ip", "forwarded"):
            self.assertEqual(
                self.plain.origin("127.0.0.1", {name: "127.0.0.1"}), Origin("127.0.0.1", False), name
            )

    def test_known_proxy(self) -> None:
        def origin(hops: str) -> Origin:
            return self.rules.origin("127.0.0.1", {"x-forwarded-for": hops})

        self.assertEqual(origin("192.168.1.5"), Origin("192.168.1.5", True))
        self.assertEqual(origin("8.8.8.8"), Origin("8.8.8.8", False))
        self.assertEqual(origin("192.168.1.5, 8.8.8.8"), Origin("8.8.8.8", False))  # the first one is made up
        self.assertEqual(origin("192.168.1.5, 10.0.0.1"), Origin("192.168.1.5", True))
        self.assertFalse(origin("nonsense").trusted)
        self.assertFalse(self.rules.origin("127.0.0.1", {"forwarded": "for=192.168.1.5"}).trusted)

    @given(st.text(), st.text())
    def test_any_text(self, peer: str, hops: str) -> None:
        self.rules.origin(peer, {"x-forwarded-for": hops})


class OriginTests(SynchronousTestCase):
    """Pages."""

    def test_patterns(self) -> None:
        rules = OriginRules(("*.local", "http://*.my-domain.com", "*://localhost:*"))
        for origin, allowed in (
            ("http://a.local", True),
            ("https://b.a.local", True),
            ("http://local", False),
            ("http://x.my-domain.com", True),
            ("https://x.my-domain.com", False),
            ("http://localhost:8080", True),
            ("http://a.local.evil", False),
            ("null", False),
        ):
            self.assertEqual(rules.allowed(origin), allowed, origin)
        self.assertTrue(OriginRules(("*",)).allowed("http://anything"))

    def test_programs_and_own_pages(self) -> None:
        rules = OriginRules()
        self.assertTrue(rules.acceptable({}))
        self.assertTrue(rules.acceptable({"origin": "http://printer:7125", "host": "printer:7125"}))
        self.assertFalse(rules.acceptable({"origin": "http://printer", "host": "printer:7125"}))
        self.assertFalse(rules.acceptable({"origin": "null", "host": "printer"}))


class KeyTests(SynchronousTestCase):
    """The API key and tokens."""

    def test_file(self) -> None:
        path = Path(self.mktemp())
        key = ApiKey(path)
        self.assertFalse(key.matches(""))
        key.load()
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        again = ApiKey(path)
        again.load()
        self.assertTrue(again.matches(key.value))
        self.assertFalse(again.matches(key.value[:-1]))
        self.assertFalse(again.matches("é"))
        renewed = again.renew()
        self.assertNotEqual(renewed, key.value)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

    def test_tokens(self) -> None:
        clock = Clock()
        tokens = OneshotTokens(clock)
        token = tokens.issue(Role.VIEWER)
        self.assertEqual(tokens.redeem(token), Bearer(Role.VIEWER))
        self.assertIsNone(tokens.redeem(token))
        token = tokens.issue(Role.ADMIN)
        clock.advance(5.1)
        self.assertIsNone(tokens.redeem(token))


class UntrustedTests(BrokerTestCase):
    """A broker that trusts no address."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(trusted_clients=(), **changes)

    @property
    def key(self) -> str:
        return (self.data / ".api_key").read_text().strip()

    async def test_everything_is_closed(self) -> None:
        for verb, path in (
            ("GET", "/server/info"),
            ("POST", "/printer/print/start?filename=x"),
            ("GET", "/access/api_key"),
            ("GET", "/server/files/gcodes/x"),
            ("GET", "/api/version"),
            ("DELETE", "/server/files/gcodes/x"),
            ("GET", "/server/openapi.json"),
        ):
            self.assertEqual((await self.http(verb, path)).code, 401, path)
        self.assertEqual((await self.upload("a.gcode", b"G28")).code, 401)
        self.assertEqual(os.listdir(self.data / "gcodes"), [])
        self.assertEqual((await self.rpc("server.info"))["error"]["code"], 401)
        self.assertFalse((await self.get("/access/info")).json["result"]["trusted"])

    async def test_key(self) -> None:
        self.assertEqual((await self.get("/server/info", X_Api_Key=self.key)).code, 200)
        self.assertEqual((await self.get("/server/info", X_Api_Key="wrong")).code, 401)
        old = self.key
        answer = await self.http("POST", "/access/api_key", headers={"X-Api-Key": old})
        self.assertEqual(answer.json["result"], self.key)
        self.assertEqual((await self.get("/server/info", X_Api_Key=old)).code, 401)

    async def test_token(self) -> None:
        token = (await self.get("/access/oneshot_token", X_Api_Key=self.key)).json["result"]
        self.assertEqual((await self.get(f"/server/info?token={token}")).code, 200)
        self.assertEqual((await self.get(f"/server/info?token={token}")).code, 401)

    async def test_websocket_by_token(self) -> None:
        token = (await self.get("/access/oneshot_token", X_Api_Key=self.key)).json["result"]
        client = await self.socket(f"?token={token}")
        self.assertIn("result", await client.ask("server.info"))
        failure = Deferred.fromCoroutine(self.socket("?token=WRONG"))
        await self.assertFailure(failure, ConnectionRefusedError)

    async def test_websocket_by_identification(self) -> None:
        client = await self.socket("?token=")
        self.assertEqual((await client.ask("server.info"))["error"]["code"], 401)
        heard = len(client.notifications)
        who = {"client_name": "test", "version": "1", "type": "web", "url": "x"}
        wrong = await client.ask("server.connection.identify", **who, api_key="wrong")
        self.assertEqual(wrong["error"]["code"], 401)
        self.fake.say("secret")
        right = await client.ask("server.connection.identify", **who, api_key=self.key)
        self.assertIn("result", right)
        self.assertEqual(heard, 0)
        self.assertNotIn("notify_gcode_response", [each["method"] for each in client.notifications])
        self.assertIn("result", await client.ask("server.info"))
