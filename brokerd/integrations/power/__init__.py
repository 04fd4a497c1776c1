"""Power devices: relays, plugs and what else has a switch.

- L{brokerd.integrations.power.config}: options of every kind.
- L{brokerd.integrations.power.device}: what all kinds have in common.
- one module for each way to switch.
"""

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred

from brokerd.integrations.gpio import GpiodLines, GpioLines
from brokerd.integrations.house import House
from brokerd.integrations.power import config as kinds
from brokerd.integrations.power.config import KINDS, PowerConfig
from brokerd.integrations.power.device import PowerDevice, Switch
from brokerd.integrations.power.methods import PowerMethods
from brokerd.notifications import notification
from brokerd.programs import Programs

__all__ = ["COMPONENTS", "build"]

COMPONENTS = (PowerMethods,)

POWER_CHANGED = notification("notify_power_changed", "a power device changed", params=("PowerDevice",))


@define(eq=False, repr=False)
class _Actions:
    """What devices can do besides switching."""

    _house: House
    _restart_wanted: bool = field(init=False, default=False)

    def notify(self, device: PowerDevice) -> None:
        """Tell everybody."""
        self._house.parts.broadcaster.send(POWER_CHANGED, device.describe())
        if self._house.home_assistant is not None:
            self._house.home_assistant.switch(device.name, device.state)

    def printing(self) -> bool:
        """Whether a job is running."""
        return self._house.parts.jobs.printing is not None

    async def set_service(self, name: str, running: bool) -> None:
        """Start or stop a service of the machine."""
        await self._house.call(f"machine.services.{'start' if running else 'stop'}", service=name)

    async def restart_host(self) -> None:
        """Restart the firmware now, or once the host is there and does not find it ready by itself."""
        host = self._house.parts.host
        if host.state in ("disconnected", "startup"):
            self._restart_wanted = True
        elif host.state != "ready":
            await host.request("gcode/firmware_restart")

    def host_ready(self) -> None:
        """No restart is needed."""
        self._restart_wanted = False

    async def host_stopped(self, state: str) -> None:
        """The host has started, in vain."""
        wanted, self._restart_wanted = self._restart_wanted, False
        if wanted and state in ("shutdown", "error"):
            await self._house.parts.host.request("gcode/firmware_restart")


@define(eq=False, repr=False, slots=False)
class _Devices(Service):
    """All devices, from start to stop."""

    _house: House
    _devices: dict[str, PowerDevice]
    _actions: _Actions
    _programs: Programs

    def startService(self) -> None:
        super().startService()
        parts = self._house.parts
        parts.host.follow(self)
        parts.queue.on_added(self._queued)
        for each in self._devices.values():
            parts.chores.spawn(each.start(), f"starting the power device {each.name}")
            if self._house.home_assistant is not None:
                self._house.home_assistant.switch(each.name, each.state)

    def stopService(self) -> Deferred[Any]:
        super().stopService()
        for each in self._devices.values():
            each.stop()
        return self._programs.cancel()

    def _queued(self) -> None:
        for each in self._devices.values():
            each.job_queued()

    async def host_ready(self) -> None:
        self._actions.host_ready()
        for each in self._devices.values():
            each.host_ready()

    def host_stopped(self, state: str) -> None:
        if not self.running:
            return
        if state == "shutdown":
            for each in self._devices.values():
                each.host_shut_down()
        self._house.parts.chores.spawn(self._actions.host_stopped(state), "restarting the firmware")


def _switches(house: House, lines: GpioLines, programs: Programs) -> dict[type, Callable[[Any], Switch]]:
    """What makes the switch of each kind; a module is imported when a device needs it."""
    parts = house.parts

    def gpio(config: Any) -> Switch:
        from brokerd.integrations.power.lines import GpioSwitch

        return GpioSwitch(config, lines)

    def radio(config: Any) -> Switch:
        from brokerd.integrations.power.lines import RfSwitch

        return RfSwitch(config, lines, parts.threads)

    def klipper(config: Any) -> Switch:
        from brokerd.integrations.power.klipper import KlipperSwitch

        return KlipperSwitch(config, parts.host, parts.reactor)

    def tplink(config: Any) -> Switch:
        from brokerd.integrations.power.tplink import TplinkSwitch

        return TplinkSwitch(config, parts.reactor)

    def mqtt(config: Any) -> Switch:
        from brokerd.integrations.mqtt.client import needed_client
        from brokerd.integrations.power.topics import MqttSwitch

        return MqttSwitch(config, needed_client(house.mqtt), parts.reactor, parts.chores)

    def http(config: Any) -> Switch:
        from brokerd.integrations.power.generic import HttpSwitch

        return HttpSwitch(config, house.http, parts.reactor)

    def uhubctl(config: Any) -> Switch:
        from brokerd.integrations.power.hubs import UhubctlSwitch

        return UhubctlSwitch(config, programs)

    def web(name: str) -> Callable[[Any], Switch]:
        def make(config: Any) -> Switch:
            from brokerd.integrations.power import web

            switch: Switch = getattr(web, name)(config, house.http, parts.reactor)
            return switch

        return make

    return {
        kinds.GpioPower: gpio,
        kinds.RfPower: radio,
        kinds.KlipperPower: klipper,
        kinds.TplinkPower: tplink,
        kinds.MqttPower: mqtt,
        kinds.HttpPower: http,
        kinds.UhubctlPower: uhubctl,
        kinds.TasmotaPower: web("TasmotaSwitch"),
        kinds.ShellyPower: web("ShellySwitch"),
        kinds.HomeseerPower: web("HomeseerSwitch"),
        kinds.HomeAssistantPower: web("HomeAssistantSwitch"),
        kinds.LoxonePower: web("LoxoneSwitch"),
        kinds.SmartThingsPower: web("SmartThingsSwitch"),
        kinds.HuePower: web("HueSwitch"),
    }


def build(house: House) -> Iterable[object]:
    """All devices that are configured and right."""
    parts = house.parts
    actions, programs = _Actions(house), Programs(parts.reactor)
    make = _switches(house, GpiodLines(parts.reactor), programs)
    names = {config: kind for kind, config in KINDS.items()}
    devices: dict[str, PowerDevice] = {}
    for name, config in parts.settings.sections.named(PowerConfig).items():
        try:
            switch = make[type(config)](config)
        except ValueError as error:
            house.warn(f"power {name}", f"[power {name}]: {error}")
            continue
        kind = names[type(config)]
        devices[name] = PowerDevice(name, kind, config, switch, actions, parts.reactor, parts.chores)
    if not devices:
        return
    methods = PowerMethods(devices)
    parts.host.offer("set_device_power", methods.set_from_macro)
    yield methods
    yield _Devices(house, devices, actions, programs)
