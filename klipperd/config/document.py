"""Parse printer.cfg text into sections and options, each with its file and line.

This module knows the file format only (Config_Reference.md, "Format of this document"); what a
section may contain is declared in L{klipperd.objects}. Format: C{[section]} headers, C{option: value}
or C{option = value}, values go on in indented lines, C{#} starts a comment anywhere and C{;} after
white space, later values replace earlier ones, C{[include GLOB]} is relative to the including file.
"""

import glob
import os
import re
from collections.abc import Callable, Iterator

from attrs import define, field, frozen

from klipperd.errors import ConfigError, Place, Problem

__all__ = ["AUTOSAVE_HEADER", "ConfigDocument", "ConfigOption", "ConfigSection", "parse_text", "read_config"]

AUTOSAVE_HEADER = "#*# <---------------------- SAVE_CONFIG ---------------------->"
_AUTOSAVE_PREFIX = "#*#"
_HEADER = re.compile(r"^\[(?P<name>[^\]]+)\]\s*$")
_OPTION = re.compile(r"^(?P<name>[^\s:=][^:=]*?)\s*[:=]\s?(?P<value>.*)$")


@frozen
class ConfigOption:
    """One option: C{value} is stripped text; the lines of a longer value are joined by newlines."""

    name: str
    value: str
    place: Place
    autosaved: bool = False


@define
class ConfigSection:
    """One section with its options by lower-case name. The section's name keeps its case."""

    name: str
    place: Place
    options: dict[str, ConfigOption] = field(factory=dict)

    @property
    def kind(self) -> str:
        """First word of the name: C{heater_fan} of C{heater_fan nozzle}."""
        return self.name.split(None, 1)[0]

    @property
    def title(self) -> str:
        """What follows the first word, or the empty string."""
        return self.name.partition(" ")[2]


@define
class ConfigDocument:
    """All sections of a configuration in file order, and the files that were read."""

    path: str
    sections: dict[str, ConfigSection] = field(factory=dict)
    files: list[str] = field(factory=list)

    def raw(self) -> dict[str, dict[str, str]]:
        """Section -> option -> text, as C{configfile.config} shows it."""
        return {s.name: {o.name: o.value for o in s.options.values()} for s in self.sections.values()}


@define
class _Parser:
    """Folds lines into a document; one parser a file."""

    document: ConfigDocument
    file: str
    include: Callable[[str, Place], None]
    problems: list[Problem]
    section: ConfigSection | None = None
    option: str | None = None
    lines: list[str] = field(factory=list)
    place: Place = field(init=False)
    autosaved: bool = False

    def __attrs_post_init__(self) -> None:
        self.place = Place(self.file, 1)

    def feed(self, number: int, line: str) -> None:
        place = Place(self.file, number)
        text = _without_comment(line)
        if not text.strip():
            if self.option is not None and not line.strip():
                self.lines.append("")
        elif text[0].isspace() and self.option is not None:
            self.lines.append(text.strip())
        else:
            self.finish_option()
            self._start(place, text.strip())

    def _start(self, place: Place, text: str) -> None:
        header = _HEADER.match(text)
        if header:
            self._start_section(" ".join(header["name"].split()), place)
            return
        match = _OPTION.match(text)
        if match is None:
            self.problems.append(Problem(f"neither a [section] nor 'option: value': {text!r}", place))
        elif self.section is None:
            self.problems.append(Problem(f"option {match['name']!r} stands before any [section]", place))
        else:
            self.option, self.lines, self.place = match["name"].lower(), [match["value"].strip()], place

    def _start_section(self, name: str, place: Place) -> None:
        if name.split()[0] == "include":
            self.section = None
            self.include(name[len("include") :].strip(), place)
            return
        known = self.document.sections
        self.section = known.setdefault(name, ConfigSection(name, place))

    def finish_option(self) -> None:
        if self.option is not None and self.section is not None:
            value = "\n".join(self.lines).strip()
            self.section.options[self.option] = ConfigOption(self.option, value, self.place, self.autosaved)
        self.option = None


def _without_comment(line: str) -> str:
    """Cut C{#...} anywhere and C{;...} at the line's start or after white space."""
    line = line.split("#", 1)[0].rstrip()
    return re.sub(r"(^|\s);.*$", "", line)


def _autosaved_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines of the block that SAVE_CONFIG wrote, without their prefix."""
    for number, line in enumerate(lines, 1):
        if line.startswith(_AUTOSAVE_PREFIX):
            yield number, line[len(_AUTOSAVE_PREFIX) :].removeprefix(" ")


def parse_text(
    text: str,
    file: str,
    document: ConfigDocument,
    problems: list[Problem],
    include: Callable[[str, Place], None],
) -> None:
    """Add the sections of C{text} to C{document}; what is wrong is added to C{problems}."""
    lines = text.splitlines()
    starts = (i for i, line in enumerate(lines) if line.startswith(AUTOSAVE_HEADER[:30]))
    saved_from = next(starts, len(lines))
    parser = _Parser(document, file, include, problems)
    for number, line in enumerate(lines[:saved_from], 1):
        parser.feed(number, line)
    parser.finish_option()
    # The saved block's own lines are comments to everyone else, so its values come last and win.
    saved = _Parser(document, file, include, problems, autosaved=True)
    for number, line in _autosaved_lines(lines[saved_from:]):
        if not line.startswith(("<", "DO NOT EDIT")):
            saved.feed(saved_from + number, line)
    saved.finish_option()


def read_config(path: str) -> ConfigDocument:
    """Read C{path} and all that it includes.

    @raise ConfigError: with every unreadable file and malformed line.
    """
    document = ConfigDocument(path)
    problems: list[Problem] = []
    reading: list[str] = []

    def read(name: str, asked: Place | None) -> None:
        real = os.path.realpath(name)
        if real in reading:
            problems.append(Problem(f"{name} includes itself", asked))
            return
        try:
            with open(name, encoding="utf-8") as source:
                text = source.read()
        except (OSError, UnicodeDecodeError) as error:
            cause = getattr(error, "strerror", None) or error
            problems.append(Problem(f"cannot read {name}: {cause}", asked))
            return
        reading.append(real)
        document.files.append(name)
        parse_text(text, name, document, problems, lambda pattern, place: include(name, pattern, place))
        reading.pop()

    def include(parent: str, pattern: str, place: Place) -> None:
        wanted = os.path.join(os.path.dirname(parent), os.path.expanduser(pattern))
        names = sorted(glob.glob(wanted))
        if not names and not glob.has_magic(wanted):
            problems.append(Problem(f"include file {pattern!r} does not exist", place))
        for name in names:
            read(name, place)

    read(path, None)
    if problems:
        raise ConfigError(problems)
    return document
