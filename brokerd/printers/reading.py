"""Further printers, read: each mistake is named with its place."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from brokerd.options import declared_sections
from brokerd.printers.config import Claim, PrinterConfig, PrinterFile, check_distinct
from brokerd.sections import HIDDEN, ReadSections, read_sections
from brokerd.settings import tcp_endpoint
from brokerd.templates import Secrets

__all__ = ["ReadPrinter", "read_printers"]


@frozen
class ReadPrinter:
    """What the configuration says of one further printer.

    @ivar shown: its own sections as C{server.config} shows them, under the titles of the file.
    @ivar orig: its own sections as they are written, under their plain names.
    """

    name: str
    data: Path
    socket: str
    listen: tuple[str, ...]
    read: ReadSections
    shown: Mapping[str, Mapping[str, Any]] = field(factory=dict)
    orig: Mapping[str, Mapping[str, Any]] = field(factory=dict)


def read_printers(
    files: Iterable[PrinterFile], first: ReadSections, secrets: Secrets, claim: Claim, host: str
) -> list[ReadPrinter]:
    """Read all further printers.

    @param first: what was read of the first printer; C{[printer NAME]} is among it.
    @param claim: what the first printer takes.
    @param host: the address that it listens on.
    @raise ConfigError: for the first mistake.
    """
    configs = first.sections.named(PrinterConfig)
    known = {_place(each) for each in first.warnings}
    claims, printers = [claim], []
    for file in files:
        config = configs[file.name]
        data = config.folder(file.name, claim.data)
        socket = config.host_socket(data)
        ports = (config.port,) if config.port is not None else ()
        title = f"printer {file.name}"
        claims.append(Claim(title, file.name, data, socket, tuple(filter(None, ports)), file.places()))
        read = read_sections(
            file.own, declared_sections(), secrets, {"data_path": str(data)}, f"printer {file.name} "
        )
        read = evolve(read, warnings=tuple(each for each in read.warnings if _place(each) not in known))
        listen = tuple(tcp_endpoint(config.host or host, port) for port in ports)
        shown = {title: read.shown[plain] for plain, title in file.titles.items() if plain in read.shown}
        printers.append(ReadPrinter(file.name, data, socket, listen, read, shown, _orig(file, read)))
    check_distinct(claims)
    return printers


def _place(warning: str) -> str:
    """The C{file:line} that a warning begins with."""
    return warning.partition(": ")[0]


def _orig(file: PrinterFile, read: ReadSections) -> dict[str, dict[str, str]]:
    """As written, but for secrets."""
    return {
        plain: {
            name: HIDDEN if read.shown.get(plain, {}).get(name) == HIDDEN else entry.value
            for name, entry in file.own.sections[plain].items()
        }
        for plain in file.titles
    }
