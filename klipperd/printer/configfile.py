"""The configuration as a status object, and SAVE_CONFIG."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, frozen

from klipperd.config.configuration import Configuration
from klipperd.errors import CommandError
from klipperd.objects import Call, PrinterObject, command, status_field
from klipperd.objects.services import HostControl
from klipperd.workers import SameThread, Workers

__all__ = ["ConfigFile", "ConfigFileConfig", "ConfigFileStatus", "configfile"]


@frozen(kw_only=True)
class ConfigFileConfig:
    """The configuration file; there is nothing to configure."""


@frozen
class ConfigFileStatus:
    """Status of C{configfile}."""

    config: Mapping[str, Mapping[str, str]] = status_field(doc="section -> option -> text as written")
    settings: Mapping[str, Mapping[str, Any]] = status_field(
        doc="section -> option -> value in use, defaults included"
    )
    warnings: Sequence[Mapping[str, str]] = status_field(doc="what the user should know of the configuration")
    save_config_pending: bool = status_field(doc="SAVE_CONFIG would change the file")
    save_config_pending_items: Mapping[str, Mapping[str, str] | None] = status_field(
        doc="section -> option -> value that SAVE_CONFIG would write"
    )


@define(eq=False, repr=False)
class ConfigFile:
    """Shows the configuration that the printer was built from."""

    _configuration: Configuration
    _host: HostControl
    _workers: Workers

    @command("SAVE_CONFIG")
    async def save(self, call: Call) -> None:
        """Write the results of calibrations into the configuration file, and restart."""
        if not self._configuration.pending:
            raise CommandError("SAVE_CONFIG: there is nothing to save")
        backup = await self._workers.run(self._configuration.save)
        call.info(f"Configuration saved; the previous one is kept as {backup}")
        self._host.restart(firmware=False)

    def status(self, eventtime: float) -> ConfigFileStatus:
        """The configuration and what is pending."""
        configuration = self._configuration
        return ConfigFileStatus(
            config=configuration.raw,
            settings=configuration.settings,
            warnings=[warning.as_dict() for warning in configuration.warnings],
            save_config_pending=bool(configuration.pending),
            save_config_pending_items=configuration.pending.items(),
        )


def build_configfile(
    config: ConfigFileConfig, configuration: Configuration, host: HostControl, workers: Workers | None
) -> ConfigFile:
    """Build the C{configfile} object."""
    return ConfigFile(configuration, host, workers if workers is not None else SameThread())


configfile = PrinterObject("configfile", ConfigFileConfig, build_configfile, internal=True)
