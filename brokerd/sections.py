"""From the text of a configuration file to typed sections; each mistake is named with its place."""

import difflib
import types
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
from attrs import field, frozen

from brokerd.configfile import ConfigError, ConfigFile, Entry
from brokerd.integrations.kinds import KINDS
from brokerd.options import Option, SectionDeclaration, members
from brokerd.templates import Secrets, Template, TemplateError

__all__ = ["HIDDEN", "Sections", "nearest", "read_sections"]

C = TypeVar("C")
HIDDEN = "<hidden>"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@frozen
class Sections:
    """All sections of a configuration, by their classes.

    @ivar secrets: the user's credentials, for templates.
    @ivar failures: what is wrong with sections that the broker goes on without, by their titles.
    @ivar titles: of all sections in the configuration.
    """

    _single: Mapping[type, Any] = field(factory=dict)
    _named: Mapping[type, Mapping[str, Any]] = field(factory=dict)
    secrets: Secrets = field(factory=Secrets)
    failures: Mapping[str, str] = field(factory=dict)
    titles: tuple[str, ...] = ()

    @staticmethod
    def of(*single: Any, named: Mapping[type, Mapping[str, Any]] | None = None) -> "Sections":
        """Sections made in the process: instances of single ones; named ones by class and name."""
        return Sections({type(each): each for each in single}, named or {})

    def maybe(self, config: type[C]) -> C | None:
        """The section of this class, or None if the configuration has none."""
        return self._single.get(config)

    def one(self, config: type[C]) -> C:
        """The section of this class, with all defaults if the configuration has none."""
        found = self._single.get(config)
        return config() if found is None else found

    def named(self, config: type[C]) -> Mapping[str, C]:
        """The sections of this class by their names, in the order of the file."""
        return self._named.get(config, {})


@frozen
class ReadSections:
    """What reading gives.

    @ivar shown: section -> option -> value, for C{server.config}.
    @ivar warnings: about what is not known and has no effect.
    """

    sections: Sections
    shown: Mapping[str, Mapping[str, Any]]
    warnings: tuple[str, ...]


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint at the known name that was meant, or nothing."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def read_sections(
    file: ConfigFile | None,
    declared: Iterable[SectionDeclaration],
    secrets: Secrets,
    context: Mapping[str, str],
    prefix: str = "",
) -> ReadSections:
    """Check a file against the declarations.

    @param context: what templates know besides the secrets.
    @param prefix: what the file has before each title.
    @raise ConfigError: for the first mistake in a section that is known, unless it is a lenient one.
    """
    by_name = {(each.name, each.named): each for each in declared}
    single: dict[type, Any] = {}
    named: dict[type, dict[str, Any]] = {}
    shown: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    warnings: list[str] = []
    for title in file.sections if file is not None else ():
        assert file is not None
        declaration, label = _find(by_name, title)
        if declaration is None:
            first_words = {name for name, _ in by_name} | set(KINDS)
            hint = nearest(title.split()[0], first_words)
            warnings.append(
                f"{file.places[title]}: the section [{prefix}{title}] is not known and has no effect{hint}"
            )
            continue
        reader = _Reader(title, file, secrets, context, prefix)
        shown[title] = reader.shown
        try:
            value = reader.section(declaration)
        except ConfigError as error:
            if not declaration.lenient:
                raise
            failures[title] = str(error)
            continue
        finally:
            warnings += reader.warnings
        if label is None:
            single[declaration.config] = value
        else:
            named.setdefault(declaration.config, {})[label] = value
    for (name, is_named), declaration in by_name.items():
        if not is_named and not declaration.optional and name not in shown:
            options = members(declaration.config)
            if not any(each.required for each in options):  # else it is not in use
                shown[name] = {each.name: _plain(each.default) for each in options if not each.wildcard}
    titles = tuple(file.sections) if file is not None else ()
    return ReadSections(Sections(single, named, secrets, failures, titles), shown, tuple(warnings))


def _find(
    by_name: Mapping[tuple[str, bool], SectionDeclaration], title: str
) -> tuple[SectionDeclaration | None, str | None]:
    single = by_name.get((title, False))
    if single is not None:
        return single, None
    first, _, rest = title.partition(" ")
    return (by_name.get((first, True)) if rest.strip() else None), rest.strip() or None


@frozen
class _Reader:
    """Reads one section."""

    title: str
    file: ConfigFile
    secrets: Secrets
    context: Mapping[str, str]
    prefix: str = ""
    shown: dict[str, Any] = field(factory=dict)
    warnings: list[str] = field(factory=list)

    @property
    def _name(self) -> str:
        """The section's title as the file has it."""
        return self.prefix + self.title

    @property
    def _entries(self) -> Mapping[str, Entry]:
        return self.file.sections[self.title]

    def section(self, declaration: SectionDeclaration) -> Any:
        config = declaration.config if declaration.by is None else self._chosen(declaration)
        options = members(config)
        values = dict(self._values(options))
        self._warn_of_unknown(options, declaration.by)
        try:
            return config(**values)
        except ValueError as error:
            raise ConfigError(f"{self.file.places[self.title]}: [{self._name}]: {error}") from None

    def _chosen(self, declaration: SectionDeclaration) -> type:
        assert declaration.by is not None
        entry = self._entries.get(declaration.by)
        choices = ", ".join(filter(None, declaration.kinds))
        if entry is None and "" in declaration.kinds:
            return declaration.kinds[""]
        if entry is None:
            where = self.file.places[self.title]
            raise ConfigError(
                f"{where}: [{self._name}] needs the option {declaration.by!r}: one of {choices}"
            )
        config = declaration.kinds.get(entry.value.strip().lower())
        if config is None:
            raise self._error(
                declaration.by, entry, f"one of {choices}", nearest(entry.value, declaration.kinds)
            )
        self.shown[declaration.by] = entry.value
        return config

    def _values(self, options: Iterable[Option]) -> Iterator[tuple[str, Any]]:
        for each in options:
            if each.wildcard:
                found = {n: e for n, e in self._entries.items() if n.startswith(each.name)}
                self.shown.update({n: e.value for n, e in found.items()})
                yield _argument(each), {n.removeprefix(each.name): e.value for n, e in found.items()}
                continue
            entry = self._entries.get(each.name)
            if entry is not None and (entry.value or each.kind is str):
                value = self._value(each, entry)
                text = entry.value
                hide = each.secret and "{" not in text
                self.shown[each.name] = HIDDEN if hide else text if each.template else _plain(value)
                yield _argument(each), value
            elif each.required:
                where = self.file.places[self.title]
                raise ConfigError(f"{where}: [{self._name}] needs the option {each.name!r}: {each.doc}")
            else:
                self.shown[each.name] = _plain(each.default)

    def _value(self, wanted: Option, entry: Entry) -> Any:
        text = entry.value
        if wanted.template and "{" in text:
            try:
                text = Template(text, self.secrets).render(**self.context)
            except TemplateError as error:
                raise self._error(wanted.name, entry, f"a template that can be filled in ({error})") from None
        try:
            value = convert(wanted, text, self.secrets)
            _check_limits(wanted, value)
        except ValueError as error:
            raise self._error(wanted.name, entry, str(error), secret=wanted.secret) from None
        return value

    def _error(
        self, name: str, entry: Entry, expected: str, hint: str = "", secret: bool = False
    ) -> ConfigError:
        shown = HIDDEN if secret else repr(entry.value)
        where = f"{entry.path or self.file.path}:{entry.line}"
        return ConfigError(
            f"{where}: the option {name!r} of [{self._name}] must be {expected}, not {shown}{hint}"
        )

    def _warn_of_unknown(self, options: list[Option], by: str | None) -> None:
        known = {each.name for each in options if not each.wildcard} | ({by} if by else set())
        prefixes = tuple(each.name for each in options if each.wildcard)
        for name, entry in self._entries.items():
            if name in known or name.startswith(prefixes or ("\0",)):
                continue
            where = f"{entry.path or self.file.path}:{entry.line}"
            text = f"{where}: the option {name!r} of [{self._name}] is not known and has no effect"
            self.warnings.append(text + nearest(name, known))


def _argument(each: Option) -> str:
    return each.field.lstrip("_")


def _plain(value: Any) -> Any:
    """A value as C{server.config} shows it."""
    if isinstance(value, Template):
        return value.text
    if isinstance(value, attrs.Factory):  # type: ignore[arg-type]
        return None
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def convert(wanted: Option, text: str, secrets: Secrets) -> Any:
    """The value of an option's text.

    @raise ValueError: with what was expected.
    """
    if wanted.convert is not None:
        return wanted.convert(text)
    return _convert(wanted.kind, wanted, text, secrets)


def _convert(kind: Any, wanted: Option, text: str, secrets: Secrets) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = [each for each in arguments if each is not type(None)]
        return _convert(inner[0], wanted, text, secrets)
    if origin is Literal:
        for choice in arguments:
            if str(choice) == text.strip().lower():
                return choice
        raise ValueError("one of " + ", ".join(map(str, arguments)))
    if origin in (list, tuple):
        return origin(_split(text, wanted.separator))
    if origin is not None and issubclass(origin, Mapping):
        return _pairs(text)
    if kind is Template:
        return _template(text, secrets)
    return _SCALARS[kind](text.strip() if kind is not str else text)


def _split(text: str, separator: str) -> list[str]:
    lines = text.replace(separator, "\n").split("\n") if separator else text.split("\n")
    return [line.strip() for line in lines if line.strip()]


def _pairs(text: str) -> dict[str, str]:
    found = {}
    for line in _split(text, ""):
        key, sign, value = line.partition("=") if "=" in line else line.partition(":")
        if not sign:
            raise ValueError("lines of the form key = value")
        found[key.strip()] = value.strip()
    return found


def _template(text: str, secrets: Secrets) -> Template:
    template = Template(text, secrets)
    try:
        template.check()
    except TemplateError as error:
        raise ValueError(f"a template ({error})") from None
    return template


def _flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("True or False")


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("an integer") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


_SCALARS: Mapping[Any, Any] = {
    str: str,
    int: _integer,
    float: _number,
    bool: _flag,
    Path: lambda text: Path(text).expanduser(),
}


def _check_limits(wanted: Option, value: Any) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if wanted.above is not None and not value > wanted.above:
        raise ValueError(f"above {wanted.above:g}")
    low, high = wanted.minimum, wanted.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        if low is not None and high is not None:
            raise ValueError(f"from {low:.10g} to {high:.10g}")
        raise ValueError(f"{low:.10g} or more" if low is not None and value < low else f"{high:.10g} or less")
