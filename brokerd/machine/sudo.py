"""C{machine.sudo.*}: what has to be done as root, by sudo."""

import getpass
import os
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, ClassVar

from attrs import define, field

from brokerd.errors import ApiError, BadRequest
from brokerd.notifications import Broadcaster, notification
from brokerd.programs import ProgramFailed, Programs
from brokerd.registry.caller import Role
from brokerd.registry.declare import method

__all__ = ["Sudo"]

SUDO_ALERT = notification(
    "notify_sudo_alert", "something needs root", params=("{sudo_requested: bool, sudo_messages: [str]}",)
)


@define(eq=False, repr=False)
class _Request:
    message: str
    work: Callable[[], Awaitable[str]]


@define(eq=False, repr=False)
class Sudo:
    """Runs programs as root: directly if we are, else by sudo, with the user's password if it is known.

    @ivar _password: from the configuration, or as it was set since; never stored.
    """

    component: ClassVar[str] = "machine"
    _programs: Programs
    _broadcaster: Broadcaster
    _password: str = ""
    _requests: list[_Request] = field(init=False, factory=list)

    async def run(self, *words: str, timeout: float = 60.0, **options: Any) -> str:
        """Run a program as root; returns what it wrote.

        @raise ProgramFailed: if it failed.
        @raise ApiError: if sudo wants a password that it was not given, or refuses the one that it was.
        """
        if os.geteuid() == 0:
            return (await self._programs.run(*words, timeout=timeout, **options)).check()
        ended = await self._programs.run(
            "sudo", *self._flags, "--", *words, content=self._line, timeout=timeout, **options
        )
        if ended.code != 0 and "sudo:" in ended.errors and "password" in ended.errors:
            raise ApiError("root access is needed: set the password with machine.sudo.password", 403)
        return ended.check()

    @property
    def _flags(self) -> tuple[str, ...]:
        return ("-S", "-p", "", "-k") if self._password else ("-n",)

    @property
    def _line(self) -> bytes:
        return self._password.encode() + b"\n" if self._password else b""

    def request(self, message: str, work: Callable[[], Awaitable[str]]) -> None:
        """Have C{work} done as soon as the user gives a password; it returns a word for the user."""
        self._requests.append(_Request(message, work))
        messages = [each.message for each in self._requests]
        self._broadcaster.send(SUDO_ALERT, {"sudo_requested": True, "sudo_messages": messages})

    async def _has_access(self) -> bool:
        try:
            await self.run("true")
        except (ProgramFailed, ApiError):
            return False
        return True

    @method(
        "machine.sudo.info",
        "GET /machine/sudo/info",
        result="{sudo_access: bool | null, linux_user: str, sudo_requested: bool, request_messages: [str]}",
        permission=Role.ADMIN,
    )
    async def info(
        self, check_access: Annotated[bool, "try to run something as root"] = False
    ) -> dict[str, Any]:
        """Whether programs can be run as root."""
        return {
            "sudo_access": await self._has_access() if check_access else None,
            "linux_user": getpass.getuser(),
            "sudo_requested": bool(self._requests),
            "request_messages": [each.message for each in self._requests],
        }

    @method(
        "machine.sudo.password",
        "POST /machine/sudo/password",
        result="{sudo_responses: [str], is_restarting: bool}",
        permission=Role.ADMIN,
    )
    async def password(self, password: Annotated[str, "of the system's user"]) -> dict[str, Any]:
        """Set the password for sudo until the broker ends, and do what waits for it."""
        if not password or "\n" in password:
            raise BadRequest("the password is empty, or has more than one line")
        before, self._password = self._password, password
        if not await self._has_access():
            self._password = before
            raise ApiError("the password is wrong, or this user may not use sudo", 403)
        responses = ["Sudo password successfully set."]
        requests, self._requests = self._requests, []
        for each in requests:
            responses.append(await each.work())
        if requests:
            self._broadcaster.send(SUDO_ALERT, {"sudo_requested": False, "sudo_messages": responses[1:]})
        return {"sudo_responses": responses, "is_restarting": False}
