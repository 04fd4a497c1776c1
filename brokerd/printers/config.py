"""C{[printer NAME]}: a further printer. C{[printer NAME SECTION]} is a section of that printer alone."""

import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from brokerd.configfile import ConfigError, ConfigFile, Entry
from brokerd.options import option, section
from brokerd.sections import nearest

__all__ = ["Claim", "PrinterConfig", "PrinterFile", "check_distinct", "check_name", "split_printers"]

FOLDERS = ("config", "gcodes", "logs", "database", "comms", "backup", "certs")
_WORD = "printer"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Sections for all printers. Of these, a printer's own ones win option by option ...
_INHERITED = (
    "data_store", "file_manager", "job_queue", "octoprint_compat", "analysis", "history", "zeroconf",
)  # fmt: skip
# ... and of these there can't be any.
_SHARED = (
    "server", "authorization", "ldap", "machine", "update_manager", "secrets", "database", "proc_stats",
    "announcements", "printer",
)  # fmt: skip


def check_name(text: str) -> str:
    """The name of a printer, which is a part of its address.

    @raise ValueError: with what was expected.
    """
    if not _NAME.fullmatch(text.strip()):
        raise ValueError("one word of letters, digits, '-' and '_', at most 64")
    return text.strip()


@frozen(kw_only=True)
class PrinterConfig:
    """C{[printer NAME]}: a further printer; C{[printer NAME SECTION]} is a section of that printer alone."""

    data_path: str = option(
        "", template=True, doc="its data directory; by default printers/NAME in the first one's"
    )
    klippy_uds_address: str = option(
        "",
        doc="socket of its motion host, where {data_path} is its own; by default comms/klippy.sock in there",
    )
    host: str = option("", doc="address that its own port listens on; by default that of [server]")
    port: int | None = option(
        None, minimum=0, maximum=65535, doc="its own port; by default it is reached at /printers/NAME/ alone"
    )

    def folder(self, name: str, first: Path) -> Path:
        """Its data directory."""
        return Path(self.data_path).expanduser().absolute() if self.data_path else first / "printers" / name

    def host_socket(self, data: Path) -> str:
        """The motion host's socket, or an empty text."""
        return self.klippy_uds_address.replace("{data_path}", str(data))


section(_WORD, PrinterConfig, named=True)


@frozen
class PrinterFile:
    """What a configuration says of one further printer.

    @ivar own: sections under their plain names; the shared ones that it inherits are among them.
    @ivar titles: those that are the printer's alone, as they are written in the file.
    """

    name: str
    own: ConfigFile
    titles: Mapping[str, str] = field(factory=dict)
    _options: Mapping[str, Entry] = field(factory=dict)
    _begins: str = ""

    def places(self) -> dict[str, str]:
        """C{file:line} of each option of C{[printer NAME]}, and of the section itself under an empty name."""
        return {"": self._begins, **{n: f"{e.path}:{e.line}" for n, e in self._options.items()}}


def split_printers(file: ConfigFile | None) -> tuple[ConfigFile | None, list[PrinterFile]]:
    """Part the sections of further printers from the others, among which C{[printer NAME]} stays.

    @raise ConfigError: for a bad name, a section of a printer that is not there, or one that is shared.
    """
    if file is None:
        return None, []
    first: dict[str, Mapping[str, Entry]] = {}
    named: dict[str, dict[str, str]] = {}
    parts: list[tuple[str, str, str]] = []
    for title, options in file.sections.items():
        words = title.split()
        if words[:1] != [_WORD]:
            first[title] = options
        elif len(words) < 3:
            first[title] = options
            named[_checked(file, title, words[1:])] = {}
        else:
            parts.append((title, words[1], " ".join(words[2:])))
    for title, name, plain in parts:
        if name not in named:
            hint = nearest(name, named)
            raise ConfigError(f"{file.places[title]}: [{title}]: there is no [printer {name}]{hint}")
        _refuse_shared(file, title, plain)
        named[name][plain] = title
    rest = ConfigFile(file.path, first, file.places, file.files)
    return rest, [_printer(file, name, titles) for name, titles in named.items()]


def _checked(file: ConfigFile, title: str, words: list[str]) -> str:
    try:
        return check_name(words[0] if words else "")
    except ValueError as error:
        raise ConfigError(f"{file.places[title]}: [{title}]: the name of a printer must be {error}") from None


def _refuse_shared(file: ConfigFile, title: str, plain: str) -> None:
    word = plain.split()[0]
    if word in _SHARED:
        raise ConfigError(
            f"{file.places[title]}: [{title}]: [{word}] is shared by all printers; "
            f"options of one printer are those of [printer NAME]: data_path, klippy_uds_address, host, port"
        )


def _printer(file: ConfigFile, name: str, titles: Mapping[str, str]) -> PrinterFile:
    sections: dict[str, Mapping[str, Entry]] = {}
    places: dict[str, str] = {}
    for plain in _INHERITED:
        if plain in file.sections:
            sections[plain], places[plain] = file.sections[plain], file.places[plain]
    for plain, title in titles.items():
        sections[plain] = {**sections.get(plain, {}), **file.sections[title]}
        places[plain] = file.places[title]
    mqtt = sections.get("mqtt")
    if mqtt is not None and "instance_name" not in mqtt:
        # By default topics begin with the name of the machine, which is the first printer's.
        sections["mqtt"] = {**mqtt, "instance_name": Entry(f"{socket.gethostname()}-{name}", 0, file.path)}
    own, title = ConfigFile(file.path, sections, places, file.files), f"{_WORD} {name}"
    return PrinterFile(name, own, titles, file.sections[title], file.places[title])


@frozen
class Claim:
    """What one printer takes for itself.

    @ivar title: of its section.
    @ivar ports: all but 0.
    @ivar places: C{file:line} of the options that it was made from, and of the section under an empty name.
    """

    title: str
    name: str
    data: Path
    socket: str
    ports: tuple[int, ...]
    places: Mapping[str, str]


def check_distinct(claims: Iterable[Claim]) -> None:
    """Refuse printers that are in each other's way.

    @raise ConfigError: with the option that is to be changed.
    """
    before: list[Claim] = []
    for claim in claims:
        for other in before:
            for name, problem in _conflicts(claim, other):
                where = claim.places.get(name, claim.places[""])
                what = f"the option {name!r} of [{claim.title}]" if name else f"the name of [{claim.title}]"
                raise ConfigError(f"{where}: {what} must be {problem}, as [{other.title}] has it")
        before.append(claim)


def _conflicts(claim: Claim, other: Claim) -> Iterator[tuple[str, str]]:
    if claim.name.lower() == other.name.lower():
        yield "", f"one of its own, not {claim.name!r}"
    for port in set(claim.ports) & set(other.ports):
        yield "port", f"a port of its own, not {port}"
    if claim.socket and claim.socket == other.socket:
        yield "klippy_uds_address", f"a socket of its own, not {claim.socket!r}"
    mine, theirs = claim.data.resolve(), other.data.resolve()
    if mine == theirs:
        yield "data_path", f"a directory of its own, not {str(claim.data)!r}"
    for inner, outer in ((mine, theirs), (theirs, mine)):
        if any(inner.is_relative_to(outer / folder) for folder in FOLDERS):
            yield "data_path", f"outside of the folders of other printers, not {str(claim.data)!r}"
