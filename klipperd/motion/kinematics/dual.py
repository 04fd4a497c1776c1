"""Axes with more than one carriage: which of them follow the tool head, and how.

A carriage that follows is at C{follows * position + offset}, position being the tool head's:

  INACTIVE  stands where it is
  PRIMARY   is the tool head; all others of its axis stop following
  COPY      makes the same moves elsewhere
  MIRROR    makes them in the other direction
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from math import inf
from typing import TYPE_CHECKING

from attrs import define

from klipperd.errors import CommandError
from klipperd.motion.kinematics.goals import AXES, HomingGoal, rail_goal
from klipperd.motion.kinematics.parts import CarriageParts, DualCarriageConfig, FreeDualCarriageConfig
from klipperd.motion.rails import Rail, RailEndstop, TravelConfig

if TYPE_CHECKING:
    from klipperd.motion.toolhead import Toolhead

__all__ = ["Carriage", "DualAxis", "Mode"]


class Mode(Enum):
    """See the module's documentation."""

    INACTIVE = "INACTIVE"
    PRIMARY = "PRIMARY"
    COPY = "COPY"
    MIRROR = "MIRROR"


_FOLLOWS = {Mode.INACTIVE: 0, Mode.PRIMARY: 1, Mode.COPY: 1, Mode.MIRROR: -1}


@define(eq=False, repr=False)
class Carriage:
    """One carriage, its travel and endstops.

    C{leader}: the one that it always goes with, if it has only an endstop of its own. C{partner}: the one
    on the same gantry, to which it keeps C{safe_distance} mm. C{known}: whether it is homed.
    """

    name: str
    rail: Rail
    leader: "Carriage | None" = None
    partner: "Carriage | None" = None
    safe_distance: float = 0.0
    is_dual: bool = False
    mode: Mode = Mode.PRIMARY
    offset: float = 0.0
    known: bool = False

    @classmethod
    def second(cls, parts: CarriageParts, others: Mapping[str, "Carriage"]) -> "Carriage":
        """A carriage of a section [dual_carriage]."""
        config = parts.config
        assert isinstance(config, DualCarriageConfig | FreeDualCarriageConfig)
        named = config.axis if isinstance(config, DualCarriageConfig) else config.primary_carriage
        partner = others[named] if named is not None else None
        axis = config.axis or (partner.rail.axis if partner is not None else "")
        motors = [parts.motor] if parts.motor is not None else []
        rail = Rail(axis, config, motors, [RailEndstop(parts.name, parts.endstop)])
        safe = _safe_distance(config, partner.rail.config) if partner is not None else 0.0
        return cls(parts.name, rail, None, partner, safe, True, Mode.INACTIVE)

    @property
    def follows(self) -> int:
        """Its way for one mm of the tool head: 1, 0 or -1."""
        return _FOLLOWS[self.mode] if self.leader is None else self.leader.follows

    def place(self, position: float) -> float:
        """Where it is (mm) when the tool head is at C{position}."""
        return self.follows * position + self.offset

    def travel(self) -> tuple[float, float]:
        """Between which positions of the tool head it stays within its travel."""
        low, high = (self.follows * (end - self.offset) for end in self.rail.travel)
        return (min(low, high), max(low, high)) if self.follows else (-inf, inf)

    def apart(self) -> tuple[float, float]:
        """Between which positions of the tool head it keeps its distance to its partner."""
        other = self.partner
        if other is None or self.safe_distance <= 0.0 or not (self.known and other.known):
            return -inf, inf
        side = 1 if sum(self.rail.travel) >= sum(other.rail.travel) else -1
        slope = side * (self.follows - other.follows)
        spare = side * (self.offset - other.offset) - self.safe_distance
        if slope == 0:
            return (-inf, inf) if spare >= -1e-9 else (inf, -inf)
        return (-spare / slope, inf) if slope > 0 else (-inf, -spare / slope)


def _safe_distance(config: DualCarriageConfig | FreeDualCarriageConfig, other: TravelConfig) -> float:
    if config.safe_distance is not None:
        return config.safe_distance
    lower = abs(config.position_min - other.position_min)
    return min(lower, abs(config.position_max - other.position_max))


@define(eq=False, repr=False)
class DualAxis:
    """The carriages of one axis."""

    axis: str
    carriages: Sequence[Carriage]

    def travel(self) -> tuple[float, float]:
        """Between which positions of the tool head no carriage leaves its travel or meets another."""
        ways = [way for c in self.carriages for way in (c.travel(), c.apart())]
        low, high = max(low for low, _ in ways), min(high for _, high in ways)
        # Without any that follows, moves along the axis move nothing.
        return (low, high) if any(c.follows for c in self.carriages) else self.carriages[0].rail.travel

    def places(self, position: float) -> dict[str, float]:
        """Where each carriage is (mm)."""
        return {c.name: c.place(position) for c in self.carriages}

    async def set_mode(self, toolhead: "Toolhead", carriage: Carriage, mode: Mode) -> None:
        """Change how a carriage follows, once everything rests.

        @raise CommandError: when it can't; nothing has changed then.
        """
        self._check(carriage, mode)
        await toolhead.come_to_rest()
        position, index = toolhead.position, AXES.index(self.axis)
        if self.axis in toolhead.homed_axes:
            for each in self.carriages:
                each.known |= each.follows != 0
        before = [(c, c.mode, c.offset) for c in self.carriages]
        position[index] = self._change(carriage, mode, position[index])
        low, high = self.travel()
        if low > high and self.axis in toolhead.homed_axes:
            for each, old, offset in before:
                each.mode, each.offset = old, offset
            raise CommandError(f"Carriages of axis {self.axis} are too near to each other for {mode.value}")
        toolhead.set_position(position)
        toolhead.kinematics.follow(toolhead.queue)
        if self.axis in toolhead.homed_axes:
            toolhead.mark_homed(self.axis)

    async def call_position(self, toolhead: "Toolhead", position: float) -> None:
        """Give the tool head another position (mm) on this axis; no carriage moves, or is thought to have."""
        await toolhead.come_to_rest()
        place, index = toolhead.position, AXES.index(self.axis)
        for carriage in self.carriages:
            carriage.offset += carriage.follows * (place[index] - position)
        place[index] = position
        toolhead.set_position(place)
        if self.axis in toolhead.homed_axes:
            toolhead.mark_homed(self.axis)

    def _check(self, carriage: Carriage, mode: Mode) -> None:
        if mode not in (Mode.COPY, Mode.MIRROR):
            return
        if not carriage.is_dual:
            raise CommandError(f"Carriage {carriage.name} can't {mode.value.lower()}: it is no dual_carriage")
        if not any(c.mode is Mode.PRIMARY for c in self.carriages if c is not carriage):
            raise CommandError(f"Another carriage of axis {self.axis} must be PRIMARY before {mode.value}")

    def _change(self, carriage: Carriage, mode: Mode, position: float) -> float:
        """Change modes; the position of the tool head in the new ones."""
        place = carriage.place(position)
        if mode is Mode.PRIMARY:
            for other in self.carriages:
                other.offset, other.mode = other.place(position), Mode.INACTIVE
        carriage.mode = mode
        position = place if mode is Mode.PRIMARY else position
        carriage.offset = place - carriage.follows * position
        return position

    def goals(self, endstops_of: Callable[[Carriage], Sequence[RailEndstop]]) -> list[HomingGoal]:
        """Home each carriage by itself; then the one that was primary is so again."""
        primary = next((c for c in self.carriages if c.mode is Mode.PRIMARY), self.carriages[0])
        goals = [rail_goal(c.rail, endstops_of(c), self._activate(c)) for c in self._order()]
        return [*goals, HomingGoal(primary.name, "", primary.rail.config, prepare=self._activate(primary))]

    def _activate(self, carriage: Carriage) -> "Callable[[Toolhead], Awaitable[None]]":
        async def activate(toolhead: "Toolhead") -> None:
            await self.set_mode(toolhead, carriage, Mode.PRIMARY)

        return activate

    def _order(self) -> list[Carriage]:
        """A second carriage that would be in the way of the first one's homing goes first."""
        first, *seconds = self.carriages
        at = first.rail.direction * first.rail.config.position_endstop

        def in_front(c: Carriage) -> bool:
            same_way = c.rail.direction == first.rail.direction
            return same_way and c.rail.direction * c.rail.config.position_endstop > at

        return [*filter(in_front, seconds), first, *(c for c in seconds if not in_front(c))]
