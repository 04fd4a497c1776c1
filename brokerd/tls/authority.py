"""A certificate authority of this installation's own, and the certificate that it gives the broker.

Browsers trust the broker once the authority's certificate (C{ca.crt}) is installed on their device; it stays
valid when the machine's names and addresses change and a new server certificate is issued. All of it blocks.
"""

import datetime
import os
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Authority", "KeyPair"]

_CA_DAYS = 3650
_SERVER_DAYS = 397  # what browsers accept at most
_RENEW_DAYS = 30
_DAY = datetime.timedelta(days=1)


@frozen
class KeyPair:
    """Files of a key and its certificate, both PEM."""

    key: Path
    certificate: Path

    @property
    def exists(self) -> bool:
        return self.key.is_file() and self.certificate.is_file()

    def load_certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate.read_bytes())

    def load_key(self) -> ec.EllipticCurvePrivateKey:
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self.key} holds no elliptic-curve key")
        return key

    def store(self, key: ec.EllipticCurvePrivateKey, certificates: Iterable[x509.Certificate]) -> None:
        """Write both; nobody else may read the key."""
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)
        _write(self.key, private, 0o600)
        _write(self.certificate, public, 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@frozen
class Authority:
    """The authority in a folder.

    @ivar folder: holds C{ca.key}, C{ca.crt}, C{server.key} and C{server.crt}; made if it is missing.
    """

    folder: Path

    @property
    def own(self) -> KeyPair:
        return KeyPair(self.folder / "ca.key", self.folder / "ca.crt")

    @property
    def server(self) -> KeyPair:
        return KeyPair(self.folder / "server.key", self.folder / "server.crt")

    def ensure(self, now: datetime.datetime, names: list[str], addresses: list[str]) -> KeyPair:
        """The server's pair: the one that is there, or a new one if it lacks a name or ends soon.

        @param now: aware of its time zone.
        @raise OSError: if it can't be stored.
        @raise ValueError: if what is stored is unusable.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh_authority = not self.own.exists or _ends_soon(self.own.load_certificate(), now)
        if fresh_authority:
            self._make_authority(now, names)
        if fresh_authority or not self.server.exists or not self._fits(now, names, addresses):
            self._issue(now, names, addresses)
        return self.server

    def _fits(self, now: datetime.datetime, names: list[str], addresses: list[str]) -> bool:
        certificate = self.server.load_certificate()
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        known = set(held.get_values_for_type(x509.DNSName))
        known.update(map(str, held.get_values_for_type(x509.IPAddress)))
        return not _ends_soon(certificate, now) and known.issuperset([*names, *addresses])

    def _make_authority(self, now: datetime.datetime, names: list[str]) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(f"Printer {names[-1].partition('.')[0]} (own authority)")
        builder = _builder(subject, subject, key, now, _CA_DAYS)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        self.own.store(key, [builder.sign(key, hashes.SHA256())])

    def _issue(self, now: datetime.datetime, names: list[str], addresses: list[str]) -> None:
        key, authority_key, authority = (
            ec.generate_private_key(ec.SECP256R1()),
            self.own.load_key(),
            self.own.load_certificate(),
        )
        common = max((each for each in names if len(each) <= 64), key=len)
        alternatives = [*map(x509.DNSName, names), *(x509.IPAddress(ip_address(each)) for each in addresses)]
        builder = _builder(_name(common), authority.subject, key, now, _SERVER_DAYS)
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        self.server.store(key, [builder.sign(authority_key, hashes.SHA256()), authority])


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        # A clock that is a little behind, as on a computer without one of its own, is no reason to refuse.
        .not_valid_before(now - 2 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _ends_soon(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    return certificate.not_valid_after_utc - now < _RENEW_DAYS * _DAY
