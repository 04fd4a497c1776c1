"""From a configuration file to L{BrokerSettings}: known options are checked, unknown ones warned about.

The sections of the broker itself are declared here; those of a component beside its code
(L{brokerd.options}).
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from brokerd.access.addresses import Network, parse_client
from brokerd.access.settings import AuthorizationConfig
from brokerd.configfile import ConfigFile, Entry, read_config
from brokerd.integrations.kinds import declare
from brokerd.options import declared_sections, option, section
from brokerd.printers.config import Claim, check_name, split_printers
from brokerd.printers.reading import ReadPrinter, read_printers
from brokerd.sections import HIDDEN, ReadSections, read_sections
from brokerd.settings import DEFAULT_NAME, BrokerSettings, FurtherPrinter, tcp_endpoint
from brokerd.templates import Secrets
from brokerd.tls.context import user_pair

__all__ = ["DEFAULT_HOST_SOCKET", "LoadedConfiguration", "load"]

DEFAULT_HOST_SOCKET = "/tmp/klippy_uds"
_SSL_PORT = 7130


def _networks(clients: Iterable[str]) -> tuple[Network, ...]:
    parsed = map(parse_client, clients)
    return tuple(each for each in parsed if not isinstance(each, str))


def _names(clients: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in clients if isinstance(parse_client(each), str))


@frozen
class ServerConfig:
    """C{[server]}: where to listen. Nothing is open to the network that was not opened on purpose."""

    host: str = option("127.0.0.1", doc="address to listen on; 'all' for every IPv4 and IPv6 address")
    port: int = option(7125, minimum=0, maximum=65535, doc="port to listen on, for HTTP and HTTPS alike")
    ssl_port: int | None = option(
        None, minimum=0, maximum=65535, doc="a second port; 7130 if there is a certificate of yours"
    )
    enable_tls: bool = option(True, doc="whether the ports speak HTTPS, too")
    route_prefix: str = option("", doc="what the path of each request begins with, as a proxy passes it")
    enable_debug_logging: bool = option(False, doc="a thing of the past")
    klippy_uds_address: str = option(
        DEFAULT_HOST_SOCKET, template=True, doc="socket of the motion host; knows {data_path}"
    )
    max_upload_size: int = option(1024, minimum=1, maximum=1024 * 1024, doc="longest upload, MiB")
    max_websocket_connections: int = option(50, minimum=1, maximum=10000, doc="websockets open at a time")
    printer_name: str = option(
        DEFAULT_NAME, convert=check_name, doc="what the printer at / is called, where there are several"
    )


@frozen
class DataStoreConfig:
    """C{[data_store]}: short memories."""

    temperature_store_size: int = option(1200, minimum=1, maximum=100_000, doc="samples, one a second")
    gcode_store_size: int = option(1000, minimum=1, maximum=100_000, doc="lines of the console")


@frozen
class DatabaseConfig:
    """C{[database]}: its options are a thing of the past."""


@frozen
class HistoryConfig:
    """C{[history]}: always there."""


@frozen
class SecretsConfig:
    """C{[secrets]}: its options are a thing of the past; the secrets are in DATA/moonraker.secrets."""


@frozen
class ProcStatsConfig:
    """C{[proc_stats]}: always there."""


section("server", ServerConfig)
section("data_store", DataStoreConfig)
section("database", DatabaseConfig)
section("history", HistoryConfig)
section("secrets", SecretsConfig)
section("proc_stats", ProcStatsConfig)


@frozen
class LoadedConfiguration:
    """Settings, and what is none of the broker's own.

    @ivar host_socket: path of the motion host's socket.
    """

    settings: BrokerSettings
    host_socket: str


def _as_read(file: ConfigFile | None, shown: Mapping[str, Mapping[str, Any]], data: Path) -> dict[str, Any]:
    """What C{server.config} says of the text; what is hidden there is hidden here."""
    if file is None:
        return {"orig": {}, "files": []}
    orig = {
        title: {name: _text(shown.get(title, {}).get(name), entry) for name, entry in options.items()}
        for title, options in file.sections.items()
    }
    base = file.path.parent
    files = [
        {
            "filename": str(path.relative_to(base) if path.is_relative_to(base) else path),
            "sections": list(names),
        }
        for path, names in file.files.items()
    ]
    return {"orig": orig, "files": files}


def _text(shown: Any, entry: Entry) -> str:
    return HIDDEN if shown == HIDDEN else entry.value


MOVED_OPTIONS = ("temperature_store_size", "gcode_store_size")


def _moved(file: ConfigFile | None) -> tuple[ConfigFile | None, list[str]]:
    """Options of [server] that moved to [data_store] years ago still count, with a warning."""
    if file is None:
        return None, []
    warnings = []
    sections = {title: dict(options) for title, options in file.sections.items()}
    places = dict(file.places)
    for name in MOVED_OPTIONS:
        entry = sections.get("server", {}).pop(name, None)
        if entry is None:
            continue
        warnings.append(
            f"{entry.path}:{entry.line}: the option {name!r} of [server] belongs into [data_store]"
        )
        sections.setdefault("data_store", {}).setdefault(name, entry)
        places.setdefault("data_store", f"{entry.path}:{entry.line}")
    return ConfigFile(file.path, sections, places, file.files), warnings


def load(
    data: Path,
    config: Path | None,
    host_socket: str | None = None,
    address: tuple[str, int] | None = None,
) -> LoadedConfiguration:
    """Read the configuration. Blocks.

    @param config: the file; by default C{moonraker.conf} in the data directory's config folder, if any.
    @param host_socket: takes the place of the option C{klippy_uds_address}.
    @param address: takes the place of the options C{host} and C{port}.
    @raise ConfigError: if the file is unusable.
    """
    import brokerd.catalog  # noqa: F401  # every component declares its sections when it is imported

    path = config or data / "config" / "moonraker.conf"
    original = read_config(path) if config is not None or path.exists() else None
    whole, moved = _moved(original)
    file, printers = split_printers(whole)
    declare(each for part in (file, *(each.own for each in printers)) if part for each in part.sections)
    secrets = Secrets.read(data / "moonraker.secrets")
    read = read_sections(file, declared_sections(), secrets, {"data_path": str(data)})
    shown = {title: dict(options) for title, options in read.shown.items()}
    server = read.sections.one(ServerConfig)
    socket = host_socket if host_socket is not None else server.klippy_uds_address
    shown.setdefault("server", {})["klippy_uds_address"] = socket
    host, ports = (server.host, tuple(_ports(server, data))) if address is None else (address[0], address[1:])
    first = Claim("server", server.printer_name, data, socket, ports, {"": str(path)})
    further = read_printers(printers, read, secrets, first, host)
    shown.update({title: dict(options) for each in further for title, options in each.shown.items()})
    shown_config = {"config": shown, **_as_read(original, shown, data)}
    warnings = (*moved, *read.warnings, *(text for each in further for text in each.read.warnings))
    settings = _settings(data, read, shown_config, warnings)
    listen = tuple(tcp_endpoint(host, port) for port in ports)
    others = tuple(_further(each, shown) for each in further)
    return LoadedConfiguration(evolve(settings, listen=listen, printers=others), socket)


def _further(printer: ReadPrinter, shown: Mapping[str, Any]) -> FurtherPrinter:
    """The settings of a further printer; C{shown} is what C{server.config} of the first one says."""
    store = printer.read.sections.one(DataStoreConfig)
    server = {**shown["server"], "klippy_uds_address": printer.socket}
    return FurtherPrinter(
        name=printer.name,
        data=printer.data,
        socket=printer.socket,
        listen=printer.listen,
        temperature_store_size=store.temperature_store_size,
        gcode_store_size=store.gcode_store_size,
        config={"config": {**printer.read.shown, "server": server}, "orig": printer.orig, "files": []},
        warnings=printer.read.warnings,
        sections=printer.read.sections,
    )


def _ports(server: ServerConfig, data: Path) -> Iterator[int]:
    yield server.port
    if server.ssl_port is not None:
        yield server.ssl_port
    elif server.enable_tls and user_pair(data / "certs") is not None:
        yield _SSL_PORT


def _settings(
    data: Path, read: ReadSections, shown: Mapping[str, Any], warnings: Iterable[str]
) -> BrokerSettings:
    sections = read.sections
    server, access = sections.one(ServerConfig), sections.one(AuthorizationConfig)
    store = sections.one(DataStoreConfig)
    return BrokerSettings(
        data=data,
        name=server.printer_name,
        tls=server.enable_tls,
        route_prefix=server.route_prefix.strip("/"),
        trusted_clients=_networks(access.trusted_clients),
        trusted_names=_names(access.trusted_clients),
        trusted_proxies=_networks(access.trusted_proxies),
        cors_domains=access.cors_domains,
        enable_api_key=access.enable_api_key,
        max_upload_size=server.max_upload_size * 1024 * 1024,
        max_websockets=server.max_websocket_connections,
        temperature_store_size=store.temperature_store_size,
        gcode_store_size=store.gcode_store_size,
        broker_log=data / "logs" / "moonraker.log",
        config=shown,
        warnings=tuple(warnings),
        sections=sections,
    )
