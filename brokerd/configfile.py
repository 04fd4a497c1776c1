"""Reading the broker's configuration file: sections, options, comments, values of several lines.

::

    [section]
    option: value          # a comment needs a blank before it
    list:
      first
      second

Each option keeps its line, so that a complaint can name it.
"""

import re
from collections.abc import Mapping
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
    """

    value: str
    line: int


@frozen
class ConfigFile:
    """A file's sections, in its order.

    @ivar lines: where each section begins.
    """

    path: Path
    sections: Mapping[str, Mapping[str, Entry]]
    lines: Mapping[str, int]


def _without_comment(line: str) -> str:
    return re.sub(r"\\([#;])", r"\1", _COMMENT.sub("", line)).rstrip()


def read_config(path: Path) -> ConfigFile:
    """Read one file. Blocks.

    @raise ConfigError: if it can't be read, or a line can't be understood.
    """
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: {error}")
    sections: dict[str, dict[str, Entry]] = {}
    lines: dict[str, int] = {}
    options: dict[str, Entry] | None = None
    option = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _without_comment(raw)
        if not line.strip():
            continue
        where = f"{path}:{number}"
        if raw[0] in " \t" and options is not None and option:
            before = options[option]
            options[option] = Entry(f"{before.value}\n{line.strip()}", before.line)
            continue
        found = _SECTION.match(line)
        if found is not None:
            name = found.group(1).strip()
            if name in sections:
                raise ConfigError(f"{where}: the section [{name}] is there already, in line {lines[name]}")
            options, option = sections.setdefault(name, {}), ""
            lines[name] = number
            continue
        options, option = _read_option(line, where, options)
        options[option] = Entry(_OPTION.match(line).group(2).strip(), number)  # type: ignore[union-attr]
    return ConfigFile(path, sections, lines)


def _read_option(line: str, where: str, options: dict[str, Entry] | None) -> tuple[dict[str, Entry], str]:
    found = _OPTION.match(line)
    if found is None:
        raise ConfigError(f"{where}: neither a [section] nor an option: {line.strip()[:60]!r}")
    name = found.group(1).lower()
    if options is None:
        raise ConfigError(f"{where}: the option {name!r} is in no section")
    if name in options:
        raise ConfigError(f"{where}: the option {name!r} is there already, in line {options[name].line}")
    return options, name
