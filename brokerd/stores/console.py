"""The last lines of the console: commands that came over the API, and the host's responses."""

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field

from brokerd.notifications import Broadcaster, notification

__all__ = ["ConsoleStore"]

GCODE_RESPONSE = notification("notify_gcode_response", "a line of G-code output", params=("str",))


@define(eq=False, repr=False)
class ConsoleStore:
    """Remembers at most C{size} lines.

    @ivar _now: Unix time (s).
    """

    _now: Callable[[], float]
    _broadcaster: Broadcaster
    _size: int = 1000
    _lines: deque[dict[str, Any]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = deque(maxlen=self._size)

    def command(self, script: str) -> None:
        """Note G-code that came over the API."""
        self._add(script, "command")

    def response(self, text: str) -> None:
        """Note a line of the host, and pass it on to all clients."""
        self._add(text, "response")
        self._broadcaster.send(GCODE_RESPONSE, text)

    def _add(self, message: str, kind: str) -> None:
        self._lines.append({"message": message, "time": self._now(), "type": kind})

    def last(self, count: int | None) -> list[dict[str, Any]]:
        """The last C{count} lines, or all; oldest first."""
        lines = list(self._lines)
        return lines if count is None else lines[len(lines) - min(count, len(lines)) :]
