"""What every kind of software has in common when it is updated."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from brokerd.errors import ApiError

__all__ = ["RestartServices", "Say", "UpdateFailed", "Updater"]

Say = Callable[[str], None]
RestartServices = Callable[[tuple[str, ...]], Awaitable[None]]


class UpdateFailed(ApiError):
    """An update was not made; what was installed is installed still."""

    code = 500


class Updater(Protocol):
    """One piece of software."""

    @property
    def name(self) -> str:
        """As clients call it."""

    @property
    def interval(self) -> int | None:
        """Hours between two looks for updates, or None for the usual."""

    async def begin(self) -> None:
        """Find out what is installed; undo what an update left half done when the power failed."""

    async def refresh(self) -> None:
        """Find out what is to be had.

        @raise ApiError: if that can't be done now; what was known before is known still.
        """

    @property
    def behind(self) -> bool:
        """Whether there is something newer than what is installed."""

    def status(self) -> dict[str, Any]:
        """What C{version_info} shows."""

    async def update(self, say: Say) -> None:
        """Bring in what is newest, whole or not at all.

        @raise ApiError: if that fails; nothing has changed then.
        """

    async def rollback(self, say: Say) -> None:
        """Go back to what was installed before the last update.

        @raise ApiError: if there is no way back, or it fails.
        """

    async def recover(self, hard: bool, say: Say) -> None:
        """Mend what is installed.

        @param hard: by fetching all of it anew.
        @raise ApiError: if that fails.
        """
