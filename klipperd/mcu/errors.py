"""What can go wrong with an MCU."""

from klipperd.errors import CommandError

__all__ = ["McuError", "McuLost", "McuSilent"]


class McuError(CommandError):
    """The MCU cannot be used; the text names it, the cause, and what to do.

    A command that meets it is refused with that text.
    """


class McuLost(McuError):
    """The MCU has shut down, or the link to it broke."""


class McuSilent(McuError):
    """The MCU did not answer in time."""
