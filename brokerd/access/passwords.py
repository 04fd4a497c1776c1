"""Passwords: Argon2id, a hash at a time, so that logins cost neither memory nor other people's patience."""

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock

from brokerd.errors import BadRequest, TooMany
from brokerd.threads import WorkerThreads

__all__ = ["Passwords"]

# OWASP's parameters for Argon2id with little memory: 19 MiB, two passes, one lane.
_MEMORY, _PASSES, _LANES = 19 * 1024, 2, 1
_SHORTEST, _LONGEST = 4, 1024
_WAITING = 16


def _hasher() -> Any:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY, parallelism=_LANES)


def _hash(password: str) -> str:
    return str(_hasher().hash(password))


def _verify(stored: str, password: str) -> bool:
    """Whether the password is right. Takes as long if there is no such account (C{stored} is empty)."""
    from argon2.exceptions import InvalidHashError, VerificationError

    if not stored:
        _hash(password)
        return False
    try:
        return bool(_hasher().verify(stored, password))
    except (VerificationError, InvalidHashError):
        return False


@define(eq=False, repr=False)
class Passwords:
    """Hashes and verifies in worker threads."""

    _threads: WorkerThreads
    _turn: DeferredLock = field(init=False, factory=DeferredLock)

    async def hash(self, password: str) -> str:
        """The hash to store.

        @raise BadRequest: if the password is too short or too long.
        """
        if not _SHORTEST <= len(password) <= _LONGEST:
            raise BadRequest(f"a password has {_SHORTEST} to {_LONGEST} characters")
        return await self._run(_hash, password)

    async def verify(self, stored: str, password: str) -> bool:
        """Whether C{password} is the one that C{stored} was made from."""
        return len(password) <= _LONGEST and await self._run(_verify, stored, password)

    def _run(self, function: Any, *arguments: str) -> Deferred[Any]:
        if len(self._turn.waiting) >= _WAITING:
            raise TooMany("too many logins at once: try again in a moment")
        return self._turn.run(self._threads.run, function, *arguments)
