"""What the G-code side says: lines for everyone who listens (terminals, C{gcode/subscribe_output}).

Prefixes are the field's: C{// } informs, C{!! } is an error, anything else is data.
"""

from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

__all__ = ["Listener", "Output", "error_lines", "info_lines"]

_log = Logger()

Listener = Callable[[str], None]


def info_lines(text: str) -> list[str]:
    """Each line of C{text} after C{// }."""
    return [f"// {line.strip()}" for line in text.strip().split("\n")]


def error_lines(text: str) -> list[str]:
    """The first line of C{text} after C{!! }, further ones after C{// }."""
    first, *rest = text.strip().split("\n")
    return [f"!! {first.strip()}", *(f"// {line.strip()}" for line in rest)]


@define(eq=False, repr=False)
class Output:
    """Sends lines to listeners; one listener's failure does not keep a line from the others."""

    _listeners: list[Listener] = field(factory=list)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call C{listener} with every line from now on; the result ends that."""
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def line(self, text: str) -> None:
        """Send one line as it is."""
        for listener in tuple(self._listeners):
            try:
                listener(text)
            except Exception:
                _log.failure("a listener of G-code output failed")

    def info(self, text: str) -> None:
        """Send an informative text."""
        for line in info_lines(text):
            self.line(line)

    def error(self, text: str) -> None:
        """Send an error."""
        for line in error_lines(text):
            self.line(line)
