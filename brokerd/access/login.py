"""Logging in and out, and changing accounts: what C{access.*} does, without its forms."""

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, evolve

from brokerd.access.accounts import Account
from brokerd.access.attempts import LoginAttempts
from brokerd.access.gate import Gate
from brokerd.access.passwords import Passwords
from brokerd.errors import BadRequest, Forbidden, NotFound, Unauthorized
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.caller import Role

__all__ = ["LDAP", "LOCAL", "Logins"]

USER_CREATED = notification("notify_user_created", "an account was created", params=("{username: str}",))
USER_DELETED = notification("notify_user_deleted", "an account was deleted", params=("{username: str}",))
USER_LOGGED_OUT = notification("notify_user_logged_out", "a user logged out", params=("{username: str}",))

LOCAL, LDAP = "moonraker", "ldap"
_LONGEST_NAME = 128
_WRONG = "the user name or the password is wrong"


def _checked_name(username: str) -> str:
    """@raise BadRequest: if nobody can be called that."""
    plain = username.strip()
    if not plain or plain != username or len(plain) > _LONGEST_NAME or not plain.isprintable():
        raise BadRequest(f"a user name has 1 to {_LONGEST_NAME} printable characters and no blanks around it")
    if plain.startswith("_") and plain.endswith("_"):
        raise BadRequest(f"the name {plain!r} is reserved")
    return plain


@define(eq=False, repr=False)
class Logins:
    """Changes accounts.

    @ivar directory: asks a directory whether it accepts a user's password, or None.
    @ivar new_role: what a new account may do.
    @ivar now: seconds since 1970.
    @ivar printers: names of all printers.
    """

    _gate: Gate
    _passwords: Passwords
    _attempts: LoginAttempts
    _broadcaster: Broadcaster
    _now: Callable[[], float]
    directory: Callable[[str, str], Awaitable[bool]] | None = None
    default_source: str = LOCAL
    new_role: Role = Role.ADMIN
    printers: Sequence[str] = ()

    @property
    def sources(self) -> list[str]:
        """Who can check passwords."""
        return [LOCAL] if self.directory is None else [LOCAL, LDAP]

    async def login(self, username: str, password: str, source: str | None, address: str) -> Account:
        """Check a password and log in.

        @raise Unauthorized: if it is wrong; it is not told whether the user exists.
        @raise TooMany: if too many were wrong from this address.
        """
        source = source or self.default_source
        if source not in self.sources:
            raise BadRequest(f"the source must be one of {', '.join(self.sources)}, not {source!r}")
        self._attempts.check(address)
        # Counted before the check: a burst of guesses must not get past while the first is looked at.
        self._attempts.failed(address)
        if source == LDAP:
            account = await self._ask_directory(username, password)
        else:
            account = await self._check(username, password)
        if account is None:
            raise Unauthorized(_WRONG)
        self._attempts.succeeded(address)
        return await self._begin_session(account)

    async def _check(self, username: str, password: str) -> Account | None:
        account = self._gate.accounts.get(username)
        local = account is not None and account.source == LOCAL
        stored = account.password if account is not None and local else ""
        return account if await self._passwords.verify(stored, password) and local else None

    async def _ask_directory(self, username: str, password: str) -> Account | None:
        assert self.directory is not None
        account = self._gate.accounts.get(username)
        if account is not None and account.source != LDAP:
            return None
        if not await self.directory(username, password):
            return None
        if account is None:
            account = Account(_checked_name(username), LDAP, self.new_role, self._now())
            self._broadcaster.send(USER_CREATED, {"username": username})
        return account

    async def _begin_session(self, account: Account) -> Account:
        logged_in = account.with_session(self._now(), self._gate.web_tokens.session_life)
        if logged_in is not account or self._gate.accounts.get(account.username) is None:
            await self._gate.accounts.put(logged_in)
        return logged_in

    async def create(self, username: str, password: str, role: Role | None) -> Account:
        """Make an account and log it in.

        @raise BadRequest: if the name is taken or the password unfit.
        """
        self._check_free(_checked_name(username))
        hashed = await self._passwords.hash(password)
        self._check_free(username)
        account = Account(username, LOCAL, role or self.new_role, self._now(), hashed)
        account = await self._begin_session(account)
        self._broadcaster.send(USER_CREATED, {"username": username})
        return account

    def _check_free(self, username: str) -> None:
        if self._gate.accounts.get(username) is not None:
            raise BadRequest(f"there is a user {username!r} already")

    def existing(self, username: str) -> Account:
        """@raise NotFound: if there is no such account."""
        account = self._gate.accounts.get(username)
        if account is None:
            raise NotFound(f"there is no user {username!r}")
        return account

    async def delete(self, username: str, by: str | None) -> None:
        """Delete an account and end its session.

        @raise Forbidden: if it is one's own.
        """
        self.existing(username)
        if username == by:
            raise Forbidden("nobody can delete the account that they use")
        await self._gate.accounts.remove(username)
        self._gate.user_left(username)
        self._broadcaster.send(USER_DELETED, {"username": username})

    async def logout(self, username: str) -> None:
        """End the session: all of its tokens are void."""
        await self._gate.accounts.put(evolve(self.existing(username), session="", session_began=0.0))
        self._gate.user_left(username)
        self._broadcaster.send(USER_LOGGED_OUT, {"username": username})

    async def change_password(self, username: str, password: str, new: str, address: str) -> None:
        """Set a new password; other sessions of the user end.

        @raise Unauthorized: if the present one is wrong.
        """
        account = self.existing(username)
        if account.source != LOCAL:
            raise Forbidden(f"the password of {username!r} is kept by {account.source}: change it there")
        self._attempts.check(address)
        self._attempts.failed(address)
        if not await self._passwords.verify(account.password, password):
            raise Unauthorized("the present password is wrong")
        self._attempts.succeeded(address)
        await self._gate.accounts.put(evolve(account, password=await self._passwords.hash(new)))

    async def set_role(self, username: str, role: Role) -> None:
        """Change what a user may do; open connections of the user must log in again."""
        account = self.existing(username)
        await self._gate.accounts.put(evolve(account, role=role))
        self._gate.user_left(username)

    async def set_printers(self, username: str, printers: Sequence[str]) -> None:
        """Confine a user to some printers, or to none in particular; open connections must log in again.

        @raise BadRequest: if there is no such printer.
        """
        account = self.existing(username)
        for name in printers:
            if name not in self.printers:
                known = ", ".join(self.printers)
                raise BadRequest(f"there is no printer {name!r}; there are {known}")
        await self._gate.accounts.put(evolve(account, printers=tuple(printers)))
        self._gate.user_left(username)
