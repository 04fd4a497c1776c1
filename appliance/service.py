"""Assemble the appliance: clock, simulated MCUs, motion host and broker in one reactor."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from appliance.hosts import FurtherHosts, add_motion_host
from appliance.link import DirectLink
from appliance.proof import Proof
from appliance.resources import page_folder
from appliance.settings import Settings, SettingsError
from appliance.systemd import SystemdWatch, notify
from brokerd.configfile import ConfigError as BrokerConfigError
from brokerd.configuration import load
from brokerd.service import Broker
from brokerd.settings import BrokerSettings, SimulatorProgram
from brokerd.updates.config import UnitConfig
from klipperd.fine_clock import FineClock
from klipperd.objects.services import HostState
from klipperd.ordered import OrderedServices
from klipperd.service import MotionHost
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
class _Joint(Service):
    """Joins broker and motion host while it runs, and tells when the printer is ready for the first time."""

    link: DirectLink
    motion_host: MotionHost
    broker: Broker
    ready: "Deferred[str]" = field(factory=Deferred)

    def startService(self) -> None:
        super().startService()
        # A printer that isn't ready, or has a mistake in its file, is no reason to be started again.
        self.broker.when_ready().addCallback(lambda _: notify("READY=1"))
        host = self.motion_host.host
        host.on_state(self._state_changed)
        self._state_changed(host.state(), host.state_message())
        self.link.connect()

    def stopService(self) -> None:
        super().stopService()
        self.link.close()

    def _state_changed(self, state: HostState, message: str) -> None:
        notify(f"STATUS={state.value}: {message.splitlines()[0] if message else ''}")
        if state is HostState.READY and not self.ready.called:
            self.ready.callback(self.broker.url)


def make_appliance(reactor: Any, settings: Settings) -> Appliance:
    """An appliance that starts with its C{service}.

    @raise FileNotFoundError: when the installation lacks a firmware binary that the settings ask for.
    """
    service = OrderedServices()
    fine = FineClock(reactor)
    log = settings.data / "logs" / "klippy.log"
    motion_host = add_motion_host(service, reactor, fine, settings, log)
    further = FurtherHosts(service, reactor, fine, settings)
    # Read once now: what is in the way of further printers is known before anything starts.
    read = [_broker_settings(settings)]
    for printer in read[0].printers:
        further.make(printer)
    link = DirectLink(reactor, motion_host.procedures)
    broker = Broker(
        lambda: read.pop() if read else _broker_settings(settings), link, reactor, further.link_to
    )
    broker.setServiceParent(service)
    joint = _Joint(link, motion_host, broker)
    joint.setServiceParent(service)
    SystemdWatch(reactor).setServiceParent(service)
    Proof(reactor, _prefix()).setServiceParent(service)
    return Appliance(service, motion_host, broker, joint.ready)


def _broker_settings(settings: Settings) -> BrokerSettings:
    """The broker's own file says whom it trusts; where it listens and what it shows are ours to say.

    @raise SettingsError: for a mistake in that file.
    """
    try:
        loaded = load(settings.data, None, settings.uds, settings.http_address)
    except BrokerConfigError as error:
        raise SettingsError(str(error)) from None
    log = settings.data / "logs" / "klippy.log"
    return evolve(
        loaded.settings,
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


def _prefix() -> Path | None:
    """Where versions are installed. The installer makes PREFIX/versions/VERSION and PREFIX/current."""
    environment = Path(sys.prefix).resolve()
    return environment.parent.parent if environment.parent.name == "versions" else None


def _unit(settings: Settings) -> UnitConfig:
    """How this installation is updated."""
    return UnitConfig(
        name="klipper-appliance",
        module="appliance",
        version=VERSION.rpartition("-")[2],
        url=settings.update_url,
        public_key=settings.update_key,
        channel=settings.update_channel,
        prefix=_prefix(),
        restart=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
