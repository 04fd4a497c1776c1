"""C{[sensor NAME]}: measurements from other devices, by MQTT."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.errors import NotFound
from brokerd.integrations.house import House
from brokerd.integrations.mqtt.client import Subscription, needed_client
from brokerd.jobs.fields import HistoryField
from brokerd.notifications import notification
from brokerd.options import option, options_named, section
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.templates import Template, TemplateError

__all__ = ["COMPONENTS", "build"]

shape(
    "Sensor",
    """{
    id: str
    friendly_name: str
    type: str
    values: {*: num}  # the last measurements
    parameter_info?: [{name: str, units?: str | null, ...}]  # extended
    history_fields?: [{
        field: str
        provider: str
        description: str
        strategy: str
        units: str | null
        init_tracker: bool
        exclude_paused: bool
        report_total: bool
        report_maximum: bool
        precision: int | null
        parameter: str
    }]
}""",
)

log = Logger()

SENSOR_UPDATE = notification("notify_sensor_update", "new measurements", params=("{*: {*: num}}",))

_KEPT = 1200  # measurements of each parameter, one a second
_PERIOD = 1.0  # seconds


@frozen(kw_only=True, slots=False)
class SensorConfig:
    """What every sensor has."""

    name: str = option("", doc="name to show; by default that of the section")
    parameters: Mapping[str, str] = options_named(
        "parameter_", doc="what is known of a parameter: units=UNIT"
    )
    fields: Mapping[str, str] = options_named("history_field_", doc="a field of the job history")


@frozen(kw_only=True, slots=False)
class MqttSensorConfig(SensorConfig):
    """C{type: mqtt}."""

    qos: int | None = option(None, minimum=0, maximum=2, doc="quality of service; by default that of [mqtt]")
    state_topic: str = option(doc="topic of the measurements")
    state_response_template: Template = option(doc="template that calls set_result(parameter, value)")


section(
    "sensor",
    SensorConfig,
    named=True,
    optional=True,
    by="type",
    kinds={"mqtt": MqttSensorConfig},
    lenient=True,
)


def _pairs(text: str) -> dict[str, str]:
    """@raise ValueError: if a line is not of the form key=value."""
    found = {}
    for line in filter(None, (each.strip() for each in text.split("\n"))):
        key, sign, value = line.partition("=")
        if not sign:
            raise ValueError(f"needs lines of the form key=value, not {line!r}")
        found[key.strip()] = value.strip()
    return found


@define(eq=False, repr=False)
class Sensor:
    """One sensor.

    @ivar values: last measurement of each parameter.
    @ivar changed: those since L{take}.
    """

    identifier: str
    kind: str
    friendly_name: str
    information: list[dict[str, str]]
    fields: list[tuple[str, HistoryField]]
    values: dict[str, float] = field(init=False, factory=dict)
    changed: dict[str, float] = field(init=False, factory=dict)
    _kept: dict[str, deque[float]] = field(init=False, factory=dict)

    def describe(self, extended: bool) -> dict[str, Any]:
        """The sensor as the API shows it."""
        shown: dict[str, Any] = {
            "id": self.identifier,
            "friendly_name": self.friendly_name,
            "type": self.kind,
            "values": dict(self.values),
        }
        if extended:
            shown["parameter_info"] = self.information
            shown["history_fields"] = [_described(parameter, each) for parameter, each in self.fields]
        return shown

    def measured(self, parameter: str, value: float) -> None:
        """A new measurement."""
        self.values[parameter] = self.changed[parameter] = value
        for fed, each in self.fields:
            if fed == parameter:
                each.measured(value)

    def keep(self) -> None:
        """Store the last measurements; once a second."""
        for name, value in self.values.items():
            self._kept.setdefault(name, deque(maxlen=_KEPT)).append(value)

    def take(self) -> dict[str, float]:
        """The measurements since the last call."""
        changed, self.changed = self.changed, {}
        return changed

    @property
    def measurements(self) -> dict[str, list[float]]:
        return {name: list(values) for name, values in self._kept.items()}


def _described(parameter: str, each: HistoryField) -> dict[str, Any]:
    return {
        "field": each.name,
        "provider": each.provider,
        "description": each.description,
        "strategy": each.strategy,
        "units": each.units,
        "init_tracker": each.init_tracker,
        "exclude_paused": each.exclude_paused,
        "report_total": each.report_total,
        "report_maximum": each.report_maximum,
        "precision": each.precision,
        "parameter": parameter,
    }


Extended = Annotated[bool, "with parameter_info and history_fields"]


@define(eq=False, repr=False)
class SensorMethods:
    """C{server.sensors.*}."""

    component: ClassVar[str] = "sensor"
    _sensors: Mapping[str, Sensor]

    def _find(self, name: str) -> Sensor:
        if name not in self._sensors:
            raise NotFound(f"there is no sensor {name!r}; there are {', '.join(self._sensors)}")
        return self._sensors[name]

    @method(
        "server.sensors.list",
        "GET /server/sensors/list",
        result="{sensors: {*: Sensor}}",
        permission=Role.VIEWER,
    )
    async def list_sensors(self, extended: Extended = False) -> dict[str, Any]:
        """All sensors."""
        return {"sensors": {name: each.describe(extended) for name, each in self._sensors.items()}}

    @method("server.sensors.info", "GET /server/sensors/info", result="Sensor", permission=Role.VIEWER)
    async def info(
        self, sensor: Annotated[str, "identifier of the sensor"], extended: Extended = False
    ) -> dict[str, Any]:
        """One sensor."""
        return self._find(sensor).describe(extended)

    @method(
        "server.sensors.measurements",
        "GET /server/sensors/measurements",
        result="{*: {*: [num]}}",
        permission=Role.VIEWER,
    )
    async def measurements(
        self, sensor: Annotated[str | None, "identifier of the sensor; all if not given"] = None
    ) -> dict[str, Any]:
        """What was measured in the last twenty minutes, once a second."""
        chosen = self._sensors.values() if sensor is None else [self._find(sensor)]
        return {each.identifier: each.measurements for each in chosen}


COMPONENTS = (SensorMethods,)


@define(eq=False, repr=False)
class _MqttSource:
    """Feeds a sensor from a topic."""

    _sensor: Sensor
    _config: MqttSensorConfig
    _subscription: Subscription | None = field(init=False, default=None)

    def start(self, house: House) -> None:
        client = needed_client(house.mqtt)
        self._subscription = client.subscribe(self._config.state_topic, self._received, self._config.qos)

    def stop(self) -> None:
        if self._subscription is not None:
            self._subscription.end()

    def _received(self, topic: str, payload: bytes) -> None:
        text = payload.decode("utf-8", "replace")
        results: dict[str, float] = {}

        def set_result(name: str, value: Any) -> str:
            results[str(name)] = value if isinstance(value, int | float) else float(value)
            return ""

        try:
            self._config.state_response_template.render(payload=text, set_result=set_result)
        except TemplateError as error:
            name = self._sensor.identifier
            log.warn("the sensor {name} can't read {topic}: {error}", name=name, topic=topic, error=error)
        for name, value in results.items():
            self._sensor.measured(name, value)


@define(eq=False, repr=False, slots=False)
class _Sensors(Service):
    """All sensors, from start to stop."""

    _house: House
    _sensors: Mapping[str, Sensor]
    _sources: list[_MqttSource]
    _ticking: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        for each in self._sources:
            each.start(self._house)
        ticking = self._ticking = LoopingCall(self._tick)
        ticking.clock = self._house.parts.reactor
        ticking.start(_PERIOD, now=False).addErrback(lambda failure: log.failure("sensors", failure))

    def stopService(self) -> None:
        super().stopService()
        if self._ticking is not None and self._ticking.running:
            self._ticking.stop()
        for each in self._sources:
            each.stop()

    def _tick(self) -> None:
        changed = {}
        for name, each in self._sensors.items():
            each.keep()
            taken = each.take()
            if taken:
                changed[name] = taken
        if changed:
            self._house.parts.broadcaster.send(SENSOR_UPDATE, changed)


def _sensor(name: str, config: MqttSensorConfig) -> Sensor:
    """@raise ValueError: naming the option that is wrong."""
    provider = f"sensor {name}"
    fields, information = [], []
    for kind, texts in (("parameter_", config.parameters), ("history_field_", config.fields)):
        for label, text in texts.items():
            try:
                pairs = _pairs(text)
                if kind == "parameter_":
                    information.append({**pairs, "name": label})
                else:
                    fields.append(HistoryField.parse(provider, label, pairs))
            except ValueError as error:
                raise ValueError(f"{kind}{label}: {error}") from None
    return Sensor(name, "mqtt", config.name or name, information, fields)


def build(house: House) -> Iterable[object]:
    """All sensors that are configured and right."""
    parts = house.parts
    sensors: dict[str, Sensor] = {}
    sources: list[_MqttSource] = []
    for name, config in parts.settings.sections.named(SensorConfig).items():
        assert isinstance(config, MqttSensorConfig)
        try:
            needed_client(house.mqtt)
            sensors[name] = _sensor(name, config)
        except ValueError as error:
            house.warn(f"sensor {name}", f"[sensor {name}]: {error}")
            continue
        sources.append(_MqttSource(sensors[name], config))
        for _, each in sensors[name].fields:
            parts.history.add_field(each)
    if not sensors:
        return
    yield SensorMethods(sensors)
    yield _Sensors(house, sensors, sources)
