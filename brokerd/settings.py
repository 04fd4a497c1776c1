"""Settings of one broker: a frozen value, whether it was read from a file or made by the composition root."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from brokerd.access.addresses import LOOPBACK, Network
from brokerd.sections import Sections
from brokerd.updates.config import UnitConfig

__all__ = ["DEFAULT_NAME", "BrokerSettings", "FurtherPrinter", "SimulatorProgram", "tcp_endpoint"]

DEFAULT_NAME = "printer"


def tcp_endpoint(host: str, port: int) -> str:
    """The endpoint description of a TCP address; C{all} stands for every IPv4 and IPv6 address."""
    if host == "all":
        host = "::"
    escaped = host.replace(":", r"\:")
    return f"{'tcp6' if ':' in host else 'tcp'}:{port}:interface={escaped}"


@frozen
class SimulatorProgram:
    """A program that simulates prints: C{COMMAND FILE --json [--config PRINTER_CFG]} writes what it found.

    @ivar command: the program and its first arguments.
    """

    command: tuple[str, ...]
    version: str


@frozen(kw_only=True)
class BrokerSettings:
    """What a broker needs to know.

    @ivar data: data directory; holds config, gcodes, logs, database and comms.
    @ivar name: what the printer is called.
    @ivar printers: further printers, see docs/printers.md.
    @ivar path: where a further printer is found on the ports of others, as in C{printers/voron}; else empty.
    @ivar listen: endpoint descriptions, as in C{tcp:7125:interface=127.0.0.1}.
    @ivar tls: whether the listening ports speak TLS, too.
    @ivar route_prefix: what each request's path begins with, as a proxy passes it; no slashes around.
    @ivar pages: directory of the browser's pages, or None.
    @ivar trusted_clients: networks whose clients need no key.
    @ivar trusted_names: names of such clients.
    @ivar trusted_proxies: proxies that are believed when they name their client.
    @ivar cors_domains: patterns of web origins that may use the API from a browser.
    @ivar enable_api_key: whether the API key opens the door.
    @ivar max_upload_size: bytes.
    @ivar max_websockets: how many may be open.
    @ivar temperature_store_size: samples, one a second.
    @ivar gcode_store_size: lines.
    @ivar broker_log: the broker's log file, or None.
    @ivar reopen_log: lets the log go on in a new file once the old one was moved away, or None.
    @ivar config: the C{server.config} answer: {config, orig, files}.
    @ivar warnings: what the user should know about the configuration.
    @ivar unit: how the program that this broker is a part of is updated, or None.
    @ivar simulator: the program for C{server.analysis}, or None.
    @ivar sections: the sections that components declare for themselves, see L{brokerd.options}.
    """

    data: Path
    listen: tuple[str, ...] = (tcp_endpoint("127.0.0.1", 7125),)
    tls: bool = True
    route_prefix: str = ""
    pages: Path | None = None
    trusted_clients: tuple[Network, ...] = LOOPBACK
    trusted_names: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    cors_domains: tuple[str, ...] = ()
    enable_api_key: bool = True
    max_upload_size: int = 1024 * 1024 * 1024
    max_websockets: int = 50
    temperature_store_size: int = 1200
    gcode_store_size: int = 1000
    broker_log: Path | None = None
    reopen_log: Callable[[], None] | None = None
    config: Mapping[str, Any] = field(factory=lambda: {"config": {}, "orig": {}, "files": []})
    warnings: tuple[str, ...] = ()
    unit: UnitConfig | None = None
    simulator: SimulatorProgram | None = None
    sections: Sections = field(factory=Sections)
    name: str = DEFAULT_NAME
    printers: "tuple[FurtherPrinter, ...]" = ()
    path: str = ""

    @property
    def public_prefix(self) -> str:
        """What the path of a request begins with; no slashes around."""
        return "/".join(filter(None, (self.route_prefix, "" if self.listen else self.path)))


@frozen(kw_only=True)
class FurtherPrinter:
    """What sets a further printer apart from the first one.

    @ivar socket: of its motion host; empty if the file does not say.
    @ivar listen: its own endpoint descriptions; none if it is reached by its path alone.
    """

    name: str
    data: Path
    socket: str = ""
    listen: tuple[str, ...] = ()
    temperature_store_size: int = 1200
    gcode_store_size: int = 1000
    config: Mapping[str, Any] = field(factory=lambda: {"config": {}, "orig": {}, "files": []})
    warnings: tuple[str, ...] = ()
    sections: Sections = field(factory=Sections)

    @property
    def default_socket(self) -> str:
        """The motion host's socket, said or not."""
        return self.socket or str(self.data / "comms" / "klippy.sock")

    def settings(self, first: BrokerSettings) -> BrokerSettings:
        """All that it needs to know, on top of what the first printer's settings say for all."""
        return evolve(
            first,
            name=self.name,
            data=self.data,
            listen=self.listen,
            temperature_store_size=self.temperature_store_size,
            gcode_store_size=self.gcode_store_size,
            config=self.config,
            warnings=self.warnings,
            sections=self.sections,
            printers=(),
            path=f"printers/{self.name}",
        )
