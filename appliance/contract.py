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
from klipperd.objects.catalogue import Catalogue, load_catalogue
from klipperd.objects.option import Wildcard, status_fields
from klipperd.objects.section import option_names
from klipperd.service import host_commands, host_remotes, host_status

__all__ = ["Coverage", "coverage", "render_table"]


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
