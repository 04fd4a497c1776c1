"""Where a request's body goes while it arrives."""

from io import BytesIO
from typing import Protocol

from attrs import define, field

from brokerd.errors import ApiError, TooLarge

__all__ = ["Body", "KeptBody", "RefusedBody"]


class Body(Protocol):
    """Receives the bytes of one body.

    @ivar error: why the rest of it is thrown away, or None.
    """

    @property
    def error(self) -> ApiError | None: ...

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""

    def abort(self) -> None:
        """The client went away."""


@define(eq=False, repr=False)
class KeptBody:
    """A small body, kept in memory."""

    _limit: int
    error: ApiError | None = field(init=False, default=None)
    _content: BytesIO = field(init=False, factory=BytesIO)

    def feed(self, data: bytes) -> None:
        if self._content.tell() + len(data) > self._limit:
            self.error = TooLarge(f"the body is longer than the limit of {self._limit} bytes")
        if self.error is None:
            self._content.write(data)

    def abort(self) -> None:
        self._content = BytesIO()

    @property
    def content(self) -> bytes:
        return self._content.getvalue()


@define(eq=False, repr=False)
class RefusedBody:
    """A body that nobody will read: its request was refused by its headers."""

    error: ApiError

    def feed(self, data: bytes) -> None:
        """Throw it away."""

    def abort(self) -> None:
        """Nothing was kept."""
