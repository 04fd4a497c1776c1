"""The system's services: what state they are in, and starting and stopping them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from attrs import define, field
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.programs import ProgramFailed, Programs

__all__ = ["Action", "NoServices", "ServiceProvider", "Supervisord", "SystemdPrograms", "UnitState"]

log = Logger()

Action = Literal["start", "stop", "restart"]
Power = Literal["poweroff", "halt", "reboot"]
UnitState = Mapping[str, str]  # active_state, sub_state


class ServiceProvider(Protocol):
    """Who manages services.

    @ivar name: as C{machine.system_info} shows it.
    """

    name: str

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        """Connect; C{changed} is told of each service whose state changes from now on.

        @raise ApiError: if this provider can't work here.
        """

    async def states(self) -> dict[str, UnitState]:
        """All services that are known, without suffix."""

    async def act(self, action: Action, service: str) -> None:
        """Start, stop or restart a service.

        @raise ApiError: with the provider's words, if it refuses.
        """

    async def power(self, action: Power) -> None:
        """Shut down or reboot the computer.

        @raise ApiError: if that is refused.
        """

    async def end(self) -> None:
        """Disconnect."""


@define(eq=False, repr=False)
class NoServices:
    """There is nobody who manages services.

    @ivar reason: why, for the user.
    """

    reason: str = "services are not managed here"
    name: str = "none"

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        """See L{ServiceProvider.begin}."""

    async def states(self) -> dict[str, UnitState]:
        """See L{ServiceProvider.states}."""
        return {}

    async def act(self, action: Action, service: str) -> None:
        """See L{ServiceProvider.act}."""
        raise ApiError(self.reason, 503)

    async def power(self, action: Power) -> None:
        """See L{ServiceProvider.power}."""
        raise ApiError(self.reason, 503)

    async def end(self) -> None:
        """See L{ServiceProvider.end}."""


class Elevated(Protocol):
    """Runs programs as root."""

    async def run(self, *words: str) -> str:
        """What the program wrote.

        @raise ProgramFailed: if it failed.
        @raise ApiError: if nothing can be run as root.
        """


@define(eq=False, repr=False)
class SystemdPrograms:
    """systemd by its programs, where there is no D-Bus. Changes by others are found by asking."""

    _programs: Programs
    _root: Elevated
    _booted: Path = Path("/run/systemd/system")
    name: str = "systemd_cli"

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        """See L{ServiceProvider.begin}."""
        if not self._booted.exists():  # as sd_booted(3) has it
            raise ApiError("this system was not started by systemd", 503)
        try:
            (await self._programs.run("systemctl", "--version")).check()
        except ProgramFailed as error:
            raise ApiError(str(error), 503) from None

    async def states(self) -> dict[str, UnitState]:
        """See L{ServiceProvider.states}."""
        words = ("list-units", "--all", "--type=service", "--plain", "--no-legend", "--no-pager")
        listed = (await self._programs.run("systemctl", *words)).check()
        found: dict[str, UnitState] = {}
        for line in listed.splitlines():
            unit, _, active, sub = [*line.split(maxsplit=4), "", "", "", ""][:4]
            if unit.endswith(".service"):
                found[unit.removesuffix(".service")] = {"active_state": active, "sub_state": sub}
        return found

    async def act(self, action: Action, service: str) -> None:
        """See L{ServiceProvider.act}."""
        await self._as_root("systemctl", action, f"{service}.service")

    async def power(self, action: Power) -> None:
        """See L{ServiceProvider.power}."""
        await self._as_root("systemctl", action)

    async def _as_root(self, *words: str) -> None:
        try:
            await self._root.run(*words)
        except ProgramFailed as error:
            raise ApiError(str(error)) from None

    async def end(self) -> None:
        """See L{ServiceProvider.end}."""


_SUPERVISOR_STATES = {
    "RUNNING": ("active", "running"),
    "STARTING": ("activating", "start"),
    "STOPPING": ("deactivating", "stop"),
    "BACKOFF": ("activating", "auto-restart"),
    "STOPPED": ("inactive", "dead"),
    "EXITED": ("inactive", "dead"),
    "FATAL": ("failed", "failed"),
    "UNKNOWN": ("unknown", "unknown"),
}


@define(eq=False, repr=False)
class Supervisord:
    """supervisord by its client; used in containers."""

    _programs: Programs
    _config: Path | None
    name: str = field(default="supervisord_cli")

    @property
    def _client(self) -> tuple[str, ...]:
        return ("supervisorctl", *(("-c", str(self._config)) if self._config is not None else ()))

    async def begin(self, changed: Callable[[str, UnitState], None]) -> None:
        """See L{ServiceProvider.begin}."""
        await self.states()

    async def states(self) -> dict[str, UnitState]:
        """See L{ServiceProvider.states}."""
        try:
            ended = await self._programs.run(*self._client, "status")
        except ProgramFailed as error:
            raise ApiError(str(error), 503) from None
        found: dict[str, UnitState] = {}
        for line in ended.output.splitlines():
            name, state, *_ = [*line.split(maxsplit=2), ""]
            active, sub = _SUPERVISOR_STATES.get(state, ("", ""))
            if active:
                found[name.rpartition(":")[2]] = {"active_state": active, "sub_state": sub}
        if not found and ended.code not in (0, 3):
            raise ApiError(f"supervisorctl: {(ended.output + ended.errors).strip()[:200]}", 503)
        return found

    async def act(self, action: Action, service: str) -> None:
        """See L{ServiceProvider.act}."""
        try:
            (await self._programs.run(*self._client, action, service)).check()
        except ProgramFailed as error:
            raise ApiError(str(error)) from None

    async def power(self, action: Power) -> None:
        """See L{ServiceProvider.power}."""
        raise ApiError("a container can't shut down its computer", 503)

    async def end(self) -> None:
        """See L{ServiceProvider.end}."""
