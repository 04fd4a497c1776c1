"""The accounts, in a file of their own that only its owner reads; no API method shows what is in it."""

import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, DeferredLock

from brokerd.registry.caller import Role
from brokerd.threads import WorkerThreads

__all__ = ["Account", "Accounts"]


@frozen
class Account:
    """One user.

    @ivar source: who checks the password: C{moonraker} (we do) or C{ldap}.
    @ivar created_on: seconds since 1970.
    @ivar password: its hash; empty if somebody else checks it.
    @ivar session: random name of the present login, which its tokens bear; empty if logged out.
    @ivar session_began: seconds since 1970.
    @ivar printers: those that the user may use; none in particular: all.
    """

    username: str
    source: str
    role: Role
    created_on: float
    password: str = field(default="", repr=False)
    session: str = field(default="", repr=False)
    session_began: float = 0.0
    printers: tuple[str, ...] = ()

    def may_use(self, printer: str) -> bool:
        """Whether the user may come to a printer."""
        return not self.printers or printer in self.printers

    def with_session(self, now: float, life: float) -> "Account":
        """Logged in: in the present session, or in a new one if there is none that lasts."""
        if self.session and now < self.session_began + life:
            return self
        return evolve(self, session=secrets.token_hex(8), session_began=now)


def _as_json(account: Account) -> dict[str, Any]:
    return {
        "username": account.username,
        "source": account.source,
        "role": account.role.name.lower(),
        "created_on": account.created_on,
        "password": account.password,
        "session": account.session,
        "session_began": account.session_began,
        **({"printers": list(account.printers)} if account.printers else {}),
    }


def _from_json(stored: Mapping[str, Any]) -> Account:
    role = Role[str(stored["role"]).upper()]
    return Account(**{**stored, "role": role, "printers": tuple(stored.get("printers", ()))})


def _write(path: Path, seed: bytes, accounts: Iterable[Account]) -> None:
    """Replace the file in one step. Blocks."""
    content = {"signing_seed": seed.hex(), "accounts": [_as_json(each) for each in accounts]}
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


@define(eq=False, repr=False)
class Accounts:
    """All accounts, in memory; each change is on disk when its coroutine returns.

    @ivar seed: what the key that signs tokens is made from.
    @ivar warning: what was wrong with the file, or empty.
    """

    _path: Path
    _threads: WorkerThreads
    seed: bytes = field(init=False, factory=lambda: secrets.token_bytes(32), repr=False)
    warning: str = field(init=False, default="")
    _known: dict[str, Account] = field(init=False, factory=dict)
    _turn: DeferredLock = field(init=False, factory=DeferredLock)

    def load(self) -> None:
        """Read the file. Blocks.

        One that can't be read is put aside: then nobody can log in, and that is said.
        """
        try:
            content = orjson.loads(self._path.read_bytes())
            accounts = [_from_json(each) for each in content["accounts"]]
            self.seed = bytes.fromhex(content["signing_seed"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            aside = self._path.with_suffix(".unreadable")
            self._path.replace(aside)
            self.warning = (
                f"the accounts could not be read ({error}): put aside as {aside}, there are none now"
            )
            return
        self._known = {each.username: each for each in accounts}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, username: str) -> Account | None:
        return self._known.get(username)

    @property
    def all(self) -> list[Account]:
        return list(self._known.values())

    async def put(self, account: Account) -> None:
        """Add or replace one account.

        @raise OSError: if it can't be stored; nothing has changed then.
        """
        await self._turn.run(self._store, account.username, account)

    async def remove(self, username: str) -> None:
        """Forget one account.

        @raise OSError: as above.
        """
        await self._turn.run(self._store, username, None)

    async def _change(self, username: str, account: Account | None) -> None:
        changed = {name: each for name, each in self._known.items() if name != username}
        if account is not None:
            changed[username] = account
        await self._threads.run(_write, self._path, self.seed, list(changed.values()))
        self._known = changed

    def _store(self, username: str, account: Account | None) -> Deferred[None]:
        return Deferred.fromCoroutine(self._change(username, account))
