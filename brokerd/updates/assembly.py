"""All updaters, put together from the configuration."""

from collections.abc import Callable
from typing import Any

from brokerd.chores import Chores
from brokerd.database.store import Database
from brokerd.errors import ApiError
from brokerd.http_client import HttpClient
from brokerd.machine.assembly import Machine
from brokerd.notifications import Broadcaster
from brokerd.programs import Programs
from brokerd.settings import BrokerSettings
from brokerd.threads import WorkerThreads
from brokerd.updates.config import GitConfig, PythonConfig, ReleaseConfig, SoftwareConfig, UpdateConfig
from brokerd.updates.dependencies import Dependencies
from brokerd.updates.git import GitUpdater
from brokerd.updates.journal import Journal
from brokerd.updates.methods import UpdateMethods
from brokerd.updates.python import PythonUpdater
from brokerd.updates.releases import Releases
from brokerd.updates.system import SystemPackages
from brokerd.updates.unit import UnitUpdater
from brokerd.updates.updater import RestartServices, Updater
from brokerd.updates.web import ReleaseUpdater

__all__ = ["make_updates"]


def _restarter(machine: Machine) -> RestartServices:
    async def restart(services: tuple[str, ...]) -> None:
        """Restart services that an update was for; one that can't be is no reason to call that failed."""
        for service in services:
            try:
                await machine.units.act("restart", service)
            except ApiError as error:
                machine.units.log_refusal(service, error.message)

    return restart


def make_updates(
    settings: BrokerSettings,
    reactor: Any,
    programs: Programs,
    threads: WorkerThreads,
    http: HttpClient,
    database: Database,
    machine: Machine,
    broadcaster: Broadcaster,
    chores: Chores,
    printing: Callable[[], str | None],
    now: Callable[[], float],
) -> UpdateMethods:
    """The updates; a service that has to be started."""
    config = settings.sections.maybe(UpdateConfig)
    general = config or UpdateConfig()
    releases = Releases(http, threads, general.github_api, general.allow_unverified)
    journal, restart = Journal(database), _restarter(machine)
    system = SystemPackages(programs, machine.sudo)
    dependencies = Dependencies(programs, threads, system)

    def make(name: str, software: SoftwareConfig) -> Updater | None:
        if isinstance(software, ReleaseConfig):
            return ReleaseUpdater(name, software, releases, threads, dependencies, restart)
        if isinstance(software, GitConfig):
            return GitUpdater(name, software, programs, threads, dependencies, journal, restart)
        if isinstance(software, PythonConfig):
            return PythonUpdater(name, software, programs, threads, journal, restart)
        return None

    updaters: dict[str, Updater] = {}
    if config is not None and config.enable_system_updates:
        updaters["system"] = system
    for name, software in settings.sections.named(SoftwareConfig).items():
        made = make(name, software)
        if made is not None:
            updaters[name] = made
    if settings.unit is not None:
        updaters[settings.unit.name] = UnitUpdater(settings.unit, http, releases, programs, threads)
    own = settings.unit.name if settings.unit is not None else ""
    return UpdateMethods(
        updaters, own, general, releases, journal, broadcaster, chores, printing, reactor, now
    )
