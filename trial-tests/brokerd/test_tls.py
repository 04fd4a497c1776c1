"""HTTPS on the listening port: certificates of our own authority, or the user's."""

import datetime
import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

from cryptography import x509
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from brokerd.settings import BrokerSettings
from brokerd.tls.authority import Authority
from brokerd.tls.names import own_addresses, own_names

from .harness import BrokerTestCase

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

# A client of its own process, so that the two ends of TLS do not share a thread.
_CLIENT = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
for _ in range(2):
    print(urllib.request.urlopen(sys.argv[1], context=context, timeout=20).read().decode())
"""


class AuthorityTests(SynchronousTestCase):
    """Certificates."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.authority = Authority(self.folder)

    def test_made_once_and_secret(self) -> None:
        pair = self.authority.ensure(NOW, ["localhost"], ["127.0.0.1"])
        for key in (pair.key, self.folder / "ca.key"):
            self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        before = {each.name: each.read_bytes() for each in self.folder.iterdir()}
        self.authority.ensure(NOW, ["localhost"], ["127.0.0.1"])
        self.assertEqual(before, {each.name: each.read_bytes() for each in self.folder.iterdir()})

    def test_new_names_and_old_age(self) -> None:
        self.authority.ensure(NOW, ["localhost"], ["127.0.0.1"])
        authority, first = self.read("ca.crt"), self.read("server.crt")
        self.authority.ensure(NOW, ["localhost", "printer.local"], ["127.0.0.1", "fe80::1"])
        self.assertEqual(self.read("ca.crt"), authority)
        second = self.read("server.crt")
        self.assertNotEqual(second, first)
        held = x509.load_pem_x509_certificate(second).extensions
        names = held.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["localhost", "printer.local"])
        later = NOW + datetime.timedelta(days=380)
        self.authority.ensure(later, ["localhost"], ["127.0.0.1"])
        self.assertNotEqual(self.read("server.crt"), second)
        self.assertEqual(self.read("ca.crt"), authority)
        self.authority.ensure(NOW + datetime.timedelta(days=3640), ["localhost"], [])
        self.assertNotEqual(self.read("ca.crt"), authority)

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def test_own_names(self) -> None:
        self.assertIn("localhost", own_names())
        self.assertIn("127.0.0.1", own_addresses())


class TlsTests(BrokerTestCase):
    """One port, both protocols."""

    timeout = 60

    async def ask(self, path: str) -> list[str]:
        """Ask twice over HTTPS, trusting our authority alone."""
        answer = await self.get("/server/tls/ca.crt")
        self.assertEqual(answer.headers["content-type"], "application/x-x509-ca-cert")
        trusted = Path(self.mktemp())
        trusted.write_bytes(answer.body)
        url = f"https://localhost:{self.port}{path}"
        command = [sys.executable, "-c", _CLIENT, url, str(trusted)]
        done = await deferToThread(subprocess.run, command, capture_output=True, text=True, timeout=40)
        self.assertEqual(done.returncode, 0, done.stderr)
        return str(done.stdout).splitlines()

    async def test_both_protocols(self) -> None:
        one, two = await self.ask("/server/info")
        self.assertIn('"klippy_state":"ready"', one)
        self.assertEqual(one, two)
        self.assertEqual((await self.get("/server/info")).code, 200)

    async def test_broken_handshake(self) -> None:
        broken = await self.open_raw()
        broken.transport.write(b"\x16\x03\x01garbage that is no handshake" * 10)
        await self.until(lambda: broken.lost)
        silent = await self.open_raw()
        await self.until(lambda: self.parts.port.undecided)
        silent.transport.loseConnection()
        await self.until(lambda: not self.parts.port.undecided)


class UserCertificateTests(BrokerTestCase):
    """A certificate that the user put there."""

    def settings(self, **changes: Any) -> BrokerSettings:
        pair = Authority(self.data / "made").ensure(NOW, ["mine.example"], [])
        folder = self.data / "certs"
        folder.mkdir()
        (folder / "moonraker.key").write_bytes(pair.key.read_bytes())
        (folder / "moonraker.cert").write_bytes(pair.certificate.read_bytes())
        return super().settings(**changes)

    async def test_is_used(self) -> None:
        self.assertEqual((await self.get("/server/tls/ca.crt")).code, 404)
        shown = await deferToThread(ssl.get_server_certificate, ("127.0.0.1", self.port), timeout=20)
        self.assertEqual(shown.encode(), (self.data / "made" / "server.crt").read_bytes()[: len(shown)])


class UnusableCertificateTests(BrokerTestCase):
    """A certificate that is none."""

    def settings(self, **changes: Any) -> BrokerSettings:
        (self.data / "certs").mkdir()
        for name in ("moonraker.key", "moonraker.cert"):
            (self.data / "certs" / name).write_text("nonsense")
        return super().settings(**changes)

    async def test_http_goes_on(self) -> None:
        client = await self.open_raw()
        client.transport.write(b"\x16\x03\x01")
        await self.until(lambda: client.lost)
        warnings = (await self.get("/server/info")).json["result"]["warnings"]
        self.assertIn("no TLS", warnings[0])
        self.assertEqual(len(self.flushLoggedErrors()), 1)


class PlainTests(BrokerTestCase):
    """TLS switched off."""

    def settings(self, **changes: Any) -> BrokerSettings:
        return super().settings(tls=False, **changes)

    async def test_refused(self) -> None:
        client = await self.open_raw()
        client.transport.write(b"\x16\x03\x01\r\n\r\n")
        await self.until(lambda: client.lost)
        self.assertFalse((self.data / "certs").exists())
