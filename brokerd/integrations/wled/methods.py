"""C{machine.wled.*}, and the macros' C{set_wled} and C{set_wled_state}."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from attrs import define

from brokerd.errors import BadRequest, NotFound
from brokerd.integrations.wled.strip import Strip
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.registry.parameters import OTHERS

__all__ = ["WledMethods"]

shape(
    "WledStrip",
    """{
    strip: str
    status: "on" | "off"
    chain_count: int  # lights
    preset: int  # -1: none
    brightness: int  # 1 to 255, -1: as the preset has it; so the next two
    intensity: int
    speed: int
    error: str | null
}""",
)

Name = Annotated[str, "name of the strip"]
Names = Annotated[dict[str, Any], "names of strips, with null for each", OTHERS]


def _within(name: str, value: int | None, least: int) -> int | None:
    if value is not None and not least <= value <= 255:
        raise BadRequest(f"{name!r} must be from {least} to 255, not {value}")
    return value


@define(eq=False, repr=False)
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

    @method(
        "machine.wled.strips",
        "GET /machine/wled/strips",
        result="{strips: {*: WledStrip}}",
        permission=Role.VIEWER,
    )
    async def strips(self) -> dict[str, Any]:
        """All strips."""
        return {"strips": {name: each.describe() for name, each in self._strips.items()}}

    @method(
        "machine.wled.status", "GET /machine/wled/status", result="{*: WledStrip}", permission=Role.VIEWER
    )
    async def status(self, strips: Names) -> dict[str, Any]:
        """The states of strips."""
        return {each.name: each.describe() for each in self._chosen(strips)}

    @method("machine.wled.on", "POST /machine/wled/on", result="{*: WledStrip}")
    async def on(self, strips: Names) -> dict[str, Any]:
        """Turn strips on, as they began."""
        chosen = self._chosen(strips)
        for each in chosen:
            await each.turn_on(None)
        return {each.name: each.describe() for each in chosen}

    @method("machine.wled.off", "POST /machine/wled/off", result="{*: WledStrip}")
    async def off(self, strips: Names) -> dict[str, Any]:
        """Turn strips off."""
        chosen = self._chosen(strips)
        for each in chosen:
            await each.turn_off()
        return {each.name: each.describe() for each in chosen}

    @method("machine.wled.toggle", "POST /machine/wled/toggle", result="{*: WledStrip}")
    async def toggle(self, strips: Names) -> dict[str, Any]:
        """Turn strips on or off."""
        chosen = self._chosen(strips)
        for each in chosen:
            await (each.turn_off() if each.on else each.turn_on(None))
        return {each.name: each.describe() for each in chosen}

    @method(
        "machine.wled.get_strip", "GET /machine/wled/strip", result="{*: WledStrip}", permission=Role.VIEWER
    )
    async def get_strip(self, strip: Name) -> dict[str, Any]:
        """The state of a strip."""
        return {strip: self._find(strip).describe()}

    @method("machine.wled.post_strip", "POST /machine/wled/strip", result="{*: WledStrip}")
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
