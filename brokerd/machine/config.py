"""The section C{[machine]}, and the services that the user lets clients manage."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from attrs import frozen

from brokerd.options import option, section

__all__ = ["ALLOWED_FILE", "MachineConfig", "is_allowed", "read_allowed"]

ALLOWED_FILE = "moonraker.asvc"
_ALWAYS = re.compile(r"(moonraker|klipper|brokerd|klipperd|(klipper-)?appliance)([-_]?\d+)?$", re.IGNORECASE)
_AT_FIRST = (
    "klipper_mcu", "webcamd", "MoonCord", "KlipperScreen", "moonraker-telegram-bot",
    "moonraker-obico", "sonar", "crowsnest", "octoeverywhere", "ratos-configurator",
)  # fmt: skip


@frozen
class MachineConfig:
    """C{[machine]}: the computer and its services."""

    provider: Literal["systemd_dbus", "systemd_cli", "supervisord_cli", "none"] = option(
        "systemd_dbus", doc="who knows and manages the system's services"
    )
    shutdown_action: Literal["poweroff", "halt"] = option("poweroff", doc="what a shutdown does")
    sudo_password: str = option(
        "", doc="password of the system's user, for what needs root", template=True, secret=True
    )
    validate_service: bool = option(True, doc="kept for old configurations; units are not rewritten")
    validate_config: bool = option(True, doc="kept for old configurations; files are not rewritten")
    force_validation: bool = option(False, doc="kept for old configurations")
    supervisord_config_path: Path | None = option(None, doc="configuration of supervisord, for its client")


section("machine", MachineConfig)


def read_allowed(data: Path) -> frozenset[str]:
    """Names of services that clients may manage; writes the file of them if there is none. Blocks."""
    path = data / ALLOWED_FILE
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        text = "\n".join(_AT_FIRST) + "\n"
        path.write_text(text)
    except OSError:
        return frozenset()
    return frozenset(line.strip().removesuffix(".service") for line in text.splitlines() if line.strip())


def is_allowed(service: str, allowed: Iterable[str]) -> bool:
    """Whether clients may see and manage a service."""
    return _ALWAYS.fullmatch(service) is not None or service in allowed
