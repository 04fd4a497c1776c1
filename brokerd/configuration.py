"""From a configuration file to L{BrokerSettings}: known options are checked, unknown ones warned about."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from brokerd.access.addresses import LOOPBACK, Network, parse_network
from brokerd.configfile import ConfigError, ConfigFile, Entry, read_config
from brokerd.settings import BrokerSettings, tcp_endpoint

__all__ = ["DEFAULT_HOST_SOCKET", "LoadedConfiguration", "load"]

DEFAULT_HOST_SOCKET = "/tmp/klippy_uds"


def _text(value: str) -> str:
    return value


def _lines(value: str) -> list[str]:
    return [line.strip() for line in value.replace(",", "\n").split("\n") if line.strip()]


def _flag(value: str) -> bool:
    known = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
    try:
        return known[value.lower()]
    except KeyError:
        raise ValueError("True or False")


def _number(least: int, most: int) -> Callable[[str], int]:
    def convert(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError("an integer")
        if not least <= number <= most:
            raise ValueError(f"from {least} to {most}")
        return number

    return convert


def _networks(value: str) -> list[str]:
    networks = _lines(value)
    for each in networks:
        try:
            parse_network(each)
        except ValueError:
            raise ValueError(f"addresses and networks such as 192.168.1.0/24 (not {each!r})")
    return networks


# Section -> option -> (conversion, default). Defaults are those of the public reference, but for the address:
# nothing is open to the network that was not opened on purpose.
_OPTIONS: Mapping[str, Mapping[str, tuple[Callable[[str], Any], Any]]] = {
    "server": {
        "host": (_text, "127.0.0.1"),
        "port": (_number(0, 65535), 7125),
        "klippy_uds_address": (_text, DEFAULT_HOST_SOCKET),
        "max_upload_size": (_number(1, 1024 * 1024), 1024),
        "max_websocket_connections": (_number(1, 10000), 50),
    },
    "authorization": {
        "enable_api_key": (_flag, True),
        "trusted_clients": (_networks, [str(each) for each in LOOPBACK]),
        "trusted_proxies": (_networks, []),
        "cors_domains": (_lines, []),
    },
    "file_manager": {"enable_config_write_access": (_flag, True)},
    "data_store": {
        "temperature_store_size": (_number(1, 100_000), 1200),
        "gcode_store_size": (_number(1, 100_000), 1000),
    },
    "job_queue": {"automatic_transition": (_flag, False)},
    # Always there, and without options of their own so far.
    "octoprint_compat": {},
    "history": {},
    "announcements": {},
    "machine": {},
}


@frozen
class LoadedConfiguration:
    """Settings, and what is none of the broker's own.

    @ivar host_socket: path of the motion host's socket.
    """

    settings: BrokerSettings
    host_socket: str


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _unknown(file: ConfigFile) -> list[str]:
    warnings = []
    for section, options in file.sections.items():
        where = f"{file.path}:{file.lines[section]}"
        if section not in _OPTIONS:
            hint = _nearest(section, _OPTIONS)
            warnings.append(f"{where}: the section [{section}] is not known and has no effect{hint}")
            continue
        for name, entry in options.items():
            if name not in _OPTIONS[section]:
                hint = _nearest(name, _OPTIONS[section])
                warnings.append(
                    f"{file.path}:{entry.line}: the option {name!r} of [{section}] is not known"
                    f" and has no effect{hint}"
                )
    return warnings


def _value(file: ConfigFile | None, section: str, name: str, entry: Entry | None) -> Any:
    convert, default = _OPTIONS[section][name]
    if entry is None or file is None or not entry.value:
        return default
    try:
        return convert(entry.value)
    except ValueError as error:
        where = f"{file.path}:{entry.line}: the option {name!r} of [{section}]"
        raise ConfigError(f"{where} must be {error}, not {entry.value!r}")


def _values(file: ConfigFile | None) -> dict[str, dict[str, Any]]:
    sections = file.sections if file is not None else {}
    return {
        section: {name: _value(file, section, name, sections.get(section, {}).get(name)) for name in options}
        for section, options in _OPTIONS.items()
    }


def _as_read(file: ConfigFile | None) -> dict[str, Any]:
    if file is None:
        return {"orig": {}, "files": []}
    orig = {section: {n: e.value for n, e in options.items()} for section, options in file.sections.items()}
    return {"orig": orig, "files": [{"filename": file.path.name, "sections": list(file.sections)}]}


def load(data: Path, config: Path | None, host_socket: str | None = None) -> LoadedConfiguration:
    """Read the configuration. Blocks.

    @param config: the file; by default C{moonraker.conf} in the data directory's config folder, if any.
    @param host_socket: takes the place of the option C{klippy_uds_address}.
    @raise ConfigError: if the file is unusable.
    """
    path = config or data / "config" / "moonraker.conf"
    file = read_config(path) if config is not None or path.exists() else None
    values = _values(file)
    server, access = values["server"], values["authorization"]
    if host_socket is not None:
        server["klippy_uds_address"] = host_socket
    settings = BrokerSettings(
        data=data,
        listen=(tcp_endpoint(server["host"], server["port"]),),
        trusted_clients=_parsed(access["trusted_clients"]),
        trusted_proxies=_parsed(access["trusted_proxies"]),
        cors_domains=tuple(access["cors_domains"]),
        enable_api_key=access["enable_api_key"],
        max_upload_size=server["max_upload_size"] * 1024 * 1024,
        max_websockets=server["max_websocket_connections"],
        config_writable=values["file_manager"]["enable_config_write_access"],
        temperature_store_size=values["data_store"]["temperature_store_size"],
        gcode_store_size=values["data_store"]["gcode_store_size"],
        queue_automatic=values["job_queue"]["automatic_transition"],
        broker_log=data / "logs" / "moonraker.log",
        config={"config": values, **_as_read(file)},
        warnings=tuple(_unknown(file)) if file is not None else (),
    )
    return LoadedConfiguration(settings, str(server["klippy_uds_address"]))


def _parsed(networks: Iterable[str]) -> tuple[Network, ...]:
    return tuple(parse_network(each) for each in networks)
