"""Reading the broker's configuration file: sections, options, comments, values of several lines.

::

    [section]
    option: value          # a comment needs a blank before it
    list:
      first
      second

Each option keeps its file and line, so that a complaint can name them. C{[include PATTERN]} reads other
files; sections that they repeat are merged, and what is read last counts.
"""

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

__all__ = ["ConfigError", "ConfigFile", "Entry", "read_config"]

_SECTION = re.compile(r"\[([^\]]+)\]\s*$")
_OPTION = re.compile(r"([A-Za-z_][\w-]*)\s*[:=]\s*(.*)$")
_COMMENT = re.compile(r"(^|\s)(?<!\\)[#;].*$")


class ConfigError(Exception):
    """The file can't be used; the text names file and line."""


@frozen
class Entry:
    """One option.

    @ivar line: where it begins.
    @ivar path: the file that it is in.
    """

    value: str
    line: int
    path: Path | None = None


@frozen
class ConfigFile:
    """A file's sections, in its order, with those of the files that it includes.

    @ivar places: where each section begins: C{file:line}.
    @ivar files: each file that was read, and the names of its sections.
    """

    path: Path
    sections: Mapping[str, Mapping[str, Entry]]
    places: Mapping[str, str]
    files: Mapping[Path, Sequence[str]]


def _without_comment(line: str) -> str:
    return re.sub(r"\\([#;])", r"\1", _COMMENT.sub("", line)).rstrip()


def read_config(path: Path) -> ConfigFile:
    """Read a file and what it includes. Blocks.

    @raise ConfigError: if one can't be read, or a line can't be understood.
    """
    sections: dict[str, dict[str, Entry]] = {}
    places: dict[str, str] = {}
    files: dict[Path, list[str]] = {}
    _read(path, (), sections, places, files)
    return ConfigFile(path, sections, places, files)


def _read(
    path: Path,
    parents: tuple[Path, ...],
    sections: dict[str, dict[str, Entry]],
    places: dict[str, str],
    files: dict[Path, list[str]],
) -> None:
    """Add one file's sections to those read so far."""
    if path.resolve() in parents:
        raise ConfigError(f"{path}: the file includes itself")
    for name, line, options in _parse(path):
        if name.startswith("include "):
            for included in _included(path, line, name.removeprefix("include ").strip()):
                _read(included, (*parents, path.resolve()), sections, places, files)
            continue
        files.setdefault(path, []).append(name)
        places.setdefault(name, f"{path}:{line}")
        sections.setdefault(name, {}).update(options)
    files.setdefault(path, [])


def _included(path: Path, line: int, pattern: str) -> list[Path]:
    """The files that a pattern stands for, in alphabetical order; a pattern may stand for none."""
    found = sorted(Path(each) for each in glob.glob(str(path.parent / pattern), recursive=True))
    if not found and not glob.has_magic(pattern):
        raise ConfigError(f"{path}:{line}: there is no file {pattern!r} to include")
    return [each for each in found if each.is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}")


def _parse(path: Path) -> Iterator[tuple[str, int, dict[str, Entry]]]:
    """Name, line and options of each section of one file. Names are there only once, but for includes."""
    lines: dict[str, int] = {}
    name, begins, option = "", 0, ""
    options: dict[str, Entry] | None = None
    for number, raw in enumerate(_text(path).splitlines(), start=1):
        line = _without_comment(raw)
        if not line.strip():
            continue
        where = f"{path}:{number}"
        if raw[0] in " \t" and options is not None and option:
            before = options[option]
            options[option] = Entry(f"{before.value}\n{line.strip()}", before.line, path)
            continue
        found = _SECTION.match(line)
        if found is None:
            option, value = _read_option(line, where, options)
            assert options is not None
            options[option] = Entry(value, number, path)
            continue
        if options is not None:
            yield name, begins, options
        name, begins, options, option = " ".join(found.group(1).split()), number, {}, ""
        if name in lines:
            raise ConfigError(f"{where}: the section [{name}] is there already, in line {lines[name]}")
        lines[name] = number
    if options is not None:
        yield name, begins, options


def _read_option(line: str, where: str, options: dict[str, Entry] | None) -> tuple[str, str]:
    found = _OPTION.match(line)
    if found is None:
        raise ConfigError(f"{where}: neither a [section] nor an option: {line.strip()[:60]!r}")
    name = found.group(1).lower()
    if options is None:
        raise ConfigError(f"{where}: the option {name!r} is in no section")
    if name in options:
        raise ConfigError(f"{where}: the option {name!r} is there already, in line {options[name].line}")
    return name, found.group(2).strip()
