"""Devices that the motion host switches: output pins, and macros that keep a variable C{value}."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.integrations.power.config import KlipperPower
from brokerd.integrations.power.device import SwitchFailed
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Watcher

__all__ = ["KlipperSwitch"]

log = Logger()

_PATIENCE = 2.0  # seconds that the host may take to tell the new value


@define(eq=False, repr=False)
class KlipperSwitch:
    """One object of the motion host; it is followed all the time."""

    _config: KlipperPower
    _host: HostSession
    _clock: Any
    _on: bool | None = field(init=False, default=None)
    _changed: Callable[[bool | None], None] = field(init=False, default=lambda _: None)
    _expected: tuple[bool, Deferred[None]] | None = field(init=False, default=None)
    _watcher: Watcher | None = field(init=False, default=None)

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        self._changed = changed
        watcher = self._watcher = Watcher(self._status)
        self._host.follow(self)
        name = self._config.object_name
        self._host.hub.want(watcher, {name: ["value"]})
        if self._host.state == "ready":
            await self.host_ready()

    async def host_ready(self) -> None:
        """The host may be one that did not know of our wish."""
        if self._watcher is None:
            return
        name = self._config.object_name
        try:
            now = await self._host.hub.subscribe(self._watcher, {name: ["value"]})
        except ApiError:
            return  # it is gone again
        if name not in now["status"]:
            log.warn("the printer has no {name}, which a power device needs", name=name)
        self._status(now["status"], now["eventtime"])

    def host_stopped(self, state: str) -> None:
        """Nobody can switch it now."""
        self._on = None
        self._changed(None)

    def _status(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        value = status.get(self._config.object_name, {}).get("value")
        if not isinstance(value, int | float):
            return
        on = self._on = value > 0
        expected = self._expected
        if expected is None:
            if self._host.state == "ready":  # before that nothing could follow from it
                self._changed(on)
        elif expected[0] == on and not expected[1].called:
            expected[1].callback(None)

    async def read(self) -> bool | None:
        return self._on

    async def write(self, on: bool) -> bool:
        kind, _, name = self._config.object_name.partition(" ")
        value = int(on)
        script = f"SET_PIN PIN={name} VALUE={value}" if kind == "output_pin" else f"{name} VALUE={value}"
        if self._host.state != "ready":
            raise SwitchFailed("the motion host is not ready")
        told: Deferred[None] = Deferred()
        self._expected = on, told
        try:
            await self._host.request("gcode/script", {"script": script})
            if self._on != on:
                told.addTimeout(_PATIENCE, self._clock)
                await told
        except ApiError as error:
            raise SwitchFailed(error.message) from None
        except TimeoutError:
            raise SwitchFailed(f"{self._config.object_name} did not report the new value") from None
        finally:
            self._expected = None
        return on

    def stop(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            self._host.hub.drop(watcher)
