"""The API key, kept in a file that only its owner reads, and tokens that open the door once."""

import base64
import os
import secrets
from hmac import compare_digest
from pathlib import Path

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from brokerd.registry.caller import Role

__all__ = ["ApiKey", "Bearer", "OneshotTokens"]

_TOKEN_LIFE = 5.0  # seconds


@define(eq=False, repr=False)
class ApiKey:
    """The key of this installation, made at first use."""

    _path: Path
    _value: str = field(init=False, default="")

    def load(self) -> None:
        """Read the key file, or make one. Blocks."""
        if self._path.exists():
            self._value = self._path.read_text().strip()
        if not self._value:
            self.renew()

    def renew(self) -> str:
        """Make and store a new key. Blocks."""
        value = secrets.token_hex(16)
        fresh = self._path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(value + "\n")
        fresh.replace(self._path)
        self._value = value
        return value

    @property
    def value(self) -> str:
        return self._value

    def matches(self, given: str) -> bool:
        """Whether that is the key; takes the same time either way."""
        return bool(self._value) and compare_digest(self._value.encode(), given.encode())


@frozen
class Bearer:
    """What the bearer of a token may do, and in whose name."""

    role: Role
    user: str | None = None


@define(eq=False, repr=False)
class OneshotTokens:
    """Tokens for requests whose headers a browser can't set; each lives 5 s and serves once."""

    _clock: IReactorTime
    _issued: dict[str, tuple[float, Bearer]] = field(init=False, factory=dict)

    def issue(self, role: Role, user: str | None = None) -> str:
        """A new token that gives its bearer C{role}."""
        self._forget_old()
        token = base64.b32encode(secrets.token_bytes(20)).decode()
        self._issued[token] = self._clock.seconds() + _TOKEN_LIFE, Bearer(role, user)
        return token

    def redeem(self, token: str) -> Bearer | None:
        """Use up a token; None if it is unknown or too old."""
        self._forget_old()
        issued = self._issued.pop(token, None)
        return issued[1] if issued is not None else None

    def _forget_old(self) -> None:
        now = self._clock.seconds()
        self._issued = {token: issued for token, issued in self._issued.items() if issued[0] > now}
