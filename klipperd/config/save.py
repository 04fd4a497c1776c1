"""Write results of calibrations into printer.cfg, as SAVE_CONFIG does.

Saved options stand at the end of the main file in lines that begin with C{#*#}, comments to everyone else;
what they replace further up is commented out. The file is replaced at once or not at all, and the old one
is kept beside it as C{printer-YYYYmmdd_HHMMSS.cfg}.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from klipperd.config.document import AUTOSAVE_HEADER, ConfigDocument, parse_text
from klipperd.errors import CommandError, Place, Problem

__all__ = ["Changes", "replace_file", "save_changes", "saved_text"]

_INTRODUCTION = (
    AUTOSAVE_HEADER,
    "#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.",
    "#*#",
)
_SECTION = re.compile(r"^\[([^\]]+)\]")
_OPTION = re.compile(r"^([^\s:=#;][^:=]*?)\s*[:=]")

Sections = Mapping[str, Mapping[str, str]]


@frozen
class Changes:
    """Options to save, and sections to forget, by section name."""

    options: Sections = field(factory=dict)
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.options or self.removed)

    def with_option(self, section: str, option: str, value: str) -> "Changes":
        """These and one more option."""
        changed = {**self.options.get(section, {}), option.lower(): value}
        return Changes({**self.options, section: changed}, self.removed)

    def without_section(self, section: str) -> "Changes":
        """These, with nothing saved in C{section} any more."""
        kept = {name: options for name, options in self.options.items() if name != section}
        return Changes(kept, self.removed | {section})

    def applied_to(self, saved: Sections) -> Sections:
        """What is saved after these changes to what was C{saved}."""
        result = {name: dict(options) for name, options in saved.items() if name not in self.removed}
        for name, options in self.options.items():
            result.setdefault(name, {}).update(options)
        return result

    def items(self) -> dict[str, dict[str, str] | None]:
        """Section -> option -> value for display; None for a section that is removed."""
        shown: dict[str, dict[str, str] | None] = dict.fromkeys(sorted(self.removed))
        shown.update({name: dict(options) for name, options in self.options.items()})
        return shown


def _refuse_include(_pattern: str, place: Place) -> None:
    raise CommandError(f"{place}: an [include] stands in the saved block; SAVE_CONFIG cannot rewrite it")


def _saved_sections(lines: list[str], path: str) -> Sections:
    """What an earlier SAVE_CONFIG has written."""
    document, problems = ConfigDocument(path), list[Problem]()
    parse_text("\n".join(lines), path, document, problems, _refuse_include)
    if problems:
        raise CommandError(f"SAVE_CONFIG cannot read what it saved before: {problems[0]}")
    return {s.name: {o.name: o.value for o in s.options.values()} for s in document.sections.values()}


def _commented_out(lines: list[str], replaced: Sections) -> Iterator[str]:
    """C{lines} with the options of C{replaced} made comments, their further lines too."""
    section, cutting = "", False
    for line in lines:
        header, option = _SECTION.match(line), _OPTION.match(line)
        if header:
            section, cutting = " ".join(header[1].split()), False
        elif option:
            cutting = option[1].lower() in replaced.get(section, {})
        elif line.strip() and not line[0].isspace() and line[0] not in "#;":
            cutting = False
        yield "#" + line if cutting and line.strip() and line[0] not in "#;" else line


def _block(saved: Sections) -> Iterator[str]:
    yield from _INTRODUCTION
    first = True
    for name, options in saved.items():
        if not first:
            yield "#*#"
        first = False
        yield f"#*# [{name}]"
        for option, value in options.items():
            head, *more = value.split("\n")
            yield f"#*# {option} = {head}".rstrip()
            yield from (f"#*# \t{line}" for line in more)


def saved_text(text: str, path: str, changes: Changes) -> str:
    """The main file's new text. @raise CommandError: when its saved block cannot be read."""
    lines = text.splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith(AUTOSAVE_HEADER[:30])), len(lines))
    saved = changes.applied_to(_saved_sections(lines[start:], path))
    kept = list(_commented_out(lines[:start], changes.options))
    while kept and not kept[-1].strip():
        kept.pop()
    block = ["", *_block(saved)] if saved else []
    return "\n".join([*kept, *block]) + "\n"


def _check_places(path: str, document: ConfigDocument, changes: Changes) -> None:
    """An option that an included file sets would win over, or be hidden by, the saved one: refuse."""
    main = os.path.realpath(path)
    for name, options in changes.options.items():
        section = document.sections.get(name)
        for option in options:
            given = section.options.get(option) if section is not None else None
            if given is not None and os.path.realpath(given.place.file) != main:
                raise CommandError(
                    f"SAVE_CONFIG: [{name}] {option} is set in the included file {given.place}, which "
                    f"SAVE_CONFIG does not write; remove it there, or set {options[option]!r} by hand"
                )


def replace_file(path: str, data: bytes) -> None:
    """Put C{data} in the place of C{path} so that a crash leaves the old or the new file, never a part.

    @raise OSError: when the disk refuses; the old file is unchanged.
    """
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(prefix=f".{os.path.basename(path)}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
        os.chmod(temporary, _mode_of(path))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def _mode_of(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except FileNotFoundError:
        return 0o644


def _sync_folder(folder: str) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _backup_path(path: str) -> str:
    stem, extension = os.path.splitext(path)
    stamp = time.strftime("-%Y%m%d_%H%M%S")
    candidate, number = f"{stem}{stamp}{extension}", 1
    while os.path.exists(candidate):
        number += 1
        candidate = f"{stem}{stamp}_{number}{extension}"
    return candidate


def save_changes(path: str, document: ConfigDocument, changes: Changes) -> str:
    """Write C{changes} into the main file C{path}; the backup's path.

    @raise CommandError: naming what is in the way; the file is unchanged then.
    """
    _check_places(path, document, changes)
    real = os.path.realpath(path)
    try:
        with open(real, encoding="utf-8") as source:
            text = source.read()
        new = saved_text(text, path, changes)
        backup = _backup_path(real)
        shutil.copy2(real, backup)
        replace_file(real, new.encode())
    except (OSError, UnicodeDecodeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise CommandError(f"SAVE_CONFIG cannot write {path}: {cause}") from None
    return backup
