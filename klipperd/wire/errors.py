"""What can go wrong on the wire: our own misuse and the MCU's misbehaviour are different exceptions."""

__all__ = ["DictionaryError", "EncodeError", "LinkClosed", "LinkFull", "ProtocolError", "WireError"]


class WireError(Exception):
    """Base of all errors of this package."""


class EncodeError(WireError, ValueError):
    """We asked for something that cannot be sent: unknown command, parameter or value."""


class ProtocolError(WireError):
    """The MCU sent something that its own dictionary does not explain."""


class DictionaryError(WireError):
    """The MCU's dictionary is broken, or does not offer what is needed."""


class LinkClosed(WireError):
    """The link to the MCU is closed."""


class LinkFull(WireError):
    """The MCU takes no more commands, and too many wait already."""
