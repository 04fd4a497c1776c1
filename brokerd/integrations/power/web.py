"""Devices and home servers with an HTTP interface of their own."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import quote, urlencode

from attrs import define
from twisted.internet.task import deferLater

from brokerd.http_client import HttpClient, HttpFailure
from brokerd.integrations.power.config import (
    HomeAssistantPower,
    HomeseerPower,
    HuePower,
    LoxonePower,
    ShellyPower,
    SmartThingsPower,
    TasmotaPower,
)
from brokerd.integrations.power.device import SwitchFailed

__all__ = [
    "HomeAssistantSwitch",
    "HomeseerSwitch",
    "HueSwitch",
    "LoxoneSwitch",
    "ShellySwitch",
    "SmartThingsSwitch",
    "TasmotaSwitch",
]

C = TypeVar("C")


def _basic(user: str, password: str) -> dict[str, str]:
    """The header that logs in, if there is a password."""
    if not password:
        return {}
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def _place(address: str) -> str:
    """Address as it stands in a URL; IPv6 addresses need brackets."""
    return f"[{address}]" if address.count(":") > 1 and not address.startswith("[") else address


@define(eq=False, repr=False)
class _WebSwitch(Generic[C]):
    """Makes requests; subclasses say which, and read the answers."""

    _config: C
    _http: HttpClient
    _clock: Any
    _words: ClassVar[dict[str, bool]] = {"on": True, "off": False}

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        """There is nothing to begin."""

    def stop(self) -> None:
        """No connection is kept here."""

    async def _ask(
        self, url: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        try:
            answer = await self._http.request(method, url, body=body, headers=headers)
            return answer.check().json()
        except HttpFailure as error:
            raise SwitchFailed(str(error)) from None

    def _state(self, find: Callable[[], Any]) -> bool:
        """The state in an answer.

        @raise SwitchFailed: if it is not there, or no state.
        """
        try:
            value = find()
        except (KeyError, IndexError, TypeError, AttributeError):
            raise SwitchFailed("its answer holds no state") from None
        if isinstance(value, bool):
            return value
        word = self._words.get(str(value).strip().lower())
        if word is None:
            raise SwitchFailed(f"it says that its state is {str(value)[:40]!r}")
        return word


@define(eq=False, repr=False)
class TasmotaSwitch(_WebSwitch[TasmotaPower]):
    """C{GET /cm?cmnd=Power1 on} answers C{{"POWER1": "ON"}}, or C{POWER} if there is only one relay."""

    async def _command(self, command: str) -> bool:
        config = self._config
        words = {"user": "admin", "password": config.password} if config.password else {}
        words["cmnd"] = f"Power{config.output_id}{command}"
        answer = await self._ask(f"http://{_place(config.address)}/cm?{urlencode(words, quote_via=quote)}")
        if isinstance(answer, dict) and "WARNING" in answer:
            raise SwitchFailed(f"it refuses: {answer['WARNING']}")
        name = f"POWER{config.output_id}"
        return self._state(
            lambda: answer[name] if name in answer or config.output_id > 1 else answer["POWER"]
        )

    async def read(self) -> bool | None:
        return await self._command("")

    async def write(self, on: bool) -> bool:
        return await self._command(" on" if on else " off")


@define(eq=False, repr=False)
class ShellySwitch(_WebSwitch[ShellyPower]):
    """C{GET /relay/0?turn=on} answers C{{"ison": true}}; generations 2 and later have this path, too."""

    async def _relay(self, query: str = "") -> bool:
        config = self._config
        url = f"http://{_place(config.address)}/relay/{config.output_id}{query}"
        answer = await self._ask(url, headers=_basic(config.user, config.password))
        return self._state(lambda: answer["ison"])

    async def read(self) -> bool | None:
        return await self._relay()

    async def write(self, on: bool) -> bool:
        return await self._relay(f"?turn={'on' if on else 'off'}")


@define(eq=False, repr=False)
class HomeseerSwitch(_WebSwitch[HomeseerPower]):
    """The JSON interface of HomeSeer."""

    async def _request(self, request: str, **more: str) -> Any:
        config = self._config
        words = {"user": config.user, "pass": config.password, "request": request, "ref": str(config.device)}
        return await self._ask(f"http://{_place(config.address)}/JSON?{urlencode({**words, **more})}")

    async def read(self) -> bool | None:
        answer = await self._request("getstatus")
        return self._state(lambda: answer["Devices"][0]["status"])

    async def write(self, on: bool) -> bool:
        answer = await self._request("controldevicebylabel", label="On" if on else "Off")
        if isinstance(answer, dict) and str(answer.get("Response", "")).lower().startswith("error"):
            raise SwitchFailed(f"it refuses: {answer['Response']}")
        return on


@define(eq=False, repr=False)
class HomeAssistantSwitch(_WebSwitch[HomeAssistantPower]):
    """The REST interface of Home Assistant; its services don't tell the state, so it is asked for later."""

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        config = self._config
        url = f"{config.protocol}://{_place(config.address)}:{config.port}/api/{path}"
        return await self._ask(url, method, body, {"Authorization": f"Bearer {config.token}"})

    async def read(self) -> bool | None:
        answer = await self._call("GET", f"states/{quote(self._config.device)}")
        return self._state(lambda: answer["state"])

    async def write(self, on: bool) -> bool:
        service = f"services/{quote(self._config.domain)}/turn_{'on' if on else 'off'}"
        await self._call("POST", service, {"entity_id": self._config.device})
        await deferLater(self._clock, self._config.status_delay)
        return bool(await self.read())


@define(eq=False, repr=False)
class LoxoneSwitch(_WebSwitch[LoxonePower]):
    """C{GET /jdev/sps/io/NAME/on} answers C{{"LL": {"value": "1", "Code": "200"}}}."""

    _words: ClassVar[dict[str, bool]] = {
        "on": True, "off": False, "1": True, "0": False, "1.000": True, "0.000": False
    }  # fmt: skip

    async def _io(self, command: str = "") -> bool:
        config = self._config
        url = f"http://{_place(config.address)}/jdev/sps/io/{quote(config.output_id, safe='')}{command}"
        answer = await self._ask(url, headers=_basic(config.user, config.password))
        return self._state(lambda: answer["LL"]["value"])

    async def read(self) -> bool | None:
        return await self._io()

    async def write(self, on: bool) -> bool:
        await self._io("/on" if on else "/off")
        return on


@define(eq=False, repr=False)
class SmartThingsSwitch(_WebSwitch[SmartThingsPower]):
    """The REST interface of SmartThings: the capability C{switch} of the main component."""

    async def _call(self, method: str, path: str, body: Any = None) -> Any:
        config = self._config
        place = f"{config.protocol}://{_place(config.address)}:{config.port}"
        url = f"{place}/v1/devices/{quote(config.device)}/{path}"
        return await self._ask(url, method, body, {"Authorization": f"Bearer {config.token}"})

    async def read(self) -> bool | None:
        answer = await self._call("GET", "components/main/capabilities/switch/status")
        return self._state(lambda: answer["switch"]["value"])

    async def write(self, on: bool) -> bool:
        command = {"component": "main", "capability": "switch", "command": "on" if on else "off"}
        await self._call("POST", "commands", [command])
        return on


@define(eq=False, repr=False)
class HueSwitch(_WebSwitch[HuePower]):
    """The first interface of a Hue bridge: lights and groups."""

    @property
    def _url(self) -> str:
        config = self._config
        place = f"{_place(config.address)}:{config.port}"
        return f"http://{place}/api/{quote(config.user)}/{config.device_type}s/{quote(config.device_id)}"

    def _refused(self, answer: Any) -> None:
        for each in answer if isinstance(answer, list) else ():
            if isinstance(each, dict) and "error" in each:
                raise SwitchFailed(f"it refuses: {each['error'].get('description', 'without saying why')}")

    async def read(self) -> bool | None:
        answer = await self._ask(self._url)
        self._refused(answer)
        key = "on" if self._config.device_type == "light" else "any_on"
        return self._state(lambda: answer["state"][key])

    async def write(self, on: bool) -> bool:
        path = "state" if self._config.device_type == "light" else "action"
        self._refused(await self._ask(f"{self._url}/{path}", "PUT", {"on": on}))
        return on
