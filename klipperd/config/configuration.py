"""The configuration that the present printer was built from, and the changes to it that wait for SAVE_CONFIG.

Printer objects that calibrate something record the result with L{Configuration.set}; it reaches the file
only when the user says SAVE_CONFIG.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.config.document import ConfigDocument
from klipperd.config.save import Changes, save_changes
from klipperd.objects.plan import Plan

__all__ = ["ConfigWarning", "Configuration"]


@frozen
class ConfigWarning:
    """Something in the configuration that works but that its user should know."""

    kind: str
    message: str
    section: str | None = None
    option: str | None = None

    def as_dict(self) -> dict[str, str]:
        """As the status field C{warnings} shows it."""
        named = {"section": self.section, "option": self.option}
        given = {name: value for name, value in named.items() if value is not None}
        return {"type": self.kind, "message": self.message, **given}


@define(eq=False, repr=False)
class Configuration:
    """One for each host; its contents are replaced at every start of the printer."""

    document: ConfigDocument | None = field(default=None, init=False)
    raw: Mapping[str, Mapping[str, str]] = field(factory=dict, init=False)
    """Section -> option -> text as written, case of section names kept."""
    settings: Mapping[str, Mapping[str, Any]] = field(factory=dict, init=False)
    """Section -> option -> value in JSON types, defaults included, section names in lower case."""
    warnings: list[ConfigWarning] = field(factory=list, init=False)
    pending: Changes = field(factory=Changes, init=False)

    def load(self, document: ConfigDocument | None = None, plan: Plan | None = None) -> None:
        """A printer is being built from C{document}; nothing is pending. What could not be read is empty."""
        self.document = document
        self.raw = document.raw() if document is not None else {}
        self.settings = plan.settings() if plan is not None else {}
        self.warnings = []
        self.pending = Changes()

    def warn(self, kind: str, message: str, section: str | None = None, option: str | None = None) -> None:
        """Show a warning to the user for as long as this printer lives."""
        self.warnings.append(ConfigWarning(kind, message, section, option))

    def set(self, section: str, option: str, value: object) -> None:
        """Have SAVE_CONFIG write C{option: value} into C{section}; floats as they print, text as it is."""
        self.pending = self.pending.with_option(section, option, str(value))

    def remove_section(self, section: str) -> None:
        """Have SAVE_CONFIG remove what it once saved under C{section}."""
        self.pending = self.pending.without_section(section)

    def save(self) -> str:
        """Write the pending changes to the main file and give the backup's path. Blocks: not for the reactor.

        @raise klipperd.errors.CommandError: when an included file sets one of the options, or the disk
            refuses; the file is unchanged then.
        """
        assert self.document is not None
        return save_changes(self.document.path, self.document, self.pending)
