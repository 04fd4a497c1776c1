"""Commands that print hosts send to every printer, and that must not trouble one that lacks the part.

C{M105} is answered in every state, since hosts that poll it take silence for a lost connection; C{M21}
without an SD card, and switching off a heater or fan that is not there, are done by doing nothing.
"""

from collections.abc import Mapping
from typing import Protocol

__all__ = ["Answerable", "answer_tolerated"]


class Answerable(Protocol):
    """A call that may be answered together with its C{ok}."""

    name: str

    @property
    def lenient_params(self) -> Mapping[str, str]:
        """Those parameters that can be read."""

    def acknowledge(self, text: str) -> None:
        """Answer with C{ok TEXT} where the sender counts C{ok}s."""


_SILENT = {"M21", "M107", "M106"}
_SILENT_WHEN_OFF = {"M104", "M140", "M109", "M190"}


def _is_off(call: Answerable) -> bool:
    try:
        return float(call.lenient_params.get("S") or 0.0) == 0.0
    except ValueError:
        return False


def answer_tolerated(call: Answerable) -> bool:
    """Answer C{call}, which no object serves now; whether it was one that is tolerated."""
    if call.name == "M105":
        call.acknowledge("T:0")
        return True
    return call.name in _SILENT or (call.name in _SILENT_WHEN_OFF and _is_off(call))
