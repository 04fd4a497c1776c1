"""Spoolman: which spool is in use, and how much of it the printer takes.

- L{brokerd.integrations.spoolman.presence}: the websocket by which we know that the server is there.
- L{brokerd.integrations.spoolman.usage}: counts filament and reports it.
- L{brokerd.integrations.spoolman.methods}: C{server.spoolman.*}.
"""

from collections.abc import Iterable

from attrs import frozen

from brokerd.integrations.house import House
from brokerd.integrations.spoolman.methods import SpoolmanMethods
from brokerd.integrations.spoolman.presence import SpoolmanPresence
from brokerd.integrations.spoolman.usage import SpoolUsage
from brokerd.jobs.fields import HistoryField
from brokerd.options import option, section

__all__ = ["COMPONENTS", "build"]

COMPONENTS = (SpoolmanMethods,)


def _server(text: str) -> str:
    """@raise ValueError: with what was expected."""
    url = text.strip().rstrip("/")
    if not url.startswith(("http://", "https://")) or not url.partition("://")[2]:
        raise ValueError("a URL such as http://192.168.0.123:7912")
    return url.removesuffix("/api")


@frozen(kw_only=True)
class SpoolmanConfig:
    """C{[spoolman]}."""

    server: str = option(convert=_server, doc="URL of the server")
    sync_rate: float = option(5.0, minimum=1.0, doc="how often used filament is reported (s)")


section("spoolman", SpoolmanConfig, optional=True, lenient=True)


def build(house: House) -> Iterable[object]:
    """The connection, if C{[spoolman]} is there and right."""
    parts = house.parts
    config = parts.settings.sections.maybe(SpoolmanConfig)
    if config is None:
        return
    spools = HistoryField(
        "spoolman", "spool_ids", "Spools that were used", strategy="collect", init_tracker=True
    )
    parts.history.add_field(spools)
    usage = SpoolUsage(house, config.server, config.sync_rate, spools)
    presence = SpoolmanPresence(config.server, parts.reactor, usage)
    usage.presence = presence
    methods = SpoolmanMethods(house.http, config.server, usage, presence)
    parts.host.offer("spoolman_set_active_spool", methods.set_from_macro)
    yield methods
    yield usage
    yield presence
