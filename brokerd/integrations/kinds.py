"""The kinds of integrations. A module is imported only if a section of its kind is configured.

Each module declares its sections (C{optional=True}: a mistake in one stops nothing else), and has

- C{COMPONENTS}: the classes that declare API methods, for the references;
- C{build(house)}: builds what is configured; returns components, services or both.
"""

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

__all__ = ["KINDS", "components", "declare", "module"]

# First word of a section -> the module that serves it, in the order in which they are built.
KINDS: dict[str, str] = {
    "mqtt": "brokerd.integrations.mqtt",
    "power": "brokerd.integrations.power",
    "wled": "brokerd.integrations.wled",
    "sensor": "brokerd.integrations.sensors",
    "spoolman": "brokerd.integrations.spoolman",
    "notifier": "brokerd.integrations.notifiers",
    "zeroconf": "brokerd.integrations.discovery",
    "paneldue": "brokerd.integrations.paneldue",
    "button": "brokerd.integrations.buttons",
    "td1": "brokerd.integrations.td1",
    "simplyprint": "brokerd.integrations.simplyprint",
}


def module(kind: str) -> ModuleType:
    """The module of a kind."""
    return import_module(KINDS[kind])


def declare(titles: Iterable[str]) -> None:
    """Let the kinds that these section titles name declare their sections."""
    for kind in {title.split()[0] for title in titles if title} & set(KINDS):
        module(kind)


def components() -> tuple[type, ...]:
    """All classes that declare API methods of integrations; imports all kinds."""
    return tuple(each for kind in KINDS for each in module(kind).COMPONENTS)
