"""Accounts: logging in and out, roles, tokens, and guessing passwords."""

import os
import stat
from pathlib import Path
from typing import Any

import jwt
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.access.accounts import Account, Accounts
from brokerd.access.attempts import LoginAttempts
from brokerd.access.hosts import HostRules, host_name
from brokerd.access.settings import AuthorizationConfig
from brokerd.access.tokens import ExpiredToken, InvalidToken, WebTokens
from brokerd.errors import TooMany
from brokerd.registry.caller import Role
from brokerd.sections import Sections
from brokerd.settings import BrokerSettings

from .harness import Answer, BrokerTestCase, SocketClient


class TokenTests(SynchronousTestCase):
    """JSON Web Tokens."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.accounts = Accounts(Path(self.mktemp()), None)  # type: ignore[arg-type]
        self.tokens = WebTokens(self.accounts, lambda: self.now, 10 * 86400.0)
        self.ann = Account("ann", "moonraker", Role.OPERATOR, 1.0).with_session(self.now, 1.0)
        self.accounts._known = {"ann": self.ann}

    def test_lives(self) -> None:
        access, refresh = self.tokens.issue(self.ann, "access"), self.tokens.issue(self.ann, "refresh")
        self.assertIs(self.tokens.account(access, "access"), self.ann)
        self.assertIs(self.tokens.account(refresh, "refresh"), self.ann)
        with self.assertRaises(InvalidToken):
            self.tokens.account(access, "refresh")
        with self.assertRaises(InvalidToken):
            self.tokens.account(refresh, "access")
        self.now += 3601.0
        with self.assertRaises(ExpiredToken):
            self.tokens.account(access, "access")
        self.assertIs(self.tokens.account(refresh, "refresh"), self.ann)
        self.now += 10 * 86400.0
        with self.assertRaises(ExpiredToken):
            self.tokens.account(refresh, "refresh")

    def test_void_after_logout_and_for_another_session(self) -> None:
        access = self.tokens.issue(self.ann, "access")
        self.tokens.account(access, "access")
        for changed in (evolve(self.ann, session=""), evolve(self.ann, session="another")):
            self.accounts._known = {"ann": changed}
            with self.assertRaises(InvalidToken):
                self.tokens.account(access, "access")
        self.accounts._known = {}
        with self.assertRaises(InvalidToken):
            self.tokens.account(access, "access")

    def test_forged(self) -> None:
        claims = jwt.decode(self.tokens.issue(self.ann, "access"), options={"verify_signature": False})
        header, _, rest = self.tokens.issue(self.ann, "access").partition(".")
        other = Accounts(Path(self.mktemp()), None)  # type: ignore[arg-type]
        foreign = WebTokens(other, lambda: self.now, 1e6)
        for token in (
            jwt.encode(claims, None, "none"),
            jwt.encode(claims, "x" * 32, "HS256"),
            foreign.issue(self.ann, "access"),
            f"{header}.{rest}x",
            "",
            "a.b.c",
            "x" * 10000,
        ):
            with self.assertRaises(InvalidToken):
                self.tokens.account(token, "access")

    @given(st.text())
    def test_any_text(self, token: str) -> None:
        with self.assertRaises(InvalidToken):
            self.tokens.account(token, "access")

    def test_session_is_kept_while_it_lasts(self) -> None:
        again = self.ann.with_session(self.now + 5, 10.0)
        self.assertIs(again, self.ann)
        later = self.ann.with_session(self.now + 11, 10.0)
        self.assertNotEqual(later.session, self.ann.session)


class AttemptTests(SynchronousTestCase):
    """Guessing."""

    def test_slower_and_slower(self) -> None:
        clock = Clock()
        attempts = LoginAttempts(clock)
        for _ in range(5):
            attempts.check("10.0.0.1")
            attempts.failed("10.0.0.1")
        with self.assertRaises(TooMany):
            attempts.check("10.0.0.1")
        attempts.check("10.0.0.2")
        clock.advance(5.1)
        attempts.check("10.0.0.1")
        for _ in range(20):
            attempts.failed("10.0.0.1")
        clock.advance(299)
        with self.assertRaises(TooMany):
            attempts.check("10.0.0.1")
        clock.advance(2)
        attempts.check("10.0.0.1")
        attempts.succeeded("10.0.0.1")
        attempts.failed("10.0.0.1")
        attempts.check("10.0.0.1")

    def test_shut_out(self) -> None:
        clock = Clock()
        attempts = LoginAttempts(clock, 3)
        for each in ("2001:db8::1", "2001:db8::2", "2001:db8::ffff"):
            attempts.check(each)
            attempts.failed(each)
        clock.advance(1e6)
        with self.assertRaises(TooMany):
            attempts.check("2001:db8::3")
        attempts.check("2001:db8:0:1::3")

    def test_memory_is_bounded(self) -> None:
        attempts = LoginAttempts(Clock())
        for each in range(3000):
            attempts.failed(f"10.0.{each // 256}.{each % 256}")
        self.assertEqual(len(attempts._failures), 1000)


class HostTests(SynchronousTestCase):
    """Names in the Host header."""

    def test_names(self) -> None:
        rules = HostRules(("*.my-home.example", "printer.example"), own="voron")
        for header, ours in (
            ("127.0.0.1:7125", True),
            ("[::1]:7125", True),
            ("[fe80::1%25eth0]", True),
            ("localhost", True),
            ("printer", True),
            ("mainsail.local:80", True),
            ("PRINTER.LAN", True),
            ("voron.anything.net", True),
            ("a.my-home.example", True),
            ("printer.example", True),
            ("", True),
            ("evil.example", False),
            ("printer.example.evil.net", False),
            ("127.0.0.1.evil.net", False),
            ("local.net", False),
        ):
            self.assertEqual(rules.ours(header), ours, header)
        self.assertEqual(host_name("A.b.:80"), "a.b")


class FileTests(BrokerTestCase):
    """The file that accounts live in."""

    async def test_unreadable_file_is_put_aside_and_said(self) -> None:
        accounts = Accounts(self.data / ".broken", self.parts.threads)
        (self.data / ".broken").write_text("{")
        accounts.load()
        self.assertIn(".broken.unreadable", accounts.warning)
        self.assertEqual(len(accounts), 0)
        self.assertTrue((self.data / ".broken.unreadable").exists())


class _AccountCase(BrokerTestCase):
    """Accounts on a broker that trusts no address; the API key makes the first one."""

    config = AuthorizationConfig(default_role="operator")
    trusted: tuple[Any, ...] = ()

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(trusted_clients=self.trusted, sections=Sections.of(self.config), **changes)

    @property
    def key(self) -> dict[str, str]:
        return {"X-Api-Key": (self.data / ".api_key").read_text().strip()}

    async def ask(self, verb: str, path: str, headers: dict[str, str], **body: Any) -> Answer:
        import json

        sent = {"Content-Type": "application/json", **headers}
        return await self.http(verb, path, json.dumps(body).encode(), sent)

    async def make(self, username: str, **more: Any) -> dict[str, str]:
        """A new user's header."""
        answer = await self.ask(
            "POST", "/access/user", self.key, username=username, password=f"{username}-word", **more
        )
        self.assertEqual(answer.code, 200, answer.body)
        return bearer(answer)

    async def code(self, verb: str, path: str, headers: dict[str, str], **body: Any) -> int:
        return (await self.ask(verb, path, headers, **body)).code


def bearer(answer: Answer) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json['result']['token']}"}


class AccountTests(_AccountCase):
    """The methods."""

    async def test_life_of_an_account(self) -> None:
        client = await self.socket_of_key()
        created = client.expect("notify_user_created")
        ann = await self.make("ann")
        self.assertEqual(await created, [{"username": "ann"}])
        user = (await self.ask("GET", "/access/user", ann)).json["result"]
        self.assertEqual((user["username"], user["source"], user["role"]), ("ann", "moonraker", "operator"))
        self.assertGreater(user["created_on"], 1e9)
        path = self.data / ".accounts"
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertNotIn("ann-word", path.read_text())
        self.assertIn("argon2id", path.read_text())

        login = await self.ask("POST", "/access/login", {}, username="ann", password="ann-word")
        self.assertEqual(login.json["result"]["action"], "user_logged_in")
        refresh = login.json["result"]["refresh_token"]
        answer = await self.ask("POST", "/access/refresh_jwt", {}, refresh_token=refresh)
        self.assertEqual(answer.json["result"]["action"], "user_jwt_refresh")
        again = bearer(answer)
        self.assertEqual(await self.code("GET", "/server/info", again), 200)
        self.assertEqual(await self.code("GET", "/server/info", {"Authorization": f"Bearer {refresh}"}), 401)

        change = await self.ask(
            "POST", "/access/user/password", again, password="ann-word", new_password="other"
        )
        self.assertEqual(change.json["result"]["action"], "user_password_reset")
        self.assertEqual(
            await self.code("POST", "/access/login", {}, username="ann", password="ann-word"), 401
        )
        self.assertEqual(await self.code("POST", "/access/login", {}, username="ann", password="other"), 200)

        left = client.expect("notify_user_logged_out")
        self.assertEqual((await self.ask("POST", "/access/logout", ann)).json["result"]["username"], "ann")
        self.assertEqual(await left, [{"username": "ann"}])
        for headers in (ann, again):
            self.assertEqual(await self.code("GET", "/server/info", headers), 401)
        self.assertEqual(await self.code("POST", "/access/refresh_jwt", {}, refresh_token=refresh), 401)

        gone = client.expect("notify_user_deleted")
        self.assertEqual(await self.code("DELETE", "/access/user", self.key, username="ann"), 200)
        self.assertEqual(await gone, [{"username": "ann"}])
        self.assertEqual(await self.code("POST", "/access/login", {}, username="ann", password="other"), 401)
        self.assertEqual(
            (await self.ask("GET", "/access/users/list", self.key)).json["result"], {"users": []}
        )

    async def socket_of_key(self) -> SocketClient:
        return await self.socket(**self.key)

    async def test_accounts_outlive_the_broker(self) -> None:
        ann = await self.make("ann", role="viewer")
        await self.broker.stopService()
        self.broker.startService()
        await self.broker.when_ready()
        self.assertEqual(await self.code("GET", "/server/info", ann), 200)

    async def test_roles(self) -> None:
        viewer, operator = await self.make("vic", role="viewer"), await self.make("oz", role="operator")
        admin = await self.make("ada", role="admin")
        for verb, path, codes in (
            ("GET", "/server/info", (200, 200, 200)),
            ("GET", "/access/users/list", (200, 200, 200)),
            ("POST", "/printer/gcode/script?script=G28", (403, 200, 200)),
            ("POST", "/server/files/directory?path=gcodes/x", (403, 200, None)),
            ("GET", "/access/api_key", (403, 403, 200)),
            ("POST", "/access/user/role?username=vic&role=admin", (403, 403, None)),
            ("DELETE", "/access/user?username=vic", (403, 403, None)),
        ):
            for headers, code in zip((viewer, operator, admin), codes, strict=True):
                if code is not None:
                    self.assertEqual(await self.code(verb, path, headers), code, (verb, path))
        self.assertEqual(await self.code("POST", "/access/user/role?username=vic&role=boss", admin), 400)
        self.assertEqual(await self.code("POST", "/access/user/role?username=vic&role=admin", admin), 200)
        self.assertEqual(await self.code("GET", "/access/api_key", viewer), 200)
        self.assertEqual(await self.code("DELETE", "/access/user?username=ada", admin), 403)

    async def test_refused_names_and_passwords(self) -> None:
        for username, password in (
            ("", "password"), (" x", "password"), ("_API_KEY_USER_", "password"), ("a\nb", "password"),
            ("x" * 200, "password"), ("bob", "abc"), ("bob", "x" * 2000), ("bob", 5),
        ):  # fmt: skip
            code = await self.code("POST", "/access/user", self.key, username=username, password=password)
            self.assertEqual(code, 400, username)
        await self.make("ann")
        self.assertEqual(
            await self.code("POST", "/access/user", self.key, username="ann", password="again"), 400
        )

    async def test_guessing_is_slowed_down(self) -> None:
        await self.make("ann")
        codes = [
            await self.code("POST", "/access/login", {}, username=name, password="wrong")
            for name in ("ann", "none", "ann", "none", "ann", "ann")
        ]
        self.assertEqual(codes, [401] * 5 + [429])
        refused = await self.ask("POST", "/access/login", {}, username="ann", password="ann-word")
        self.assertEqual(refused.code, 429)

    async def test_user_of_a_token_is_kept(self) -> None:
        ann = await self.make("ann")
        token = (await self.ask("GET", "/access/oneshot_token", ann)).json["result"]
        answer = await self.get(f"/access/user?token={token}")
        self.assertEqual(answer.json["result"]["username"], "ann")

    async def test_websocket_login_and_logout(self) -> None:
        await self.make("ann", role="operator")
        one, two = await self.socket(), await self.socket()
        self.assertEqual((await one.ask("server.info"))["error"]["code"], 401)
        login = (await one.ask("access.login", username="ann", password="ann-word"))["result"]
        self.assertIn("result", await one.ask("server.info"))
        who = {"client_name": "t", "version": "1", "type": "web", "url": "x"}
        wrong = await two.ask("server.connection.identify", **who, access_token="nonsense")
        self.assertEqual(wrong["error"]["code"], 401)
        right = await two.ask("server.connection.identify", **who, access_token=login["token"])
        self.assertIn("result", right)
        await two.ask("printer.objects.subscribe", objects={"toolhead": None})
        self.assertEqual((await two.ask("access.get_api_key"))["error"]["code"], 403)
        await one.ask("access.logout")
        for each in (one, two):
            self.assertEqual((await each.ask("server.info"))["error"]["code"], 401)
        heard = len(two.notifications)
        self.fake.change("toolhead", print_time=9.0)
        self.fake.say("secret")
        await two.ask("access.info")
        self.assertEqual(len(two.notifications), heard)


class TrustedTests(_AccountCase):
    """A broker that trusts loopback as an operator."""

    config = AuthorizationConfig(trusted_role="operator", trusted_hosts=("printer.example",))
    trusted = BrokerSettings.__attrs_attrs__.trusted_clients.default  # type: ignore[attr-defined]

    async def test_role_of_the_address_and_of_the_user(self) -> None:
        self.assertEqual(await self.code("GET", "/access/api_key", {}), 403)
        self.assertEqual(await self.code("GET", "/access/api_key", self.key), 200)
        ann = await self.make("ann", role="viewer")
        self.assertEqual(await self.code("POST", "/printer/gcode/script?script=G28", ann), 403)
        self.assertEqual(await self.code("POST", "/printer/gcode/script?script=G28", {}), 200)
        nobody = (await self.get("/access/user")).json["result"]
        self.assertEqual((nobody["username"], nobody["role"]), ("_TRUSTED_USER_", "operator"))
        void = {"Authorization": "Bearer of.another.broker"}
        self.assertEqual(await self.code("GET", "/server/info", void), 200)
        self.assertEqual(await self.code("GET", "/server/info", {"Authorization": "Basic eDp5"}), 200)

    async def test_rebound_names_are_not_trusted(self) -> None:
        for host, code in (("evil.example:7125", 401), ("printer.example", 200), ("printer.local", 200)):
            answer = await self.get("/server/info", Host=host)
            self.assertEqual(answer.code, code, host)
            if code == 401:
                self.assertIn("trusted_hosts", answer.json["error"]["message"])
        self.assertEqual(
            (await self.http("GET", "/server/info", headers={"Host": "e.example", **self.key})).code, 200
        )


class ForcedTests(_AccountCase):
    """Logins are forced once there is an account."""

    config = AuthorizationConfig(force_logins=True)
    trusted = BrokerSettings.__attrs_attrs__.trusted_clients.default  # type: ignore[attr-defined]

    async def test_forced(self) -> None:
        self.assertEqual((await self.get("/access/info")).json["result"]["login_required"], False)
        ann = await self.make("ann")
        self.assertEqual(await self.code("GET", "/server/info", {}), 401)
        self.assertEqual(await self.code("GET", "/server/info", ann), 200)
        self.assertEqual((await self.get("/access/info")).json["result"]["login_required"], True)
