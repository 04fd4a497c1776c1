"""One sample a second of every sensor and heater, for the charts of clients that connect later."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Watcher

__all__ = ["TemperatureStore"]

log = Logger()

# The status field and the list that it is kept in.
_KEPT = {"temperature": "temperatures", "target": "targets", "power": "powers", "speed": "speeds"}


@define(eq=False, repr=False, slots=False)
class TemperatureStore(Service):
    """Histories by sensor, oldest value first, at most C{size} values each."""

    _clock: IReactorTime
    _host: HostSession
    _size: int = 1200
    _last: dict[str, dict[str, float | None]] = field(init=False, factory=dict)
    _history: dict[str, dict[str, deque[float | None]]] = field(init=False, factory=dict)
    _monitors: frozenset[str] = field(init=False, default=frozenset())
    _watcher: Watcher = field(init=False)
    _sampling: LoopingCall | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._watcher = Watcher(self._changed)
        self._host.follow(self)

    def startService(self) -> None:
        super().startService()
        self._sampling = LoopingCall(self.sample)
        self._sampling.clock = self._clock
        done = self._sampling.start(1.0, now=False)
        done.addErrback(lambda failure: log.failure("sampling temperatures", failure))

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._sampling is not None and self._sampling.running:
            self._sampling.stop()
        return None

    async def host_ready(self) -> None:
        """Find the sensors and follow them."""
        try:
            answer = await self._host.request("objects/query", {"objects": {"heaters": None}})
        except ApiError as error:
            log.warn("no list of sensors: {error}", error=error.message)
            return
        heaters = answer.get("status", {}).get("heaters", {})
        names = dict.fromkeys([*heaters.get("available_sensors", ()), *heaters.get("available_heaters", ())])
        self._monitors = frozenset(heaters.get("available_monitors", ()))
        names.update(dict.fromkeys(self._monitors))
        wanted = {name: list(_KEPT) for name in names}
        self._history = {name: kept for name, kept in self._history.items() if name in wanted}
        self._last = {name: {} for name in wanted}
        self._host.hub.want(self._watcher, wanted)
        await self._host.hub.refresh()

    def host_stopped(self, state: str) -> None:
        """Keep the history: the chart of what led to the stop is wanted most."""

    def _changed(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        for name, values in status.items():
            last = self._last.get(name)
            if last is not None:
                last.update({each: values[each] for each in _KEPT if each in values})

    def sample(self) -> None:
        """Append the present values; done once a second."""
        if self._host.state not in ("ready", "shutdown"):
            return
        for name, last in self._last.items():
            history = self._history.setdefault(name, {})
            for each, value in last.items():
                kept = history.get(_KEPT[each])
                if kept is None:
                    kept = history[_KEPT[each]] = deque(maxlen=self._size)
                kept.append(round(value, 2) if value is not None else None)

    def histories(self, include_monitors: bool) -> dict[str, dict[str, list[float | None]]]:
        """The histories by sensor."""
        return {
            name: {kind: list(values) for kind, values in kept.items()}
            for name, kept in self._history.items()
            if include_monitors or name not in self._monitors
        }
