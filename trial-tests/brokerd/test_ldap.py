"""Logins that a real directory server decides on."""

from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from brokerd.access.ldap import DirectoryFailed, LdapDirectory
from brokerd.access.settings import AuthorizationConfig, LdapConfig
from brokerd.sections import Sections
from brokerd.settings import BrokerSettings

from .directory import BASE, GROUP, Directory, free_port
from .harness import BrokerTestCase


def config_for(port: int, **changes: Any) -> LdapConfig:
    plain = LdapConfig(
        "127.0.0.1", BASE, ldap_port=port, bind_dn=f"uid=finder,{BASE}", bind_password="findword"
    )
    return evolve(plain, **changes)


class DirectoryTests(SynchronousTestCase):
    """What the directory accepts."""

    timeout = 60

    def setUp(self) -> None:
        directory = Directory(Path(self.mktemp()).absolute())
        self.addCleanup(directory.stop)
        self.port = directory.port

    def accepts(self, username: str, password: str, **changes: Any) -> bool:
        return LdapDirectory(config_for(self.port, **changes)).accepts(username, password)

    def test_passwords_groups_and_filters(self) -> None:
        for username, password, changes, accepted in (
            ("ann", "annword", {}, True),
            ("bob", "bobword", {}, True),
            ("ann", "bobword", {}, False),
            ("ann", "", {}, False),
            ("nobody", "annword", {}, False),
            ("ann", "annword", {"group_dn": GROUP}, True),
            ("bob", "bobword", {"group_dn": GROUP}, False),
            ("ann", "annword", {"group_dn": GROUP.upper()}, False),
            ("ann", "annword", {"group_dn": GROUP.upper(), "check_dn_case": False}, True),
            ("Ann", "annword", {"user_filter": "(&(objectClass=inetOrgPerson)(cn=USERNAME))"}, True),
            ("ann", "annword", {"is_active_directory": True}, False),
            # What would find somebody, or everybody, if it got into the filter as it is:
            ("*", "annword", {}, False),
            ("ann)(uid=*", "annword", {}, False),
            ("nobody)(|(uid=ann", "annword", {"user_filter": "(|(uid=USERNAME))"}, False),
            ("a\0nn", "annword", {}, False),
        ):
            self.assertEqual(self.accepts(username, password, **changes), accepted, (username, changes))

    def test_directory_at_fault(self) -> None:
        for changes in ({"bind_password": "wrong"}, {"ldap_port": free_port()}, {"ldap_secure": True}):
            with self.assertRaises(DirectoryFailed) as raised:
                self.accepts("ann", "annword", **changes)
            self.assertNotIn("word", raised.exception.message)


class LdapLoginTests(BrokerTestCase):
    """Logins through the API."""

    def settings(self, **changes: Any) -> BrokerSettings:
        directory = Directory(Path(self.mktemp()).absolute())
        self.addCleanup(directory.stop)
        access = AuthorizationConfig(default_source="ldap", default_role="viewer")
        sections = Sections.of(access, config_for(directory.port, group_dn=GROUP))
        return super().settings(sections=sections, **changes)

    async def test_login(self) -> None:
        info = (await self.get("/access/info")).json["result"]
        self.assertEqual((info["default_source"], info["available_sources"]), ("ldap", ["moonraker", "ldap"]))
        refused = await self.post("/access/login", {"username": "bob", "password": "bobword"})
        self.assertEqual(refused.code, 401)
        answer = await self.post("/access/login", {"username": "ann", "password": "annword"})
        result = answer.json["result"]
        self.assertEqual((result["source"], result["action"]), ("ldap", "user_logged_in"))
        bearer = {"Authorization": f"Bearer {result['token']}"}
        user = (await self.http("GET", "/access/user", headers=bearer)).json["result"]
        self.assertEqual((user["username"], user["source"], user["role"]), ("ann", "ldap", "viewer"))
        change = b'{"password": "annword", "new_password": "other"}'
        headers = {**bearer, "Content-Type": "application/json"}
        self.assertEqual((await self.http("POST", "/access/user/password", change, headers)).code, 403)
        self.assertNotIn("annword", (self.data / ".accounts").read_text())
