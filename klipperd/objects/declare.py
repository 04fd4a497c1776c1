"""The declaration of a printer object, and what its build function's annotations say it needs."""

import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from attrs import field, frozen

from klipperd.errors import Place
from klipperd.objects.call import Command, Remote, commands_of, remotes_of
from klipperd.objects.option import status_fields

__all__ = ["Identity", "Named", "Need", "PrinterObject", "stem_of"]


@frozen
class Identity:
    """Which section an object is built for: C{heater_fan nozzle} has kind C{heater_fan} and name C{nozzle}.

    C{name} is the whole section name where a section has one word. C{place} is None for objects that
    exist without a section of their own."""

    section: str
    kind: str
    name: str
    place: Place | None = None


@frozen
class Named:
    """In C{Annotated[Heater, Named("heater")]}: the one that the option C{heater} names (by section
    name, or by the last word of it)."""

    option: str


@frozen
class Need:
    """One parameter of a build function."""

    parameter: str
    kind: Any
    optional: bool = False
    every: bool = False
    named_by: str | None = None


def _need(parameter: str, hint: Any) -> Need:
    named = None
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        named = next((mark.option for mark in marks if isinstance(mark, Named)), None)
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        kind = next(k for k in get_args(hint) if k is not type(None))
        return Need(parameter, kind, optional=True, named_by=named)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Sequence):
        return Need(parameter, get_args(hint)[0], every=True, named_by=named)
    return Need(parameter, hint, named_by=named)


def _no_troubles(_config: Any, _sections: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    return ()


def _no_sections(_config: Any) -> Iterable[str]:
    return ()


def stem_of(pattern: str) -> str:
    """How the name of every section begins that a pattern fits: all before its first C{#}, C{@} or C{*}."""
    for special in "#@*":
        pattern = pattern.partition(special)[0]
    return pattern.rstrip()


@frozen
class PrinterObject:
    """One kind of printer object.

    C{section} is the section's name, with C{*} for sections that carry a name of their own
    (C{"heater_fan *"}) and C{#} for numbered ones (C{"extruder#"}: extruder, extruder1, ...;
    C{"stepper_z##"}: stepper_z1, stepper_z2, ... only), C{@} for a letter from a to w.

    C{build(config, ...)}: the parameter named C{config} gets the section's values; the others get
    objects by their annotated type: C{X}, C{X | None}, C{Sequence[X]} (all there are, built before),
    C{Annotated[X, Named("option")]} or, for a list of names, C{Annotated[Sequence[X], Named("option")]},
    or L{Identity}. Its return annotation is the type that others
    ask for it by.

    C{always}: built with its defaults even when the section is absent. C{internal}: an object that has no
    section of its own; C{section} is then the name of its status only, and it is always built.
    C{parts}: further types that others may ask for, and the attribute of the built object that each is
    (an extruder's C{{Heater: "heater"}}).
    C{requires(config)}: names of sections that must exist for this configuration.
    C{review(config, configs)}: what is wrong with other sections because of this one: section, option (may be
    empty) and text, given the checked configurations by section. It runs once each section is right itself.
    """

    section: str
    config: type
    build: Callable[..., Any]
    always: bool = False
    internal: bool = False
    parts: Mapping[type, str] = {}
    requires: Callable[[Any], Iterable[str]] = _no_sections
    review: Callable[[Any, Mapping[str, Any]], Iterable[tuple[str, str, str]]] = _no_troubles
    needs: tuple[Need, ...] = field(init=False)
    gives: Any = field(init=False)

    @needs.default
    def _read_needs(self) -> tuple[Need, ...]:
        hints = get_type_hints(self.build, include_extras=True)
        names = [n for n in inspect.signature(self.build).parameters if n != "config"]
        return tuple(_need(name, hints[name]) for name in names)

    @gives.default
    def _read_gives(self) -> Any:
        return get_type_hints(self.build)["return"]

    def gives_a(self, kind: Any) -> bool:
        """Whether the built object, or a part of it, is a C{kind}."""
        given = (self.gives, *self.parts)
        return isinstance(kind, type) and any(isinstance(g, type) and issubclass(g, kind) for g in given)

    def part(self, made: Any, kind: type) -> Any:
        """The built object itself, or the part of it that is a C{kind}."""
        if isinstance(self.gives, type) and issubclass(self.gives, kind):
            return made
        return getattr(made, next(name for given, name in self.parts.items() if issubclass(given, kind)))

    def matches(self, section: str) -> bool:
        """Whether this declaration serves the section of that name."""
        if self.internal or not section.startswith(stem_of(self.section)):
            return False
        return re.fullmatch(self.pattern(), section) is not None

    def pattern(self) -> str:
        """The regular expression of the names of its sections."""
        text = re.escape(self.section)
        text = text.replace("@", "[a-w]")
        return text.replace(r"\#\#", r"[1-9]\d*").replace(r"\#", r"(?:[1-9]\d*)?").replace(r"\ \*", r" .+")

    def identity(self, section: str, place: Place | None) -> Identity:
        """The identity of the object for one of its sections."""
        kind, _, name = section.partition(" ")
        return Identity(section, kind, name or kind, place)

    def commands(self) -> list[Command]:
        """The G-code commands that the built object serves."""
        return commands_of(self.gives)

    def remotes(self) -> list[Remote]:
        """The remote procedures that the built object serves."""
        return remotes_of(self.gives)

    def status_fields(self) -> dict[str, str] | None:
        """Field -> documentation of its status; None when it has no status."""
        status = getattr(self.gives, "status", None)
        if status is None:
            return None
        return status_fields(get_type_hints(status)["return"])
