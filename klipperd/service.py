"""Assemble a motion host: the printer's life, its unix socket and its pseudo-tty.

Both command lines use it: C{klipperd} runs one alone, C{appliance} beside a broker.
"""

from typing import Any

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.config.configuration import Configuration
from klipperd.config.document import ConfigDocument
from klipperd.gcode.base import BaseCommands
from klipperd.gcode.dispatch import Dispatcher
from klipperd.host import HOST_SERVICES, Host
from klipperd.lateness import ReactorLateness
from klipperd.objects.call import Command, Remote, commands_of, remotes_of
from klipperd.objects.catalogue import load_catalogue
from klipperd.objects.plan import Plan, make_plan
from klipperd.objects.services import HostSettings
from klipperd.ordered import OrderedServices
from klipperd.printer.configfile import ConfigFile
from klipperd.remote.gcode import GcodeProcedures
from klipperd.remote.host import HostProcedures, Webhooks, WebhooksStatus, install_procedures
from klipperd.remote.objects import ObjectProcedures
from klipperd.remote.procedures import Procedures
from klipperd.remote.uds import UdsServer
from klipperd.terminal.service import Terminal
from klipperd.workers import WorkerThreads

__all__ = [
    "MotionHost",
    "check_configuration",
    "host_commands",
    "host_remotes",
    "host_status",
    "make_motion_host",
]


@frozen
class MotionHost:
    """A motion host: its C{service} to start and stop, and what its owner needs of it."""

    service: OrderedServices
    host: Host
    procedures: Procedures
    lateness: ReactorLateness


def make_motion_host(
    reactor: Any, clock: IReactorTime, settings: HostSettings, uds: str | None, tty: str | None
) -> MotionHost:
    """A motion host for C{settings.config_file}.

    C{clock} is the printer's time, which may be scaled; C{reactor} is real. C{uds}, C{tty}: paths of the
    socket and of the link to the pseudo-tty, None to have none.
    """
    dispatcher, procedures, lateness = Dispatcher(reactor), Procedures(), ReactorLateness(reactor)
    workers, configuration = WorkerThreads(reactor), Configuration()
    host = Host(
        clock,
        settings,
        load_catalogue(every=False),
        dispatcher,
        procedures,
        configuration,
        workers,
        reactor,
        {"reactor": lateness},
    )
    # Clients need configfile even of a printer that could not be built; a built one's takes its place.
    shown = ConfigFile(configuration, host, workers)
    host.extra_status = {"webhooks": Webhooks(host), "configfile": shown, **host.extra_status}
    BaseCommands(dispatcher, host, settings).install()
    install_procedures(procedures, host, settings, host.objects, dispatcher, clock, reactor)
    service = OrderedServices()
    # They stop in reverse order: first the ways in, then the printer, last what it needs.
    children = [lateness, workers, host]
    if uds is not None:
        children.append(UdsServer(reactor, reactor, uds, procedures))
    if tty is not None:
        children.append(Terminal(reactor, tty, dispatcher))
    for child in children:
        child.setServiceParent(service)
    return MotionHost(service, host, procedures, lateness)


def check_configuration(document: ConfigDocument) -> Plan:
    """Check a configuration without building anything. @raise ConfigError: with every problem."""
    return make_plan(document, load_catalogue(every=False), HOST_SERVICES)


def host_commands() -> list[Command]:
    """The G-code commands that every host serves, whatever its configuration."""
    return commands_of(BaseCommands)


def host_remotes() -> list[Remote]:
    """The remote procedures that every host serves, whatever its configuration."""
    return [spec for kind in (HostProcedures, ObjectProcedures, GcodeProcedures) for spec in remotes_of(kind)]


def host_status() -> dict[str, type]:
    """Status name -> status class of what every host has."""
    return {"webhooks": WebhooksStatus}
