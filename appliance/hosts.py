"""Motion hosts in the appliance's process: each has its clock, simulated MCUs and its way to the broker."""

from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from appliance.data import prepare_data
from appliance.link import DirectLink
from appliance.processes import ChildProcess
from appliance.resources import mcu_binary
from appliance.settings import Settings, further_settings
from brokerd.hostlink import HostLink
from brokerd.settings import FurtherPrinter
from brokerd.uds import SocketLink
from klipperd.clock import LINK_SLOTS, SIMULATOR_SLOTS, ClockPage, ScaledClock
from klipperd.fine_clock import FineClock
from klipperd.objects.services import HostSettings
from klipperd.ordered import OrderedServices
from klipperd.service import MotionHost, make_motion_host
from klipperd.version import VERSION

__all__ = ["FurtherHosts", "add_motion_host"]

_log = Logger()


@define(eq=False, repr=False, slots=False)
class _Page(Service):
    """Removes the clock page once everybody has stopped using it."""

    page: ClockPage

    def stopService(self) -> None:
        super().stopService()
        self.page.close()


@define(eq=False, repr=False, slots=False)
class _Join(Service):
    """Joins the broker and a further motion host while it runs."""

    link: DirectLink

    def startService(self) -> None:
        super().startService()
        self.link.connect()

    def stopService(self) -> None:
        super().stopService()
        self.link.close()


def _simulators(reactor: Any, settings: Settings, page: ClockPage | None) -> list[ChildProcess]:
    children = []
    for slot, simulator in zip(SIMULATOR_SLOTS, settings.simulators, strict=False):
        serial = settings.data / simulator.serial
        command = [str(mcu_binary("sim")), str(settings.data / simulator.model), "-I", str(serial)]
        command += ["--control", f"{serial}.control", "--die-with-parent"]
        on_exit = None
        if page is not None:
            command += ["--clock", str(_page_file(settings)), "--slot", str(slot)]
            on_exit = _releaser(page, slot)
        name = f"simulated MCU {simulator.serial}"
        children.append(ChildProcess(reactor, name, command, on_exit or (lambda: None)))
    return children


def _releaser(page: ClockPage, slot: int) -> Any:
    """A simulator that died must not hold the clock."""
    return lambda: page.release(slot)


def _page_file(settings: Settings) -> Path:
    return settings.data / "comms" / "clock"


def add_motion_host(
    service: OrderedServices, reactor: Any, fine: FineClock, settings: Settings, log: Path
) -> MotionHost:
    """A motion host that starts and stops with C{service}, with all that it needs.

    @param log: where the process writes its log.
    @raise FileNotFoundError: when the installation lacks a firmware binary that the settings ask for.
    """
    clock: IReactorTime = fine
    page: ClockPage | None = None
    # Simulated MCUs share the host's time even in real time: a computer that has a moment for neither then
    # makes nobody late. Real ones would not wait.
    if settings.speed != 1.0 or settings.simulators:
        page = ClockPage.create(_page_file(settings), settings.speed)
        _Page(page).setServiceParent(service)
        scaled = ScaledClock(page, fine)
        scaled.setServiceParent(service)
        clock = scaled
    for child in _simulators(reactor, settings, page):
        child.setServiceParent(service)
    if settings.run_host_mcu:
        command = [str(mcu_binary("linux")), "-I", settings.host_mcu, "--die-with-parent"]
        ChildProcess(reactor, "host MCU", command).setServiceParent(service)
    host_settings = HostSettings(
        config_file=str(settings.config_file),
        log_file=str(log),
        software_version=VERSION,
        clock_page=0 if page is None else page.address,
        clock_slots=tuple(LINK_SLOTS),
    )
    motion_host = make_motion_host(reactor, clock, host_settings, settings.uds, settings.tty)
    motion_host.service.setServiceParent(service)
    return motion_host


@define(eq=False, repr=False)
class FurtherHosts:
    """The motion hosts of further printers: in this process, or behind the sockets that they name.

    @ivar settings: of the appliance.
    @ivar links: to those in this process, by their data folders. Such a host runs until the process ends: a
        printer that the broker's file no longer has may come back to it.
    """

    service: OrderedServices
    reactor: Any
    fine: FineClock
    settings: Settings
    links: dict[Path, DirectLink] = field(init=False, factory=dict)
    _made: dict[str, HostLink | Exception] = field(init=False, factory=dict)

    def make(self, printer: FurtherPrinter) -> None:
        """Make a motion host before the broker asks for it; what goes wrong, L{link_to} raises."""
        try:
            self._made[printer.name] = self._link(printer)
        except Exception as error:
            self._made[printer.name] = error

    def link_to(self, printer: FurtherPrinter) -> HostLink:
        """The way to a printer's motion host; one that is not there yet is made, and started.

        @raise Exception: if it can't be made.
        """
        made = self._made.pop(printer.name, None) or self._link(printer)
        if isinstance(made, Exception):
            raise made
        return made

    def _link(self, printer: FurtherPrinter) -> HostLink:
        if printer.socket:
            return SocketLink(self.reactor, self.reactor, printer.socket)
        if printer.data in self.links:
            return self.links[printer.data]
        prepare_data(printer.data)
        settings = further_settings(printer.data, self.settings)
        parts = OrderedServices()
        log = self.settings.data / "logs" / "klippy.log"
        host = add_motion_host(parts, self.reactor, self.fine, settings, log)
        link = self.links[printer.data] = DirectLink(self.reactor, host.procedures)
        _Join(link).setServiceParent(parts)
        parts.setServiceParent(self.service)
        return link
