"""C{[controller_fan NAME]}: a fan that runs while drivers or heaters are in use, and a while after."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import ConfigError
from klipperd.mcu.board import Board
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import Identity, Named, PrinterObject, group, option
from klipperd.objects.values import nearest
from klipperd.printer.fan_output import FanConfig, FanOutput, FanStatus, build_fan_output
from klipperd.printer.heater import Heater
from klipperd.printer.regular import Regular

__all__ = ["ControllerFan", "ControllerFanConfig", "build_controller_fan"]


@frozen(kw_only=True)
class ControllerFanConfig:
    """C{[controller_fan NAME]}."""

    fan: FanConfig = group()
    fan_speed: float = option(1.0, minimum=0.0, maximum=1.0, doc="speed while something is in use")
    idle_speed: float | None = option(
        None, minimum=0.0, maximum=1.0, doc="speed for idle_timeout after that; fan_speed by default"
    )
    idle_timeout: float = option(30.0, minimum=0.0, unit="s", doc="time that the fan runs on")
    heater: tuple[str, ...] = option(("extruder",), doc="heaters, any of which turns the fan on")
    stepper: tuple[str, ...] | None = option(None, doc="steppers, any of which does; all by default")


@define(eq=False, repr=False)
class ControllerFan:
    """One fan and what it cools."""

    _config: ControllerFanConfig
    _output: FanOutput
    _heaters: Sequence[Heater]
    _enabled: Callable[[], Mapping[str, bool]]
    """Stepper -> whether its driver is on."""
    _clock: IReactorTime
    _regular: Regular = field(init=False)
    _used: float | None = field(init=False, default=None)

    @_regular.default
    def _make_regular(self) -> Regular:
        return Regular(self._clock, 1.0, self._update)

    def _in_use(self) -> bool:
        if any(heater.target > 0.0 for heater in self._heaters):
            return True
        states = self._enabled()
        return any(states.get(name, False) for name in self._config.stepper or states)

    def _update(self) -> None:
        now = self._clock.seconds()
        config, speed = self._config, 0.0
        if self._in_use():
            self._used, speed = now, config.fan_speed
        elif self._used is not None and now - self._used < config.idle_timeout:
            speed = config.fan_speed if config.idle_speed is None else config.idle_speed
        self._output.set_soon(speed)

    def ready(self) -> None:
        """The printer is ready."""
        self._regular.start()

    def shutdown(self, reason: str) -> None:
        """The printer has shut down: the micro-controller sets C{shutdown_speed}."""
        self._regular.stop()
        self._output.close(alive=False)

    async def close(self) -> None:
        """The printer goes away."""
        self.shutdown("")

    def status(self, eventtime: float) -> FanStatus:
        """See L{FanStatus}."""
        return self._output.status()


def build_controller_fan(
    config: ControllerFanConfig,
    identity: Identity,
    board: Board,
    clock: IReactorTime,
    heaters: Annotated[Sequence[Heater], Named("heater")],
    toolhead: Toolhead,
) -> ControllerFan:
    """Build the fan. @raise ConfigError: when a stepper that it names is not there."""
    enable = toolhead.generation.enable
    for name in config.stepper or ():
        if name not in enable.lines:
            text = f"there is no stepper named {name!r}{nearest(name, list(enable.lines))}"
            raise ConfigError.single(text, identity.place, identity.section, "stepper")
    output = build_fan_output(config.fan, board, clock, 0.0)
    return ControllerFan(config, output, heaters, enable.states, clock)


controller_fan = PrinterObject("controller_fan *", ControllerFanConfig, build_controller_fan)
