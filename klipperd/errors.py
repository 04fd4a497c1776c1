"""The exceptions of klipperd: one small family, each with a text that a user can act on."""

from collections.abc import Sequence

from attrs import frozen

__all__ = ["CommandError", "ConfigError", "KlipperdError", "NotReady", "Place", "Problem"]


@frozen
class Place:
    """Where a text stands: C{file} as the user named it, C{line} counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@frozen
class Problem:
    """One thing wrong with the configuration, and where.

    C{unknown}: nothing is known of the section or option, so one could do without it, too.
    """

    text: str
    place: Place | None = None
    section: str | None = None
    option: str | None = None
    unknown: bool = False

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        named = ""
        if self.section is not None:
            named = f"[{self.section}]" + (f" {self.option}" if self.option else "") + ": "
        return where + named + self.text


class KlipperdError(Exception):
    """Base of all errors that klipperd raises on purpose."""


class ConfigError(KlipperdError):
    """The configuration cannot be used; C{problems} lists all that was found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)

    @classmethod
    def single(
        cls, text: str, place: Place | None = None, section: str | None = None, option: str | None = None
    ) -> "ConfigError":
        """An error with one problem."""
        return cls([Problem(text, place, section, option)])


class CommandError(KlipperdError):
    """A G-code command or remote request was refused; the text goes to its sender."""


class NotReady(CommandError):
    """The command needs a ready printer, and the printer is in another state."""
