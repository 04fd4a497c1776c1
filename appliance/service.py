"""Assemble the appliance: clock, simulated MCUs, motion host and broker in one reactor."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from appliance.link import DirectLink
from appliance.processes import ChildProcess
from appliance.resources import mcu_binary, page_folder
from appliance.settings import Settings, SettingsError
from appliance.systemd import SystemdWatch, notify
from brokerd.configfile import ConfigError as BrokerConfigError
from brokerd.configuration import load
from brokerd.service import Broker
from brokerd.settings import BrokerSettings, SimulatorProgram, tcp_endpoint
from brokerd.updates.config import UnitConfig
from klipperd.clock import LINK_SLOTS, SIMULATOR_SLOTS, ClockPage, ScaledClock
from klipperd.fine_clock import FineClock
from klipperd.objects.services import HostSettings, HostState
from klipperd.ordered import OrderedServices
from klipperd.service import MotionHost, make_motion_host
from klipperd.version import VERSION

__all__ = ["Appliance", "make_appliance"]

_log = Logger()


@frozen
class Appliance:
    """The assembled appliance. C{ready} fires with the broker's URL once the printer is ready."""

    service: OrderedServices
    motion_host: MotionHost
    broker: Broker
    ready: "Deferred[str]"


@define(eq=False, repr=False, slots=False)
class _Page(Service):
    """Removes the clock page once everybody has stopped using it."""

    page: ClockPage

    def stopService(self) -> None:
        super().stopService()
        self.page.close()


@define(eq=False, repr=False, slots=False)
class _Joint(Service):
    """Joins broker and motion host while it runs, and tells when the printer is ready for the first time."""

    link: DirectLink
    motion_host: MotionHost
    broker: Broker
    ready: "Deferred[str]" = field(factory=Deferred)

    def startService(self) -> None:
        super().startService()
        self.motion_host.host.on_state(self._state_changed)
        self.link.connect()

    def stopService(self) -> None:
        super().stopService()
        self.link.close()

    def _state_changed(self, state: HostState, message: str) -> None:
        notify(f"STATUS={state.value}: {message.splitlines()[0] if message else ''}")
        if state is HostState.READY and not self.ready.called:
            notify("READY=1")
            self.ready.callback(self.broker.url)


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


def _page_file(settings: Settings) -> Any:
    return settings.data / "comms" / "clock"


def make_appliance(reactor: Any, settings: Settings) -> Appliance:
    """An appliance that starts with its C{service}.

    @raise FileNotFoundError: when the installation lacks a firmware binary that the settings ask for.
    """
    service = OrderedServices()
    fine = FineClock(reactor)
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
    motion_host = make_motion_host(reactor, clock, _host_settings(settings, page), settings.uds, settings.tty)
    motion_host.service.setServiceParent(service)
    link = DirectLink(reactor, motion_host.procedures)
    broker = Broker(lambda: _broker_settings(settings), link, reactor)
    broker.setServiceParent(service)
    joint = _Joint(link, motion_host, broker)
    joint.setServiceParent(service)
    SystemdWatch(reactor).setServiceParent(service)
    return Appliance(service, motion_host, broker, joint.ready)


def _host_settings(settings: Settings, page: ClockPage | None) -> HostSettings:
    return HostSettings(
        config_file=str(settings.config_file),
        log_file=str(settings.data / "logs" / "klippy.log"),
        software_version=VERSION,
        clock_page=0 if page is None else page.address,
        clock_slots=tuple(LINK_SLOTS),
    )


def _broker_settings(settings: Settings) -> BrokerSettings:
    """The broker's own file says whom it trusts; where it listens and what it shows are ours to say.

    @raise SettingsError: for a mistake in that file.
    """
    try:
        loaded = load(settings.data, None, settings.uds)
    except BrokerConfigError as error:
        raise SettingsError(str(error)) from None
    log = settings.data / "logs" / "klippy.log"
    listen = (tcp_endpoint(*settings.http_address),)
    return evolve(
        loaded.settings,
        listen=listen,
        pages=page_folder(),
        broker_log=log,
        reopen_log=_reopen_log,
        unit=_unit(settings),
        simulator=SimulatorProgram((sys.executable, "-m", "appliance", "simulate"), VERSION),
    )


def _reopen_log() -> None:
    """Let the log go on in a new file, by the signal for that."""
    if signal.getsignal(signal.SIGHUP) not in (signal.SIG_DFL, signal.SIG_IGN, None):
        os.kill(os.getpid(), signal.SIGHUP)


def _unit(settings: Settings) -> UnitConfig:
    """How this installation is updated. The installer makes PREFIX/versions/VERSION and PREFIX/current."""
    environment = Path(sys.prefix).resolve()
    return UnitConfig(
        name="klipper-appliance",
        module="appliance",
        version=VERSION.rpartition("-")[2],
        url=settings.update_url,
        public_key=settings.update_key,
        channel=settings.update_channel,
        prefix=environment.parent.parent if environment.parent.name == "versions" else None,
        restart=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
