"""The parts that know the computer, put together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define

from brokerd.chores import Chores
from brokerd.machine.config import MachineConfig
from brokerd.machine.description import own_unit
from brokerd.machine.methods import MachineMethods
from brokerd.machine.peripherals.methods import PeripheralMethods
from brokerd.machine.services import NoServices, ServiceProvider, Supervisord, SystemdPrograms
from brokerd.machine.sudo import Sudo
from brokerd.machine.systemd import SystemdBus
from brokerd.machine.units import ServiceMethods
from brokerd.notifications import Broadcaster
from brokerd.programs import Programs
from brokerd.threads import WorkerThreads

__all__ = ["Machine", "make_machine"]


@define(eq=False, repr=False)
class Machine:
    """The computer.

    @ivar units: its services.
    @ivar sudo: what is done as root.
    """

    units: ServiceMethods
    sudo: Sudo
    description: MachineMethods
    peripherals: PeripheralMethods

    @property
    def components(self) -> tuple[Any, ...]:
        """All that have API methods."""
        return self.description, self.units, self.sudo, self.peripherals


def _providers(config: MachineConfig, programs: Programs, sudo: Sudo) -> list[ServiceProvider]:
    """The provider that is configured, and who can stand in for it."""
    systemd = SystemdPrograms(programs, sudo)
    choices: dict[str, list[ServiceProvider]] = {
        "systemd_dbus": [SystemdBus(), systemd],
        "systemd_cli": [systemd],
        "supervisord_cli": [Supervisord(programs, config.supervisord_config_path)],
    }
    return choices.get(config.provider, [NoServices()])


def make_machine(
    reactor: Any,
    config: MachineConfig,
    data: Path,
    programs: Programs,
    threads: WorkerThreads,
    broadcaster: Broadcaster,
    chores: Chores,
    restart: Callable[[], None],
) -> Machine:
    """The parts, wired; C{units} is a service that has to be started."""
    sudo = Sudo(programs, broadcaster, config.sudo_password)
    providers = _providers(config, programs, sudo)
    units = ServiceMethods(
        providers, config, data, threads, broadcaster, chores, reactor, own_unit(), restart
    )
    return Machine(units, sudo, MachineMethods(threads, units), PeripheralMethods(threads))
