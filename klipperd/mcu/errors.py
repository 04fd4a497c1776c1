"""What can go wrong with an MCU."""

from klipperd.errors import KlipperdError

__all__ = ["McuError", "McuLost", "McuSilent"]


class McuError(KlipperdError):
    """The MCU cannot be used; the text names it, the cause, and what to do."""


class McuLost(McuError):
    """The link to the MCU broke."""


class McuSilent(McuError):
    """The MCU did not answer in time."""
