"""Sections C{[power NAME]}: what all kinds of devices have in common, and the options of each kind."""

from typing import Literal

from attrs import frozen

from brokerd.integrations.gpio import Pin, parse_pin
from brokerd.options import option, section
from brokerd.templates import Template

__all__ = [
    "GpioPower",
    "HomeAssistantPower",
    "HomeseerPower",
    "HttpPower",
    "HuePower",
    "KlipperPower",
    "LoxonePower",
    "MqttPower",
    "PowerConfig",
    "RfPower",
    "ShellyPower",
    "SmartThingsPower",
    "TasmotaPower",
    "TplinkPower",
    "UhubctlPower",
]


def on_or_off(text: str) -> bool:
    """@raise ValueError: with what was expected."""
    value = {"on": True, "true": True, "off": False, "false": False}.get(text.strip().lower())
    if value is None:
        raise ValueError("on or off")
    return value


def _code(text: str) -> str:
    code = text.strip()
    if not code or set(code) - {"0", "1"}:
        raise ValueError("a binary code such as 1011")
    return code


@frozen(kw_only=True, slots=False)
class PowerConfig:
    """What every power device has."""

    initial_state: bool | None = option(
        None, convert=on_or_off, doc="state in which the device begins; unchanged if not given"
    )
    off_when_shutdown: bool = option(False, doc="switch off when the motion host shuts down")
    off_when_shutdown_delay: float = option(0.0, minimum=0.0, doc="how long after that (s)")
    on_when_job_queued: bool = option(False, doc="switch on when a job is queued")
    locked_while_printing: bool = option(False, doc="refuse to switch during a print")
    restart_klipper_when_powered: bool = option(
        False, doc="restart the motion host's firmware after switching on, unless it is ready"
    )
    restart_delay: float = option(1.0, minimum=0.0, doc="how long after that (s)")
    bound_services: tuple[str, ...] = option(
        (), doc="services that are started with the device and stopped with it"
    )
    restrict_action_processing: bool = option(
        True, doc="whether nothing else is done when somebody else switches the device"
    )

    def __attrs_post_init__(self) -> None:
        for each in self.bound_services:
            if each.removesuffix(".service") == "moonraker":
                raise ValueError("the broker's own service can't be bound to a power device")


@frozen(kw_only=True, slots=False)
class _Timed(PowerConfig):
    timer: float | None = option(None, above=0.0, doc="switch off this long after switching on (s)")


@frozen(kw_only=True, slots=False)
class _Polled(PowerConfig):
    poll_interval: float | None = option(None, minimum=1.0, doc="how often the state is asked for (s)")


@frozen(kw_only=True, slots=False)
class GpioPower(_Timed):
    """C{type: gpio}."""

    pin: Pin = option(convert=parse_pin, doc="the line that switches the device")


@frozen(kw_only=True, slots=False)
class RfPower(_Timed):
    """C{type: rf}."""

    pin: Pin = option(convert=parse_pin, doc="the line that drives the transmitter")
    on_code: str = option(convert=_code, doc="code that switches on, binary")
    off_code: str = option(convert=_code, doc="code that switches off, binary")
    pulse_length: float = option(350e-6, minimum=50e-6, maximum=5e-3, doc="length of a short pulse (s)")
    repeat: int = option(10, minimum=1, maximum=50, doc="how often a code is sent")


@frozen(kw_only=True, slots=False)
class KlipperPower(_Timed):
    """C{type: klipper_device}."""

    object_name: str = option(doc="output_pin NAME or gcode_macro NAME of the printer")

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        kind, _, name = self.object_name.partition(" ")
        if kind not in ("output_pin", "gcode_macro") or not name.strip():
            raise ValueError(
                f"object_name must be 'output_pin NAME' or 'gcode_macro NAME', not {self.object_name!r}"
            )
        for given in ("off_when_shutdown", "restart_klipper_when_powered"):
            if getattr(self, given):
                raise ValueError(
                    f"a klipper_device can't have {given!r}: it needs a motion host that is ready"
                )
        for each in self.bound_services:
            if each.removesuffix(".service") in ("klipper", "klipper_mcu"):
                raise ValueError(f"the service {each!r} can't be bound to a klipper_device")


@frozen(kw_only=True, slots=False)
class TplinkPower(_Timed, _Polled):
    """C{type: tplink_smartplug}."""

    address: str = option(doc="name or address of the plug")
    port: int = option(9999, minimum=1, maximum=65535, doc="its port")
    output_id: int = option(0, minimum=0, doc="socket of a power strip, from 1; 0 if it is none")


@frozen(kw_only=True, slots=False)
class TasmotaPower(_Timed, _Polled):
    """C{type: tasmota}."""

    address: str = option(doc="name or address of the device")
    password: str = option("", template=True, secret=True, doc="password of its web interface")
    output_id: int = option(1, minimum=1, doc="number of the relay")


@frozen(kw_only=True, slots=False)
class ShellyPower(_Timed, _Polled):
    """C{type: shelly}."""

    address: str = option(doc="name or address of the device")
    user: str = option("admin", template=True, doc="user of its web interface")
    password: str = option("", template=True, secret=True, doc="password of its web interface")
    output_id: int = option(0, minimum=0, doc="number of the relay, as the device counts them: from 0")


@frozen(kw_only=True, slots=False)
class HomeseerPower(_Polled):
    """C{type: homeseer}."""

    address: str = option(doc="name or address of the server")
    device: int = option(doc="reference number of the device")
    user: str = option("admin", template=True, doc="user to log in as")
    password: str = option("", template=True, secret=True, doc="password to log in with")


@frozen(kw_only=True, slots=False)
class HomeAssistantPower(_Polled):
    """C{type: homeassistant}."""

    address: str = option(doc="name or address of the server")
    protocol: Literal["http", "https"] = option("http", doc="http or https")
    port: int = option(8123, minimum=1, maximum=65535, doc="its port")
    device: str = option(doc="identifier of the entity, as in switch.printer")
    token: str = option(template=True, secret=True, doc="long-lived access token")
    domain: str = option("switch", doc="domain of the entity's services")
    status_delay: float = option(1.0, minimum=0.0, doc="how long after switching the state is asked for (s)")


@frozen(kw_only=True, slots=False)
class LoxonePower(_Polled):
    """C{type: loxonev1}."""

    address: str = option(doc="name or address of the Miniserver")
    user: str = option("admin", template=True, doc="user to log in as")
    password: str = option("admin", template=True, secret=True, doc="password to log in with")
    output_id: str = option("", doc="name of the output or input in its configuration")


@frozen(kw_only=True, slots=False)
class MqttPower(PowerConfig):
    """C{type: mqtt}."""

    qos: int | None = option(None, minimum=0, maximum=2, doc="quality of service; by default that of [mqtt]")
    command_topic: str = option(doc="topic of commands to the device")
    command_payload: Template = option(doc="payload of a command; a template that knows 'command'")
    retain_command_state: bool = option(False, doc="whether the MQTT broker keeps the last command")
    state_topic: str = option(doc="topic of the device's state")
    state_response_template: Template | None = option(
        None,
        doc="template from 'payload' to on, off or discard; knows 'last_request' and 'response_count', too",
    )
    state_timeout: float = option(2.0, above=0.0, doc="how long the device may take to tell its state (s)")
    query_topic: str = option("", doc="topic that asks for the state")
    query_payload: Template | None = option(None, doc="payload to ask with")
    query_after_command: bool = option(False, doc="whether the state is asked for after each command")


@frozen(kw_only=True, slots=False)
class SmartThingsPower(_Polled):
    """C{type: smartthings}."""

    address: str = option("api.smartthings.com", doc="name of the server")
    protocol: Literal["http", "https"] = option("https", doc="http or https")
    port: int = option(443, minimum=1, maximum=65535, doc="its port")
    token: str = option(template=True, secret=True, doc="bearer token")
    device: str = option(doc="identifier of the device")


@frozen(kw_only=True, slots=False)
class HuePower(_Polled):
    """C{type: hue}."""

    address: str = option(doc="name or address of the bridge")
    port: int = option(80, minimum=1, maximum=65535, doc="its port")
    user: str = option("", template=True, secret=True, doc="API key")
    device_id: str = option(doc="number of the light or group")
    device_type: Literal["light", "group"] = option("light", doc="light or group")


@frozen(kw_only=True, slots=False)
class HttpPower(_Polled):
    """C{type: http}."""

    on_url: Template = option(doc="URL that switches on")
    off_url: Template = option(doc="URL that switches off")
    status_url: Template = option(doc="URL that tells the state")
    request_template: Template | None = option(None, doc="template that makes the request by 'http_request'")
    response_template: Template = option(doc="template from the response to on or off")


@frozen(kw_only=True, slots=False)
class UhubctlPower(_Polled):
    """C{type: uhubctl}."""

    location: str = option(doc="location of the USB hub, as in 1-1")
    port: str = option("", doc="port of the hub; all if not given")


KINDS: dict[str, type[PowerConfig]] = {
    "gpio": GpioPower,
    "klipper_device": KlipperPower,
    "rf": RfPower,
    "tplink_smartplug": TplinkPower,
    "tasmota": TasmotaPower,
    "shelly": ShellyPower,
    "homeseer": HomeseerPower,
    "homeassistant": HomeAssistantPower,
    "loxonev1": LoxonePower,
    "smartthings": SmartThingsPower,
    "mqtt": MqttPower,
    "hue": HuePower,
    "http": HttpPower,
    "uhubctl": UhubctlPower,
}

section("power", PowerConfig, named=True, optional=True, by="type", kinds=KINDS, lenient=True)
