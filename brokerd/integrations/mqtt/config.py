"""The section C{[mqtt]}."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from attrs import Factory, frozen

from brokerd.options import option, section

__all__ = ["MqttConfig", "parse_status_objects", "parse_topic"]

Objects = Mapping[str, tuple[str, ...] | None]


def parse_status_objects(text: str) -> Objects:
    """Lines C{object} or C{object=field,field}.

    @raise ValueError: with what was expected.
    """
    wanted: dict[str, tuple[str, ...] | None] = {}
    for line in filter(None, (each.strip() for each in text.split("\n"))):
        name, sign, fields = line.partition("=")
        listed = tuple(each.strip() for each in fields.split(",") if each.strip())
        if not name.strip() or (sign and not listed):
            raise ValueError("lines of the form 'object' or 'object=field,field'")
        wanted[name.strip()] = listed or None
    return wanted


def parse_topic(text: str) -> str:
    """The name of a topic, without wildcards.

    @raise ValueError: with what was expected.
    """
    if not text or "+" in text or "#" in text or "\0" in text or len(text.encode()) > 65535:
        raise ValueError("a topic without wildcards (+ and #)")
    return text


def _instance(text: str) -> str:
    return parse_topic(text.strip().strip("/"))


@frozen(kw_only=True)
class MqttConfig:
    """C{[mqtt]}: a connection to an MQTT broker."""

    address: str = option(doc="name or address of the MQTT broker")
    port: int = option(1883, minimum=1, maximum=65535, doc="its port")
    client_id: str = option("", doc="identifier of this client; by default one made by chance")
    enable_tls: bool = option(False, doc="whether the connection is encrypted (TLS)")
    username: str = option("", template=True, doc="user to log in as; none to log in as nobody")
    password: str = option("", template=True, secret=True, doc="password to log in with")
    password_file: Path | None = option(None, doc="a file that holds the password (old; use password)")
    mqtt_protocol: Literal["v3.1", "v3.1.1", "v5"] = option("v3.1.1", doc="version of the protocol")
    enable_moonraker_api: bool = option(
        True, doc="whether requests are answered that come by {instance_name}/moonraker/api/request"
    )
    api_role: Literal["viewer", "operator", "admin"] = option(
        "admin", doc="what those may do who publish requests"
    )
    instance_name: str = option(
        Factory(socket.gethostname),
        convert=_instance,
        doc="first part of all topics; by default the hostname",
    )
    status_objects: Objects = option(
        Factory(dict), convert=parse_status_objects, doc="printer objects whose status is published"
    )
    status_interval: float = option(0.0, minimum=0.0, doc="least time between two updates (s)")
    publish_split_status: bool = option(
        False, doc="each field to a topic of its own, {instance_name}/klipper/state/{object}/{field}"
    )
    default_qos: int = option(0, minimum=0, maximum=2, doc="quality of service where nothing else is said")
    api_qos: int | None = option(None, minimum=0, maximum=2, doc="quality of service of the API's topics")
    enable_homeassistant_discovery: bool = option(
        False, doc="whether the printer announces itself to Home Assistant"
    )
    homeassistant_prefix: str = option(
        "homeassistant", convert=_instance, doc="first part of Home Assistant's discovery topics"
    )


section("mqtt", MqttConfig, optional=True, lenient=True)
