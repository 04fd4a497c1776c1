"""Errors of G-code that its sender can tell apart."""

from klipperd.errors import CommandError

__all__ = ["MalformedGcode"]


class MalformedGcode(CommandError):
    """A line is no proper G-code, or a parameter is no proper value; nothing of the line was executed."""
