"""Which of the names that users rely on are served so far, by comparing with a folder of contract files.

The files are lists of names by kind (sections with options, commands, status fields, remote
procedures, API methods): see the README beside them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from brokerd.catalog import notifications as sent_notifications
from brokerd.catalog import served as served_by_broker
from brokerd.configuration import MOVED_OPTIONS
from brokerd.options import SectionDeclaration, declared_sections, members
from klipperd.objects.catalogue import Catalogue, load_catalogue
from klipperd.objects.option import Wildcard, status_fields
from klipperd.objects.section import option_names
from klipperd.service import host_commands, host_remotes, host_status

__all__ = ["Coverage", "coverage", "render_table"]


# Of the public examples of the broker's configuration: users' own secrets, and how a file is written.
_NO_SECTIONS = {"home_assistant", "mqtt_credentials", "section_name", "project"}
# An example that shows the options of all types, though it names one.
_ALL_KINDS = "update_manager extension_name"


@frozen
class Coverage:
    """How much of one kind of name is served."""

    kind: str
    served: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.served) + len(self.missing)


def _split(kind: str, wanted: Iterable[str], has: "set[str] | frozenset[str]") -> Coverage:
    names = sorted(wanted)
    return Coverage(kind, tuple(n for n in names if n in has), tuple(n for n in names if n not in has))


def _load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


def _options(folder: Path, catalogue: Catalogue) -> Iterable[Coverage]:
    wanted: Mapping[str, Mapping[str, Any]] = _load(folder, "config_options.json")
    sections: set[str] = set()
    options: set[str] = set()
    served: set[str] = set()
    for section, names in wanted.items():
        declared = catalogue.find(section)
        if declared is not None or section.startswith("include "):
            sections.add(section)
        options.update(f"[{section}] {name}" for name in names)
        if declared is not None:
            members = list(option_names(declared.config))
            known = {m.name for m in members if not isinstance(m, Wildcard)}
            prefixes = tuple(m.prefix for m in members if isinstance(m, Wildcard))
            served.update(
                f"[{section}] {n}" for n in names if n in known or n.startswith(prefixes or ("\0",))
            )
    yield _split("config sections", wanted, sections)
    yield _split("config options", options, served)


def _commands(folder: Path, catalogue: Catalogue) -> Iterable[Coverage]:
    wanted: Mapping[str, list[str]] = _load(folder, "gcode_commands.json")
    specs = [*host_commands(), *(spec for declared in catalogue.objects for spec in declared.commands())]
    letters: dict[str, set[str]] = {}
    for spec in specs:
        letters.setdefault(spec.name, set()).update(p.letter for p in spec.parameters)
        if spec.mux:
            letters[spec.name].add(spec.mux)
    params = {f"{name} {p}" for name, given in wanted.items() for p in given}
    have = {f"{name} {p}" for name, known in letters.items() for p in known}
    yield _split("G-code commands", wanted, set(letters))
    yield _split("command parameters", params, have)


def _status(folder: Path, catalogue: Catalogue) -> Coverage:
    wanted: Mapping[str, list[str]] = _load(folder, "status_fields.json")
    fields = {f"{name}.{_plain(field)}" for name, names in wanted.items() for field in names or [""]}
    always = {name: status_fields(kind) for name, kind in host_status().items()}
    have = {f"{name}.{field}" for name, known in always.items() for field in ("", *known)}
    for declared in catalogue.objects:
        known = declared.status_fields()
        if known is not None:
            for name in (declared.section.rstrip(" *#"), *getattr(declared.gives, "status_names", ())):
                have.update(f"{name}.{field}" for field in ("", *known))
    return _split("status fields", fields, have)


def _plain(field: str) -> str:
    """C{settings.<section>.<option>} and C{results["<screw>"]} are one field each."""
    return re.split(r"[.\[<]", field.removeprefix("printer.toolhead."))[0]


def _api(folder: Path) -> Iterable[Coverage]:
    groups: Mapping[str, Any] = _load(folder, "broker_api.json")
    notifications = groups["notifications"]
    methods = [group for name, group in groups.items() if name != "notifications"]
    served = served_by_broker()
    yield _split("API methods", {n for group in methods for n in group["rpc"]}, set(served.rpc))
    yield _split("API HTTP forms", {n for group in methods for n in group["http"]}, set(served.http))
    yield _split("API notifications", notifications, set(sent_notifications()))


def _broker_section(section: str) -> SectionDeclaration | None:
    first, _, rest = section.partition(" ")
    found = [each for each in declared_sections() if each.name == first and each.named == bool(rest)]
    return found[0] if found else None


def _broker_option_names(section: SectionDeclaration, kind: str | None) -> tuple[set[str], tuple[str, ...]]:
    """Names and prefixes of options; those of one kind where the example says which, else those of all."""
    kinds = (
        [section.kinds[kind]] if kind and kind in section.kinds else [section.config, *section.kinds.values()]
    )
    options = [option for config in kinds for option in members(config)]
    plain = {each.name for each in options if not each.wildcard} | ({section.by} if section.by else set())
    if section.name == "server":
        plain |= set(MOVED_OPTIONS)  # they still count there
    return plain, tuple(each.name for each in options if each.wildcard)


def _broker_config(folder: Path, catalogue: Catalogue) -> Iterable[Coverage]:
    """Sections that the motion host reads are among the examples, too."""
    wanted: Mapping[str, Mapping[str, Any]] = _load(folder, "broker_config.json")
    examples = {name: given for name, given in wanted.items() if name not in _NO_SECTIONS}
    sections: set[str] = set()
    served: set[str] = set()
    for section, given in examples.items():
        declared, host = _broker_section(section), catalogue.find(section)
        if declared is not None:
            kind = None if section == _ALL_KINDS else given.get(declared.by or "")
            names, prefixes = _broker_option_names(declared, kind)
        elif host is not None:
            options = list(option_names(host.config))
            names = {each.name for each in options if not isinstance(each, Wildcard)}
            prefixes = tuple(each.prefix for each in options if isinstance(each, Wildcard))
        else:
            sections.update([section] if section.startswith("include ") else [])
            continue
        sections.add(section)
        served.update(f"[{section}] {n}" for n in given if n in names or n.startswith(prefixes or ("\0",)))
    yield _split("broker sections", examples, sections)
    yield _split("broker options", {f"[{s}] {n}" for s, names in examples.items() for n in names}, served)


def coverage(folder: Path) -> list[Coverage]:
    """Compare every contract file in C{folder}. @raise OSError: when one is missing."""
    catalogue = load_catalogue()
    remotes = {r.name for r in host_remotes()} | {r.name for o in catalogue.objects for r in o.remotes()}
    return [
        *_options(folder, catalogue),
        *_commands(folder, catalogue),
        _status(folder, catalogue),
        _split("remote procedures", _load(folder, "uds_methods.json"), remotes),
        *_api(folder),
        *_broker_config(folder, catalogue),
    ]


def render_table(found: Iterable[Coverage]) -> str:
    """A table for the terminal: kind, served of total, share, and the first few missing names."""
    lines = [f"{'':22}{'served':>7}{'of':>6}"]
    for one in found:
        missing = ", ".join(one.missing[:4]) + (", ..." if len(one.missing) > 4 else "")
        lines.append(
            f"{one.kind:22}{len(one.served):7}{one.total:6}  {'missing: ' + missing if missing else ''}"
        )
    return "\n".join(lines)
