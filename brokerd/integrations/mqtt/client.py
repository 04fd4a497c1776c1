"""The connection to an MQTT broker: paho's client, driven by Twisted's reactor.

Paho speaks all versions of the protocol and leaves its socket to us: the reactor tells it when to read and
write. Only what may block, finding the host, connecting and the TLS handshake, is done in a worker thread.
"""

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from brokerd.errors import ApiError, HostUnavailable
from brokerd.integrations.mqtt.config import MqttConfig
from brokerd.threads import WorkerThreads

__all__ = ["ConnectionFollower", "MqttClient", "Receive", "Subscription", "needed_client"]

log = Logger()

_KEEPALIVE = 60  # seconds
_CONNECT_PATIENCE = 5.0
_GREETING_PATIENCE = 10.0
_RETRIES = (2.0, 5.0, 10.0, 30.0)  # seconds between attempts; the last one repeats

Receive = Callable[[str, bytes], None]


class ConnectionFollower(Protocol):
    """Told when the broker is there and when it is gone."""

    def mqtt_connected(self) -> None:
        """Topics can be published now; subscriptions are in place."""

    def mqtt_disconnected(self) -> None:
        """Nothing can be published any more."""


@frozen(eq=False)
class Subscription:
    """One receiver of a topic."""

    _client: "MqttClient"
    topic: str
    qos: int
    receive: Receive

    def end(self) -> None:
        """Hear nothing more."""
        self._client._unsubscribe(self)


@implementer(IReadWriteDescriptor)
@define(eq=False, repr=False)
class _Descriptor:
    """The socket, as the reactor sees it."""

    _paho: Any
    _socket: Any

    def fileno(self) -> int:
        number: int = self._socket.fileno()
        return number

    def doRead(self) -> None:
        self._paho.loop_read()
        pending = getattr(self._socket, "pending", None)
        while pending is not None and self._paho.socket() is self._socket and pending():
            self._paho.loop_read()  # what TLS has read already does not make the socket readable

    def doWrite(self) -> None:
        self._paho.loop_write()

    def close(self) -> None:
        """Close the socket, unless paho did."""
        if self._paho.socket() is self._socket:
            self._socket.close()

    def connectionLost(self, reason: Failure) -> None:
        """Paho notices by itself."""

    def logPrefix(self) -> str:
        return "mqtt"


@define(eq=False, repr=False, slots=False)
class MqttClient(Service):
    """One connection, kept up for as long as the service runs.

    @ivar connected: whether topics can be published now.
    @ivar will: topic and payload that the broker publishes (retained) if it loses us.
    @ivar warn: told why there is no connection, or an empty text once there is one.
    """

    config: MqttConfig
    will: tuple[str, bytes]
    _reactor: Any
    _threads: WorkerThreads
    warn: Callable[[str], None]
    connected: bool = field(init=False, default=False)
    _paho: Any = field(init=False, default=None)
    _descriptor: _Descriptor | None = field(init=False, default=None)
    _greeting: Deferred[str] | None = field(init=False, default=None)
    _loss: Deferred[str] | None = field(init=False, default=None)
    _running: Deferred[None] | None = field(init=False, default=None)
    _subscriptions: dict[str, list[Subscription]] = field(init=False, factory=dict)
    _unacknowledged: dict[int, Deferred[None]] = field(init=False, factory=dict)
    _followers: list[ConnectionFollower] = field(init=False, factory=list)

    def follow(self, follower: ConnectionFollower) -> None:
        """Tell C{follower} of the connection; at once, if there is one."""
        self._followers.append(follower)
        if self.connected:
            follower.mqtt_connected()

    def startService(self) -> None:
        super().startService()
        running = self._running = Deferred.fromCoroutine(self._run())
        running.addErrback(self._stopped)

    def _stopped(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            log.failure("mqtt", failure)
            self.warn(f"[mqtt] has stopped: {failure.getErrorMessage()}")

    def stopService(self) -> None:
        super().stopService()
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
        if self.connected:
            self.send(*self.will, retain=True)
            self._paho.disconnect()
            while self._paho.want_write() and self._paho.loop_write() == 0:
                """The goodbye is short: it fits into the socket's buffer."""
        self._detach("the broker stops")

    # The connection.

    async def _run(self) -> None:
        failures = 0
        while True:
            why = await self._attempt()
            failures = 0 if why is None else failures + 1
            if why is None:
                assert self._loss is not None
                why = await self._loss
            address = f"{self.config.address}:{self.config.port}"
            self.warn(f"[mqtt] no connection to {address}: {why}")
            await deferLater(self._reactor, _RETRIES[min(failures, len(_RETRIES)) - 1 if failures else 0])

    async def _attempt(self) -> str | None:
        """Connect once; the result is why it failed, or None."""
        greeting = self._greeting = Deferred()
        try:
            paho = await self._threads.run(self._connect)
        except Exception as error:
            return str(error) or type(error).__name__
        self._attach(paho)
        greeting.addTimeout(_GREETING_PATIENCE, self._reactor, lambda *_: "it does not greet")
        ticking = LoopingCall(paho.loop_misc)
        ticking.clock = self._reactor
        why = None
        try:
            why = await greeting
        finally:
            if why or not self.running:
                self._detach(why or "")
        if why:
            return why
        loss = self._loss = Deferred()

        def stop_ticking(reason: Any) -> Any:
            if ticking.running:
                ticking.stop()
            return reason

        loss.addBoth(stop_ticking)
        ticking.start(1.0, now=False).addErrback(lambda failure: log.failure("mqtt", failure))
        self._greeted()
        return None

    def _connect(self) -> Any:
        """In a worker thread: a client with a socket, its greeting queued."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        config = self.config
        version = {
            "v3.1": MQTTProtocolVersion.MQTTv31,
            "v3.1.1": MQTTProtocolVersion.MQTTv311,
            "v5": MQTTProtocolVersion.MQTTv5,
        }[config.mqtt_protocol]
        paho = Client(
            CallbackAPIVersion.VERSION2, config.client_id, protocol=version, reconnect_on_failure=False
        )
        paho.on_connect = self._on_connect
        paho.on_disconnect = self._on_disconnect
        paho.on_message = self._on_message
        paho.on_publish = self._on_publish
        paho.on_socket_register_write = self._on_register_write
        paho.on_socket_unregister_write = self._on_unregister_write
        paho.on_socket_close = self._forget_socket
        paho.connect_timeout = _CONNECT_PATIENCE
        if config.username:
            paho.username_pw_set(config.username, self._password())
        if config.enable_tls:
            paho.tls_set()
        topic, payload = self.will
        paho.will_set(topic, payload, config.default_qos, retain=True)
        paho.connect(config.address, config.port, _KEEPALIVE)
        socket = paho.socket()
        if socket is not None and not self.running:  # nobody waits for it any more
            socket.close()
        return paho

    def _password(self) -> str | None:
        config = self.config
        if config.password_file is not None:
            return config.password_file.read_text().strip()
        return config.password or None

    def _attach(self, paho: Any) -> None:
        self._paho = paho
        descriptor = self._descriptor = _Descriptor(paho, paho.socket())
        self._reactor.addReader(descriptor)
        if paho.want_write():
            self._reactor.addWriter(descriptor)

    def _detach(self, why: str) -> None:
        """Forget the connection."""
        descriptor = self._descriptor
        if descriptor is not None:
            self._forget_socket(self._paho, None, None)
            descriptor.close()
        was_connected, self.connected = self.connected, False
        unacknowledged, self._unacknowledged = self._unacknowledged, {}
        for waiting in unacknowledged.values():
            waiting.errback(HostUnavailable(f"the MQTT broker is gone: {why}"))
        if was_connected:
            for follower in self._followers:
                follower.mqtt_disconnected()
        loss, self._loss = self._loss, None
        if loss is not None and not loss.called:
            loss.callback(why)

    def _greeted(self) -> None:
        log.info("connected to the MQTT broker at {address}", address=self.config.address)
        self.warn("")
        self.connected = True
        for topic, several in self._subscriptions.items():
            self._paho.subscribe(topic, max(each.qos for each in several))
        for follower in self._followers:
            follower.mqtt_connected()

    # What paho calls, always in the reactor thread but for the first registration to write.

    def _on_register_write(self, paho: Any, userdata: Any, socket: Any) -> None:
        if self._descriptor is not None and paho is self._paho:
            self._reactor.addWriter(self._descriptor)

    def _on_unregister_write(self, paho: Any, userdata: Any, socket: Any) -> None:
        if self._descriptor is not None and paho is self._paho:
            self._reactor.removeWriter(self._descriptor)

    def _forget_socket(self, paho: Any, userdata: Any, socket: Any) -> None:
        """The socket is about to be closed: while it is open the reactor can still forget it."""
        if paho is not self._paho:
            return
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            self._reactor.removeReader(descriptor)
            self._reactor.removeWriter(descriptor)

    def _on_connect(self, paho: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        greeting, self._greeting = self._greeting, None
        if greeting is not None and not greeting.called:
            greeting.callback(f"refused: {reason}" if reason.is_failure else "")

    def _on_disconnect(self, paho: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        greeting, self._greeting = self._greeting, None
        if greeting is not None and not greeting.called:
            greeting.callback(f"refused: {reason}")
        elif paho is self._paho:
            self._detach(f"connection lost: {reason}")

    def _on_message(self, paho: Any, userdata: Any, message: Any) -> None:
        for each in tuple(self._subscriptions.get(message.topic, ())):
            try:
                each.receive(message.topic, bytes(message.payload))
            except Exception:
                log.failure("a message on {topic}", topic=message.topic)

    def _on_publish(self, paho: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        waiting = self._unacknowledged.pop(mid, None)
        if waiting is not None:
            waiting.callback(None)

    # What the rest of the broker calls.

    def send(self, topic: str, payload: bytes, qos: int | None = None, retain: bool = False) -> bool:
        """Publish without waiting; tells whether there is a connection."""
        if not self.connected:
            return False
        self._paho.publish(topic, payload, self.config.default_qos if qos is None else qos, retain)
        return True

    async def publish(
        self,
        topic: str,
        payload: bytes,
        qos: int | None = None,
        retain: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Publish; returns once the broker has it, if C{qos} is above 0.

        @raise HostUnavailable: without a connection, or if it is lost meanwhile.
        @raise ApiError: with code 504, after C{timeout} seconds.
        """
        if not self.connected:
            raise HostUnavailable("the MQTT broker is not connected")
        qos = self.config.default_qos if qos is None else qos
        sent = self._paho.publish(topic, payload, qos, retain)
        if qos == 0:
            return
        done = self._unacknowledged[sent.mid] = Deferred(lambda _: None)
        if timeout is not None:
            done.addTimeout(timeout, self._reactor, _timed_out)
        try:
            await done
        finally:
            self._unacknowledged.pop(sent.mid, None)

    def subscribe(self, topic: str, receive: Receive, qos: int | None = None) -> Subscription:
        """Pass what is published on a topic (without wildcards) to C{receive}; a retained message, too."""
        qos = self.config.default_qos if qos is None else qos
        subscription = Subscription(self, topic, qos, receive)
        self._subscriptions.setdefault(topic, []).append(subscription)
        if self.connected:
            self._paho.subscribe(topic, qos)
        return subscription

    def _unsubscribe(self, subscription: Subscription) -> None:
        several = self._subscriptions.get(subscription.topic, [])
        if subscription in several:
            several.remove(subscription)
        if not several and self._subscriptions.pop(subscription.topic, None) is not None and self.connected:
            self._paho.unsubscribe(subscription.topic)


def _timed_out(*_: object) -> None:
    raise ApiError("the MQTT broker did not answer in time", 504)


def needed_client(client: MqttClient | None) -> MqttClient:
    """The client.

    @raise ValueError: if there is no section C{[mqtt]} that works.
    """
    if client is None:
        raise ValueError("this needs a section [mqtt]")
    return client
