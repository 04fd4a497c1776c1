"""Declaring sections of the broker's configuration: each option once, with type, limits, default and doc.

::

    @frozen
    class JobQueueConfig:
        "C{[job_queue]}: files to print one after another."
        load_on_startup: bool = option(False, doc="load the next job when the printer becomes ready")

    section("job_queue", JobQueueConfig)                  # a section that is there once, or not at all
    section("webcam", WebcamConfig, named=True)           # [webcam NAME], any number
    section("power", PowerConfig, named=True, by="type", kinds={"gpio": GpioPower, "http": HttpPower})

    section("mqtt", MqttConfig, optional=True)            # its component exists only if the section does

What was read is in L{brokerd.sections.Sections}, by the class. Types of options: str, int, float, bool, Path,
L{brokerd.templates.Template} (filled in when used), C{list[str]} and C{tuple[str, ...]} (separated by
C{separator} and line ends), C{dict[str, str]} (a line C{key = value} each), C{Literal[...]}, and each of
them C{| None}. A field declared with C{options_named} takes all options that begin with its prefix.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import attrs
from attrs import field, frozen

__all__ = [
    "Option",
    "SectionDeclaration",
    "declared_sections",
    "members",
    "option",
    "options_named",
    "section",
]

REQUIRED = attrs.NOTHING
_KEY = "brokerd"


@frozen
class Option:
    """One option of a section.

    @ivar name: as written in the file; for a wildcard the prefix.
    @ivar field: the field of the section's class.
    @ivar kind: the field's type.
    @ivar separator: what separates the members of a list, besides line ends; C{,} by default.
    @ivar template: whether C{{secrets...}} in the text is filled in when the file is read.
    @ivar secret: whether the value is shown to nobody.
    @ivar convert: text to value, instead of what the type says; raises C{ValueError} with what it expects.
    @ivar wildcard: whether it stands for all options that begin with its name.
    """

    name: str
    field: str
    kind: Any
    default: Any
    doc: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    separator: str = ","
    template: bool = False
    secret: bool = False
    convert: Callable[[str], Any] | None = None
    wildcard: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@frozen
class SectionDeclaration:
    """A section that the broker knows.

    @ivar name: its name, or the first word of its name.
    @ivar config: its class, or what the classes in C{kinds} have in common.
    @ivar named: whether its name has a second part of the user's choice.
    @ivar optional: whether its component exists only if the section does.
    @ivar by: the option that chooses among C{kinds}, or None; if it is not there, the kind of no name
        counts.
    @ivar lenient: whether the broker goes on without the section if there is a mistake in it, and says so.
    """

    name: str
    config: type
    named: bool
    optional: bool = False
    by: str | None = None
    kinds: Mapping[str, type] = field(factory=dict)
    lenient: bool = False


_declared: dict[tuple[str, bool], SectionDeclaration] = {}


def option(
    default: Any = REQUIRED,
    *,
    doc: str,
    name: str | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    separator: str = ",",
    template: bool = False,
    secret: bool = False,
    convert: Callable[[str], Any] | None = None,
) -> Any:
    """A field that is one option; without C{default} it is required. See L{Option}."""
    declared = {
        "doc": doc, "name": name, "minimum": minimum, "maximum": maximum, "above": above,
        "separator": separator, "template": template, "secret": secret, "convert": convert,
    }  # fmt: skip
    return attrs.field(default=default, metadata={_KEY: declared})


def options_named(prefix: str, *, doc: str, template: bool = False) -> Any:
    """A C{Mapping[str, str]} field: all options that begin with C{prefix}, by the rest of their names."""
    declared = {"doc": doc, "name": prefix, "template": template, "wildcard": True}
    return attrs.field(factory=dict, metadata={_KEY: declared})


def section(
    name: str,
    config: type,
    *,
    named: bool = False,
    optional: bool = False,
    by: str | None = None,
    kinds: Mapping[str, type] | None = None,
    lenient: bool = False,
) -> SectionDeclaration:
    """Declare a section.

    @raise ValueError: if its name is taken.
    """
    if (name, named) in _declared:
        raise ValueError(f"the section [{name}] is declared twice")
    declaration = _declared[name, named] = SectionDeclaration(
        name, config, named, optional, by, kinds or {}, lenient
    )
    return declaration


def declared_sections() -> tuple[SectionDeclaration, ...]:
    """All sections that the imported parts of the broker know; L{brokerd.catalog} imports all parts."""
    return tuple(_declared.values())


def members(config: type) -> list[Option]:
    """The options of a section's class, in order."""
    hints = get_type_hints(config)
    found = []
    for each in attrs.fields(config):
        declared = each.metadata.get(_KEY)
        if declared is not None:
            given = {**declared, "name": declared["name"] or each.name}
            found.append(Option(field=each.name, kind=hints[each.name], default=each.default, **given))
    return found
