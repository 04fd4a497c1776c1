"""The commands and status of second carriages; sections [dual_carriage] are in L{klipperd.printer.carriages}.

They are an object of their own, since they need the tool head, which needs the carriages' motors first.
"""

from collections.abc import Mapping
from typing import cast

from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.motion.kinematics.carriages import CarriageKinematics
from klipperd.motion.kinematics.dual import Carriage, DualAxis, Mode
from klipperd.motion.kinematics.goals import AXES
from klipperd.motion.toolhead import Toolhead
from klipperd.objects import PrinterObject, command, param, status_field
from klipperd.objects.call import Call
from klipperd.objects.values import nearest

__all__ = ["DualCarriages", "DualCarriagesConfig", "dual_carriage"]


@frozen(kw_only=True)
class DualCarriagesConfig:
    """There is nothing to configure here."""


@frozen
class DualCarriageStatus:
    """Status of C{dual_carriage}."""

    carriage_0: str | None = status_field(doc="mode of the first carriage; not with generic_cartesian")
    carriage_1: str | None = status_field(doc="mode of the second carriage; not with generic_cartesian")
    carriages: Mapping[str, str] = status_field(doc="mode by carriage: INACTIVE, PRIMARY, COPY or MIRROR")


@frozen
class _Saved:
    """Modes and places (mm) of the carriages of one axis; the tool head's position on it."""

    modes: Mapping[str, Mode]
    places: Mapping[str, float]
    position: float


class NoSecondCarriage:
    """Stands for them where there are none: without commands, without status."""


@define(eq=False, repr=False)
class DualCarriages(NoSecondCarriage):
    """Changes which carriages follow the tool head. C{names}: as commands call the carriages."""

    _toolhead: Toolhead
    _axes: Mapping[str, DualAxis]
    _saved: dict[str, Mapping[str, _Saved]] = field(factory=dict)
    _names: Mapping[str, tuple[DualAxis, Carriage]] = field(init=False)

    @_names.default
    def _find_names(self) -> Mapping[str, tuple[DualAxis, Carriage]]:
        found = [(axis, carriage) for axis in self._axes.values() for carriage in axis.carriages]
        if any(carriage.name == "1" for _, carriage in found):
            return {str(i): entry for i, entry in enumerate(found)}
        return {carriage.name: (axis, carriage) for axis, carriage in found}

    @command("SET_DUAL_CARRIAGE")
    async def set_mode(self, call: Call, *, carriage: str, mode: str = Mode.PRIMARY.value) -> None:
        """Configure the dual carriages mode: PRIMARY, COPY, MIRROR or INACTIVE."""
        if carriage not in self._names:
            raise CommandError(f"There is no carriage {carriage!r}{nearest(carriage, list(self._names))}")
        if mode.upper() not in Mode.__members__:
            raise CommandError(f"MODE={mode} is none of {', '.join(Mode.__members__)}")
        axis, found = self._names[carriage]
        await axis.set_mode(self._toolhead, found, Mode[mode.upper()])

    @command("SAVE_DUAL_CARRIAGE_STATE")
    async def save(self, call: Call, *, name: str = "default") -> None:
        """Save dual carriages modes and positions."""
        self._saved[name] = {axis: self._state(dual) for axis, dual in self._axes.items()}

    def _state(self, dual: DualAxis) -> _Saved:
        position = self._toolhead.position[AXES.index(dual.axis)]
        return _Saved({c.name: c.mode for c in dual.carriages}, dual.places(position), position)

    @command("RESTORE_DUAL_CARRIAGE_STATE")
    async def restore(
        self,
        call: Call,
        *,
        name: str = "default",
        move: bool = True,
        move_speed: float | None = param(None, above=0.0),
    ) -> None:
        """Restore dual carriages modes and positions."""
        if name not in self._saved:
            raise CommandError(f"There is no saved state {name!r}{nearest(name, list(self._saved))}")
        for axis, saved in self._saved[name].items():
            if move:
                await self._restore_places(self._axes[axis], saved, move_speed)
            await self._restore_modes(self._axes[axis], saved)

    async def _restore_places(self, dual: DualAxis, saved: _Saved, speed: float | None) -> None:
        index, toolhead = AXES.index(dual.axis), self._toolhead
        now = dual.places(toolhead.position[index])
        # Upwards the highest first, downwards the lowest: so none runs into one that still waits.
        rising = [c for c in dual.carriages if saved.places[c.name] > now[c.name]]
        falling = [c for c in dual.carriages if saved.places[c.name] < now[c.name]]
        rising.sort(key=lambda c: -now[c.name])
        falling.sort(key=lambda c: now[c.name])
        for carriage in [*rising, *falling]:
            await dual.set_mode(toolhead, carriage, Mode.PRIMARY)
            target = toolhead.position
            target[index] = saved.places[carriage.name]
            toolhead.move(target, speed or carriage.rail.config.homing_speed)
            await toolhead.throttle()

    async def _restore_modes(self, dual: DualAxis, saved: _Saved) -> None:
        modes = {c: saved.modes[c.name] for c in dual.carriages}
        primary = next((c for c, mode in modes.items() if mode is Mode.PRIMARY), dual.carriages[0])
        await dual.set_mode(self._toolhead, primary, Mode.PRIMARY)
        for carriage, mode in modes.items():
            if mode in (Mode.COPY, Mode.MIRROR):
                await dual.set_mode(self._toolhead, carriage, mode)
        if modes[primary] is Mode.INACTIVE:
            await dual.set_mode(self._toolhead, primary, Mode.INACTIVE)
            await dual.call_position(self._toolhead, saved.position)

    def status(self, eventtime: float) -> DualCarriageStatus:
        """Modes."""
        modes = {name: carriage.mode.value for name, (_, carriage) in self._names.items()}
        return DualCarriageStatus(modes.get("0"), modes.get("1"), modes)


def build_dual_carriages(config: DualCarriagesConfig, toolhead: Toolhead) -> DualCarriages:
    """Serve the axes that have more than one carriage, if there are any."""
    kinematics = toolhead.kinematics
    if isinstance(kinematics, CarriageKinematics) and kinematics.duals:
        return DualCarriages(toolhead, kinematics.duals)
    return cast("DualCarriages", NoSecondCarriage())


# It has the name of the section whose motor it moves, and takes its place in the status.
dual_carriage = PrinterObject("dual_carriage", DualCarriagesConfig, build_dual_carriages, internal=True)
