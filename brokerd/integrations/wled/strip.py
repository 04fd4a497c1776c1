"""One strip of lights, and the ways to it.

Over HTTP and a serial line go the same JSON objects: C{on}, C{bri}, C{ps} (a preset) and C{seg} (segments,
with C{i} for the colours of single lights). What cannot be seen from here, an effect's colours, is never
claimed.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import define, field

from brokerd.encoding import encode
from brokerd.errors import ApiError, BadRequest
from brokerd.http_client import HttpClient, HttpFailure
from brokerd.integrations.serials import SerialLine
from brokerd.integrations.wled.config import WledConfig

__all__ = ["HttpWire", "SerialWire", "Strip"]

_MOST_AT_ONCE = 256  # lights whose colours fit into one message


class _Wire(Protocol):
    """The way to a strip."""

    async def send(self, state: Mapping[str, Any]) -> None:
        """@raise HttpFailure: if the strip can't be reached."""


@define(eq=False, repr=False)
class HttpWire:
    _address: str
    _http: HttpClient

    async def send(self, state: Mapping[str, Any]) -> None:
        answer = await self._http.request("POST", f"http://{self._address}/json", body=state)
        answer.check()


@define(eq=False, repr=False)
class SerialWire:
    line: SerialLine = field(init=False)

    async def send(self, state: Mapping[str, Any]) -> None:
        if not self.line.write(encode(state)):
            raise HttpFailure("the serial line is not open")


@define(eq=False, repr=False)
class Strip:
    """One strip, as far as it was set from here.

    @ivar error: what went wrong last, or None.
    """

    name: str
    config: WledConfig
    _wire: _Wire
    on: bool = field(init=False, default=False)
    preset: int = field(init=False, default=-1)
    brightness: int = field(init=False, default=-1)
    intensity: int = field(init=False, default=-1)
    speed: int = field(init=False, default=-1)
    error: str | None = field(init=False, default=None)
    _colors: dict[int, str] = field(init=False, factory=dict)

    def describe(self) -> dict[str, Any]:
        """The strip as the API shows it."""
        return {
            "strip": self.name,
            "status": "on" if self.on else "off",
            "chain_count": self.config.chain_count,
            "preset": self.preset,
            "brightness": self.brightness,
            "intensity": self.intensity,
            "speed": self.speed,
            "error": self.error,
        }

    async def _send(self, state: Mapping[str, Any]) -> None:
        """@raise ApiError: if the strip can't be reached."""
        try:
            await self._wire.send(state)
        except HttpFailure as error:
            self.error = str(error)
            raise ApiError(f"the strip {self.name!r}: {error}", 503) from None
        self.error = None

    async def begin(self) -> None:
        """The initial preset or colour; the strip may not be there yet."""
        try:
            await self.turn_on(None)
        except ApiError:
            """It is shown with the strip, and anyone can try again."""

    async def turn_on(self, preset: int | None) -> None:
        """On with a preset, or as it began."""
        chosen = self.config.initial_preset if preset is None else preset
        self.brightness = self.intensity = self.speed = -1
        if chosen is not None and chosen >= 0:
            await self._send({"on": True, "ps": chosen})
            self.on, self.preset = True, chosen
            return
        await self._send({"on": True, "seg": {"col": [self._initial_color], "fx": 0}})
        self.on, self.preset = True, -1

    @property
    def _initial_color(self) -> list[int]:
        config = self.config
        parts = (config.initial_red, config.initial_green, config.initial_blue, config.initial_white)
        return [round(each * 255) for each in parts]

    async def turn_off(self) -> None:
        """Off."""
        await self._send({"on": False})
        self.on, self.preset = False, -1

    async def control(self, brightness: int | None, intensity: int | None, speed: int | None) -> None:
        """Change some of these; they have no effect on a strip that is off."""
        if brightness is not None:
            await self._send({"bri": brightness})
            self.brightness = brightness
        segment = {}
        if intensity is not None:
            segment["ix"] = self.intensity = intensity
        if speed is not None:
            segment["sx"] = self.speed = speed
        if segment:
            await self._send({"seg": segment})

    async def color(self, color: tuple[float, float, float, float], index: int, transmit: bool) -> None:
        """Colour of one light (from 1), or of all; sent at once or with the next that is."""
        text = "".join(f"{round(max(0.0, min(1.0, part)) * 255):02X}" for part in color)
        if index > self.config.chain_count:
            raise BadRequest(f"the strip {self.name!r} has {self.config.chain_count} lights, not {index}")
        for each in (index,) if index > 0 else range(1, self.config.chain_count + 1):
            self._colors[each - 1] = text
        if transmit:
            await self._transmit()

    async def _transmit(self) -> None:
        colors, self._colors = sorted(self._colors.items()), {}
        for start in range(0, len(colors), _MOST_AT_ONCE):
            lights: list[Any] = []
            for number, text in colors[start : start + _MOST_AT_ONCE]:
                lights += [number, text]
            await self._send({"on": True, "seg": {"i": lights}})
        if colors:
            self.on, self.preset = True, -1
