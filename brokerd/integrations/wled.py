"""C{[wled NAME]}: strips of lights that run WLED, over HTTP or a serial line.

Both take the same JSON objects: C{on}, C{bri}, C{ps} (a preset) and C{seg} (segments, with C{i} for the
colours of single lights). What cannot be seen from here, an effect's colours, is never claimed.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal, Protocol

from attrs import define, field, frozen
from twisted.application.service import Service

from brokerd.encoding import encode
from brokerd.errors import ApiError, BadRequest, NotFound
from brokerd.http_client import HttpClient, HttpFailure
from brokerd.integrations.house import House
from brokerd.integrations.serials import SerialLine
from brokerd.options import option, section
from brokerd.registry.caller import Role
from brokerd.registry.declare import method
from brokerd.registry.parameters import OTHERS

__all__ = ["COMPONENTS", "build"]

_BAUD = 115200
_MOST_AT_ONCE = 256  # lights whose colours fit into one message


@frozen(kw_only=True, slots=False)
class WledConfig:
    """What every strip has."""

    initial_preset: int | None = option(
        None, minimum=-1, maximum=250, doc="preset that the strip begins with"
    )
    initial_red: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_green: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_blue: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    initial_white: float = option(0.5, minimum=0.0, maximum=1.0, doc="colour that it begins with otherwise")
    chain_count: int = option(1, minimum=1, maximum=4096, doc="number of lights")
    color_order: Literal["rgb", "rgbw"] | None = option(None, doc="has no effect: WLED knows its own")


@frozen(kw_only=True, slots=False)
class HttpWledConfig(WledConfig):
    """C{type: http}."""

    address: str = option(doc="name or address of the strip")


@frozen(kw_only=True, slots=False)
class SerialWledConfig(WledConfig):
    """C{type: serial}."""

    serial: str = option(doc="device of the serial line")


section(
    "wled",
    WledConfig,
    named=True,
    optional=True,
    by="type",
    kinds={"http": HttpWledConfig, "serial": SerialWledConfig},
    lenient=True,
)


class _Wire(Protocol):
    """The way to a strip."""

    async def send(self, state: Mapping[str, Any]) -> None:
        """@raise HttpFailure: if the strip can't be reached."""


@define(eq=False)
class _HttpWire:
    _address: str
    _http: HttpClient

    async def send(self, state: Mapping[str, Any]) -> None:
        answer = await self._http.request("POST", f"http://{self._address}/json", body=state)
        answer.check()


@define(eq=False)
class _SerialWire:
    line: SerialLine = field(init=False)

    async def send(self, state: Mapping[str, Any]) -> None:
        if not self.line.write(encode(state)):
            raise HttpFailure("the serial line is not open")


@define(eq=False)
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


Name = Annotated[str, "name of the strip"]
Names = Annotated[dict[str, Any], "names of strips, with null for each", OTHERS]
STATES = "{strip: state}"


def _within(name: str, value: int | None, least: int) -> int | None:
    if value is not None and not least <= value <= 255:
        raise BadRequest(f"{name!r} must be from {least} to 255, not {value}")
    return value


@define(eq=False)
class WledMethods:
    """C{machine.wled.*}."""

    component: ClassVar[str] = "wled"
    _strips: Mapping[str, Strip]

    def _find(self, name: str) -> Strip:
        if name not in self._strips:
            raise NotFound(f"there is no strip {name!r}; there are {', '.join(self._strips)}")
        return self._strips[name]

    def _chosen(self, names: Mapping[str, Any]) -> list[Strip]:
        if not names:
            raise BadRequest("name at least one strip")
        return [self._find(name) for name in names]

    @method("machine.wled.strips", "GET /machine/wled/strips", result="{strips}", permission=Role.VIEWER)
    async def strips(self) -> dict[str, Any]:
        """All strips."""
        return {"strips": {name: each.describe() for name, each in self._strips.items()}}

    @method("machine.wled.status", "GET /machine/wled/status", result=STATES, permission=Role.VIEWER)
    async def status(self, strips: Names) -> dict[str, Any]:
        """The states of strips."""
        return {each.name: each.describe() for each in self._chosen(strips)}

    @method("machine.wled.on", "POST /machine/wled/on", result=STATES)
    async def on(self, strips: Names) -> dict[str, Any]:
        """Turn strips on, as they began."""
        chosen = self._chosen(strips)
        for each in chosen:
            await each.turn_on(None)
        return {each.name: each.describe() for each in chosen}

    @method("machine.wled.off", "POST /machine/wled/off", result=STATES)
    async def off(self, strips: Names) -> dict[str, Any]:
        """Turn strips off."""
        chosen = self._chosen(strips)
        for each in chosen:
            await each.turn_off()
        return {each.name: each.describe() for each in chosen}

    @method("machine.wled.toggle", "POST /machine/wled/toggle", result=STATES)
    async def toggle(self, strips: Names) -> dict[str, Any]:
        """Turn strips on or off."""
        chosen = self._chosen(strips)
        for each in chosen:
            await (each.turn_off() if each.on else each.turn_on(None))
        return {each.name: each.describe() for each in chosen}

    @method("machine.wled.get_strip", "GET /machine/wled/strip", result=STATES, permission=Role.VIEWER)
    async def get_strip(self, strip: Name) -> dict[str, Any]:
        """The state of a strip."""
        return {strip: self._find(strip).describe()}

    @method("machine.wled.post_strip", "POST /machine/wled/strip", result=STATES)
    async def post_strip(
        self,
        strip: Name,
        action: Annotated[Literal["on", "off", "toggle", "control"], "what to do"],
        preset: Annotated[int | None, "preset to turn on"] = None,
        brightness: Annotated[int | None, "1 to 255"] = None,
        intensity: Annotated[int | None, "of the preset, 0 to 255"] = None,
        speed: Annotated[int | None, "of the preset, 0 to 255"] = None,
    ) -> dict[str, Any]:
        """Turn a strip on or off, or change how it shines."""
        found = self._find(strip)
        brightness = _within("brightness", brightness, 1)
        intensity, speed = _within("intensity", intensity, 0), _within("speed", speed, 0)
        if action == "control" and brightness is intensity is speed is None:
            raise BadRequest("'control' needs one of 'brightness', 'intensity' and 'speed'")
        if action == "off" or (action == "toggle" and found.on):
            await found.turn_off()
            return {strip: found.describe()}
        if action != "control":
            await found.turn_on(preset)
        await found.control(brightness, intensity, speed)
        return {strip: found.describe()}

    async def state_from_macro(
        self,
        strip: str,
        state: bool | None = None,
        preset: int = -1,
        brightness: int = -1,
        intensity: int = -1,
        speed: int = -1,
    ) -> None:
        """The remote method C{set_wled_state}; -1 stands for no change."""
        found = self._find(strip)
        if state is False:
            await found.turn_off()
            return
        if state or preset >= 0:
            await found.turn_on(preset if preset >= 0 else None)
        given = [None if each < 0 else min(255, each) for each in (brightness, intensity, speed)]
        await found.control(*given)

    async def color_from_macro(
        self,
        strip: str,
        red: float = 0.0,
        green: float = 0.0,
        blue: float = 0.0,
        white: float = 0.0,
        index: int | None = None,
        transmit: int = 1,
    ) -> None:
        """The remote method C{set_wled}."""
        await self._find(strip).color((red, green, blue, white), index or -1, bool(transmit))


COMPONENTS = (WledMethods,)


@define(eq=False, slots=False)
class _Strips(Service):
    """Starts the strips; serial ones begin when their line is open."""

    _house: House
    _at_once: list[Strip]
    _lines: list[SerialLine]

    def startService(self) -> None:
        super().startService()
        for each in self._lines:
            each.startService()
        for strip in self._at_once:
            self._house.parts.chores.spawn(strip.begin(), f"starting the strip {strip.name}")

    def stopService(self) -> None:
        super().stopService()
        for each in self._lines:
            each.stopService()


def _serial_strip(house: House, name: str, config: SerialWledConfig, lines: list[SerialLine]) -> Strip:
    wire = _SerialWire()
    strip = Strip(name, config, wire)

    def opened() -> None:
        house.parts.chores.spawn(strip.begin(), f"starting the strip {name}")

    def warn(text: str) -> None:
        strip.error = text or None
        if text:
            house.warn(f"wled {name}", f"[wled {name}]: {text}")
        else:
            house.clear(f"wled {name}")

    reactor = house.parts.reactor
    wire.line = SerialLine(config.serial, _BAUD, reactor, lambda _: None, opened, warn)
    lines.append(wire.line)
    return strip


def build(house: House) -> Iterable[object]:
    """All strips that are configured and right."""
    parts = house.parts
    strips: dict[str, Strip] = {}
    lines: list[SerialLine] = []
    at_once: list[Strip] = []
    for name, config in parts.settings.sections.named(WledConfig).items():
        if isinstance(config, SerialWledConfig):
            strips[name] = _serial_strip(house, name, config, lines)
        elif isinstance(config, HttpWledConfig):
            strips[name] = Strip(name, config, _HttpWire(config.address, house.http))
            at_once.append(strips[name])
    if not strips:
        return
    methods = WledMethods(strips)
    parts.host.offer("set_wled_state", methods.state_from_macro)
    parts.host.offer("set_wled", methods.color_from_macro)
    yield methods
    yield _Strips(house, at_once, lines)
