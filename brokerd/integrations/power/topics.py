"""Devices at an MQTT broker."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from brokerd.chores import Chores
from brokerd.errors import ApiError
from brokerd.integrations.mqtt.client import MqttClient, Subscription
from brokerd.integrations.power.config import MqttPower
from brokerd.integrations.power.device import SwitchFailed
from brokerd.templates import TemplateError

__all__ = ["MqttSwitch"]

log = Logger()


@define(eq=False, repr=False)
class MqttSwitch:
    """A device that takes commands by one topic and tells its state by another.

    @ivar _last_request: power_on, power_off, refresh, or empty.
    @ivar _responses: how many states came since.
    """

    _config: MqttPower
    _client: MqttClient
    _clock: IReactorTime
    _chores: Chores
    _changed: Callable[[bool | None], None] = field(init=False, default=lambda _: None)
    _subscription: Subscription | None = field(init=False, default=None)
    _last_request: str = field(init=False, default="")
    _responses: int = field(init=False, default=0)
    _told: Deferred[bool] | None = field(init=False, default=None)
    _on: bool | None = field(init=False, default=None)
    _started: bool = field(init=False, default=False)
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        self._changed = changed
        qos = self._config.qos
        self._subscription = self._client.subscribe(self._config.state_topic, self._received, qos)
        self._client.follow(self)
        self._started = True

    def mqtt_connected(self) -> None:
        """Find out what happened meanwhile."""
        if self._started and self._subscription is not None:
            self._chores.spawn(self._look(), "asking an MQTT power device")

    async def _look(self) -> None:
        try:
            on = await self.read()
        except SwitchFailed:
            on = None
        self._changed(on)

    def mqtt_disconnected(self) -> None:
        """Its state is not known any more."""
        self._on = None
        self._changed(None)

    def _received(self, topic: str, payload: bytes) -> None:
        self._responses += 1
        text = payload.decode("utf-8", "replace")
        template = self._config.state_response_template
        if template is not None:
            context = {"last_request": self._last_request, "response_count": self._responses}
            try:
                text = template.render(payload=text, **context)
            except TemplateError as error:
                log.warn("the state on {topic} can't be read: {error}", topic=topic, error=error)
                return
        state = text.strip().lower()
        if state in ("on", "off"):
            self._tell(state == "on")
        elif state != "discard":
            log.warn("the state on {topic} is {state!r}: neither on nor off", topic=topic, state=state[:40])

    def _tell(self, on: bool) -> None:
        self._on = on
        told, self._told = self._told, None
        if told is not None and not told.called:
            told.callback(on)
        else:
            self._last_request = ""
            self._changed(on)

    async def _expect(self, request: str, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Publish something, and wait for the state that comes of it; one thing at a time."""
        await self._lock.acquire()
        try:
            return await self._publish(request, topic, payload, retain)
        finally:
            self._lock.release()

    async def _publish(self, request: str, topic: str, payload: bytes, retain: bool) -> bool:
        config = self._config
        told = self._told = Deferred()
        self._last_request, self._responses = request, 0
        told.addTimeout(config.state_timeout, self._clock)
        try:
            if topic:
                await self._client.publish(topic, payload, config.qos, retain, config.state_timeout)
            if request != "refresh" and config.query_after_command and config.query_topic:
                await self._query()
            return await told
        except TimeoutError:
            raise SwitchFailed(f"no state on {config.state_topic} in {config.state_timeout:g} s") from None
        except ApiError as error:
            raise SwitchFailed(error.message) from None
        finally:
            self._told = None

    async def _query(self) -> None:
        template = self._config.query_payload
        payload = template.render().encode() if template is not None else b""
        await self._client.publish(self._config.query_topic, payload, self._config.qos)

    async def read(self) -> bool | None:
        if not self._client.connected:
            return None
        config = self._config
        if not config.query_topic:
            # A retained state comes by itself; else the device must speak first.
            return self._on if self._on is not None else await self._expect("refresh", "", b"")
        template = config.query_payload
        payload = self._render(lambda: template.render() if template is not None else "")
        return await self._expect("refresh", config.query_topic, payload)

    async def write(self, on: bool) -> bool:
        config = self._config
        command = "on" if on else "off"
        payload = self._render(lambda: config.command_payload.render(command=command))
        retain = config.retain_command_state
        return await self._expect(f"power_{command}", config.command_topic, payload, retain)

    def _render(self, fill: Callable[[], str]) -> bytes:
        try:
            return fill().encode()
        except TemplateError as error:
            raise SwitchFailed(f"the payload can't be made: {error}") from None

    def stop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.end()
