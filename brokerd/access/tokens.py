"""JSON Web Tokens, signed with this installation's own Ed25519 key.

PyJWT is imported when the first account is used: it brings a good deal of memory with it.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from attrs import define, field, frozen

from brokerd.access.accounts import Account, Accounts
from brokerd.errors import Unauthorized

__all__ = ["ACCESS_LIFE", "ExpiredToken", "InvalidToken", "WebTokens"]

ACCESS_LIFE = 3600.0  # seconds
_ISSUER = "Moonraker"
_ALGORITHM = "EdDSA"
_REMEMBERED = 256
_LONGEST = 4096
Kind = Literal["access", "refresh"]


class InvalidToken(Unauthorized):
    """No token of ours, or of a user who has logged out."""


class ExpiredToken(Unauthorized):
    """A token of ours that is too old."""


@frozen
class _Claims:
    username: str
    session: str
    kind: str
    expires: float


@frozen
class _Keys:
    private: Any
    public: Any


@define(eq=False, repr=False, slots=False)
class WebTokens:
    """Issues and reads tokens.

    @ivar now: seconds since 1970.
    @ivar session_life: seconds from a login to the end of its refresh token.
    """

    _accounts: Accounts
    _now: Callable[[], float]
    session_life: float
    _read: dict[str, _Claims] = field(init=False, factory=dict)

    @cached_property
    def _keys(self) -> _Keys:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(self._accounts.seed)
        return _Keys(private, private.public_key())

    def prepare(self) -> None:
        """Import what is needed. Blocks."""
        import jwt  # noqa: F401

        _ = self._keys

    def issue(self, account: Account, kind: Kind) -> str:
        """A token for a logged-in account."""
        import jwt

        now = self._now()
        end = account.session_began + self.session_life
        claims = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "iat": now,
            "exp": min(now + ACCESS_LIFE, end) if kind == "access" else end,
            "username": account.username,
            "token_type": kind,
            "session": account.session,
        }
        return jwt.encode(claims, self._keys.private, _ALGORITHM)

    def account(self, token: str, kind: Kind) -> Account:
        """The account that a token stands for.

        @raise InvalidToken: if it is not ours, of another kind, or its user has logged out.
        @raise ExpiredToken: if it is too old.
        """
        claims = self._read.get(token) or self._decode(token)
        account = self._accounts.get(claims.username)
        if claims.kind != kind or account is None or not account.session or account.session != claims.session:
            raise InvalidToken("the token is void")
        if self._now() >= claims.expires:
            raise ExpiredToken("the token has expired")
        return account

    def _decode(self, token: str) -> _Claims:
        if not len(self._accounts) or len(token) > _LONGEST:
            raise InvalidToken("the token is void")
        import jwt

        try:
            found = jwt.decode(
                token,
                self._keys.public,
                [_ALGORITHM],
                audience=_ISSUER,
                issuer=_ISSUER,
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "iat"]},
            )
            claims = _Claims(
                str(found["username"]), str(found["session"]), str(found["token_type"]), float(found["exp"])
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise InvalidToken("the token is void")
        if len(self._read) >= _REMEMBERED:
            self._read.clear()
        self._read[token] = claims
        return claims
