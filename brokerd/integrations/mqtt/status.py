"""Publishes the status of printer objects."""

from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from brokerd.encoding import encode
from brokerd.integrations.mqtt.client import MqttClient
from brokerd.printer.session import HostSession
from brokerd.printer.subscriptions import Wanted, Watcher

__all__ = ["StatusPublisher"]

Status = Mapping[str, Mapping[str, Any]]


@define(eq=False, repr=False)
class StatusPublisher:
    """Follows objects and publishes what changed of them, at most once in C{interval} seconds.

    @ivar wanted: which objects, and which of their fields.
    @ivar _split: whether each field goes to a topic of its own; it is retained there.
    """

    _client: MqttClient
    _host: HostSession
    _clock: IReactorTime
    wanted: Wanted
    _split: bool
    _interval: float
    _waiting: dict[str, dict[str, Any]] = field(init=False, factory=dict)
    _eventtime: float = field(init=False, default=0.0)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def start(self) -> None:
        """Follow the objects from now on."""
        wanted = {name: None if fields is None else sorted(fields) for name, fields in self.wanted.items()}
        self._host.hub.want(Watcher(self.changed), wanted)
        self._client.follow(self)

    def stop(self) -> None:
        """Publish nothing more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def mqtt_connected(self) -> None:
        """A broker that is new knows nothing: tell all."""
        for name, fields in self.wanted.items():
            known = self._host.hub.known(name)
            values = {each: known[each] for each in known if fields is None or each in fields}
            if values:
                self._waiting[name] = values
        if self._waiting:
            self._flush()

    def mqtt_disconnected(self) -> None:
        """The next broker is told everything, so nothing needs to be kept."""
        self.stop()
        self._waiting.clear()

    def changed(self, status: Status, eventtime: float) -> None:
        """The status has changed."""
        if not self._client.connected:
            return
        self._eventtime = eventtime
        for name, values in status.items():
            self._waiting.setdefault(name, {}).update(values)
        if self._timer is None:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        if not waiting:
            self._timer = None
            return
        prefix = self._client.config.instance_name
        if self._split:
            for name, values in waiting.items():
                for each, value in values.items():
                    content = {"eventtime": self._eventtime, "value": value}
                    topic = f"{prefix}/klipper/state/{name}/{each}"
                    self._client.send(topic, encode(content), retain=True)
        else:
            content = {"eventtime": self._eventtime, "status": waiting}
            self._client.send(f"{prefix}/klipper/status", encode(content))
        if self._interval > 0:
            self._timer = self._clock.callLater(self._interval, self._flush)
