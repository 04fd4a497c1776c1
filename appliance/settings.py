"""The settings of one appliance: command line over DATA/config/appliance.toml over defaults.

Everything that two appliances on one machine must not share is here: folders, ports, sockets, ptys.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["Settings", "SettingsError", "Simulator", "further_settings", "read_settings"]

SETTINGS_FILE = "config/appliance.toml"


class SettingsError(Exception):
    """A setting that cannot be used; the text names the file, the setting and the limit."""


@frozen
class Simulator:
    """One simulated MCU: its physical model and the pty that printer.cfg names as its serial port.
    Relative paths are relative to the data folder."""

    model: str
    serial: str


def _speed(_instance: object, _attribute: object, value: float) -> None:
    if not 0.01 <= value <= 1000.0:
        raise SettingsError(f"speed: {value:g} is outside 0.01 to 1000")


@frozen
class Settings:
    """What C{appliance run} can be told. Paths are absolute."""

    data: Path
    http: str = "127.0.0.1:7125"
    speed: float = field(default=1.0, validator=_speed)
    uds: str = "/tmp/klippy_uds"
    tty: str = "/tmp/printer"
    host_mcu: str = "/tmp/klipper_host_mcu"
    run_host_mcu: bool = True
    reactor: str = "uvloop"
    update_url: str = ""
    update_key: str = ""
    update_channel: str = "stable"
    simulators: tuple[Simulator, ...] = ()

    @property
    def config_file(self) -> Path:
        """The printer's configuration."""
        return self.data / "config" / "printer.cfg"

    @property
    def http_address(self) -> tuple[str, int]:
        """Host and port to listen on; port 0 takes any free one."""
        host, _, port = self.http.rpartition(":")
        if not port.isdigit() or int(port) > 65535:
            raise SettingsError(f"http: {self.http!r} is not HOST:PORT with a port of 0 to 65535")
        return host.strip("[]") or "127.0.0.1", int(port)


_FILE_TYPES: Mapping[str, type] = {
    "http": str,
    "uds": str,
    "tty": str,
    "host_mcu": str,
    "run_host_mcu": bool,
    "reactor": str,
    "update_url": str,
    "update_key": str,
    "update_channel": str,
    "speed": float,
}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    simulators = tuple(_simulator(path, entry) for entry in found.pop("simulator", ()))
    for name, value in found.items():
        kind = _FILE_TYPES.get(name)
        if kind is None:
            raise SettingsError(f"{path}: unknown setting {name!r}; known are {', '.join(_FILE_TYPES)}")
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise SettingsError(f"{path}: {name}: {value!r} is no {kind.__name__}")
    return {**found, "simulators": simulators}


def _simulator(path: Path, entry: Any) -> Simulator:
    wanted = {a.name for a in attrs.fields(Simulator)}
    if not isinstance(entry, dict) or set(entry) != wanted:
        raise SettingsError(f"{path}: each [[simulator]] has exactly {' and '.join(sorted(wanted))}")
    return Simulator(**entry)


def read_settings(data: str, overrides: Mapping[str, Any]) -> Settings:
    """Settings of the data folder C{data}; C{overrides} that are not None win.

    @raise SettingsError: for a malformed file, an unknown name or a value out of its limits.
    """
    folder = Path(data).expanduser().absolute()
    given = {name: value for name, value in overrides.items() if value is not None}
    settings = Settings(folder, **{**_from_file(folder / SETTINGS_FILE), **given})
    _ = settings.http_address
    return settings


_FOR_ALL = ("http", "reactor", "update_url", "update_key", "update_channel")


def further_settings(data: Path, first: Settings) -> Settings:
    """Settings of a further printer with the data folder C{data}: what its own file says, else what lies in
    that folder, else what the appliance's settings C{first} say.

    @raise SettingsError: for a malformed file, an unknown name, or one that is not for one printer alone.
    """
    path = data / SETTINGS_FILE
    given = _from_file(path)
    for name in _FOR_ALL:
        if name in given:
            raise SettingsError(
                f"{path}: {name} counts for all printers: set it in {first.data / SETTINGS_FILE}"
            )
    comms = data / "comms"
    own = {
        "uds": str(comms / "klippy.sock"),
        "tty": str(comms / "printer"),
        "host_mcu": str(comms / "host-mcu"),
        "run_host_mcu": False,
        "simulators": (),
    }
    settings = attrs.evolve(first, data=data, **{**own, **given})
    for name in ("uds", "tty", "host_mcu"):
        if getattr(settings, name) == getattr(first, name):
            raise SettingsError(f"{path}: {name}: {getattr(first, name)!r} is taken by the first printer")
    return settings
