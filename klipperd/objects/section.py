"""Read one section of the configuration into its typed config class, collecting every problem."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import attrs
from attrs import define, field

from klipperd.config.document import ConfigOption, ConfigSection
from klipperd.errors import Place, Problem
from klipperd.objects.option import REQUIRED, Choice, Group, Option, Wildcard, config_members
from klipperd.objects.values import Gcode, Pin, ValueProblem, convert, nearest

__all__ = ["option_names", "read_section", "settings_of"]

_FAILED = object()


@define
class _Reader:
    """Reads the members of one section; remembers which options were asked for."""

    section: ConfigSection
    problems: list[Problem]
    known: set[str] = field(factory=set)
    prefixes: list[str] = field(factory=list)
    undecided: bool = False
    """A choice could not be made, so which options are known is not known either."""

    def instance(self, config: type) -> Any:
        """An instance of C{config}, or C{_FAILED} after adding to the problems."""
        before = len(self.problems)
        values = {name: self._value(member) for name, member in config_members(config)}
        if len(self.problems) > before or _FAILED in values.values():
            return _FAILED
        made = config(**values)
        self._cross_check(made)
        return made if len(self.problems) == before else _FAILED

    def _value(self, member: Option | Group | Choice | Wildcard) -> Any:
        if isinstance(member, Option):
            return self._option(member)
        if isinstance(member, Group):
            return self.instance(member.kind)
        if isinstance(member, Wildcard):
            self.prefixes.append(member.prefix)
            found = self.section.options.values()
            return {o.name[len(member.prefix) :]: o.value for o in found if o.name.startswith(member.prefix)}
        return self._choice(member)

    def _option(self, wanted: Option) -> Any:
        self.known.add(wanted.name)
        given = self.section.options.get(wanted.name)
        if given is None:
            if wanted.required:
                self._missing(wanted.name)
                return _FAILED
            return wanted.default
        return self._converted(given, wanted)

    def _missing(self, name: str) -> None:
        """Say so once: at the option that looks like a misspelling of it, if there is one."""
        unread = {n: given for n, given in self.section.options.items() if n not in self.known}
        close = get_close_matches(name, list(unread), n=1, cutoff=0.8)
        if close:
            self.known.add(close[0])
            self._problem(f"is missing; is it misspelt as {close[0]!r}?", name, unread[close[0]].place)
        else:
            self._problem("is missing", name, self.section.place)

    def _converted(self, given: ConfigOption, wanted: Option) -> Any:
        try:
            return convert(given.value, wanted.kind, wanted.limits, given.place)
        except ValueProblem as problem:
            self._problem(str(problem), wanted.name, given.place)
            return _FAILED

    def _choice(self, member: Choice) -> Any:
        chosen = self._option(member.by)
        if chosen is _FAILED:
            self.undecided = True
            return _FAILED
        if chosen is None:
            return None
        values = {value.lower(): value for value in member.kinds}
        value = values.get(chosen.lower())
        config = member.kinds[value] if value is not None else member.otherwise
        if config is None:
            self.undecided = True
            names = ", ".join(member.kinds)
            place = self.section.options[member.by.name].place
            near = nearest(chosen, list(member.kinds))
            self._problem(f"{chosen!r} is none of {names}{near}", member.by.name, place)
            return _FAILED
        return self.instance(config)

    def _cross_check(self, made: Any) -> None:
        """Ask the config class's own C{check()}, which yields (option, text) pairs."""
        if hasattr(made, "check"):
            for name, text in made.check():
                given = self.section.options.get(name)
                self._problem(text, name, given.place if given else self.section.place)

    def _problem(self, text: str, option: str, place: Place) -> None:
        self.problems.append(Problem(text, place, self.section.name, option))

    def unknown(self) -> Iterator[Problem]:
        for given in self.section.options.values():
            if given.name in self.known or given.name.startswith(tuple(self.prefixes)):
                continue
            hint = nearest(given.name, sorted(self.known))
            yield Problem(f"unknown option{hint}", given.place, self.section.name, given.name, unknown=True)


def read_section(section: ConfigSection, config: type, problems: list[Problem]) -> Any:
    """The section's values as an instance of C{config}, or None after adding to C{problems}."""
    reader = _Reader(section, problems)
    made = reader.instance(config)
    if not reader.undecided:
        problems.extend(reader.unknown())
    return None if made is _FAILED else made


def option_names(config: type) -> Iterator[Option | Wildcard]:
    """All options that a config class may read, those of every choice included."""
    for _, member in config_members(config):
        if isinstance(member, Group):
            yield from option_names(member.kind)
        elif isinstance(member, Choice):
            yield member.by
            kinds = [*member.kinds.values(), *([member.otherwise] if member.otherwise else [])]
            for kind in dict.fromkeys(kinds):  # once each, in order
                yield from option_names(kind)
        else:
            yield member


def _plain(value: Any) -> Any:
    if isinstance(value, Pin | Gcode):
        return value.text
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return getattr(value, "value", value)


def settings_of(made: Any) -> dict[str, Any]:
    """Option -> value in plain JSON types, defaults included, as C{configfile.settings} shows it."""
    settings: dict[str, Any] = {}
    for name, member in config_members(type(made)):
        value = getattr(made, name)
        if isinstance(member, Option):
            if value is not None and value is not REQUIRED:
                settings[member.name] = _plain(value)
        elif isinstance(member, Wildcard):
            assert isinstance(value, Mapping)
            settings.update({member.prefix + rest: text for rest, text in value.items()})
        elif attrs.has(type(value)):
            if isinstance(member, Choice):
                chosen = member.value_of(type(value))
                if chosen is not None:
                    settings[member.by.name] = chosen
            settings.update(settings_of(value))
    return settings
