"""A planner that writes down the moves, and a host that can be in any state."""

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred

from klipperd.errors import CommandError
from klipperd.objects.services import HostControl, HostState

Position = list[float]


@define(eq=False, slots=False)
class RecordingPlanner:
    """A L{klipperd.gcode.moves.Planner}: full after C{room} moves; x is C{limit} at most."""

    room: int = 1 << 60
    limit: float = 1000.0
    idle: float = 0.0
    moves: list[tuple[Position, float]] = field(factory=list)
    position: Position = field(factory=lambda: [0.0] * 4)
    waiting: list["Deferred[None]"] = field(factory=list)
    _displaced: list[Callable[[Sequence[int]], None]] = field(factory=list)
    _used: int = 0

    def move(self, position: Sequence[float], speed: float) -> None:
        if position[0] > self.limit:
            raise CommandError(f"Move out of range: x = {position[0]:g}")
        self.moves.append((list(position), speed))
        self.position = list(position)
        self._used += 1

    @property
    def busy(self) -> bool:
        return self._used >= self.room

    async def throttle(self) -> None:
        while self.busy:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting

    def make_room(self) -> None:
        """As if all moves were done."""
        self._used = 0
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.callback(None)

    async def wait_moves(self) -> None:
        while self.moves and self.room == 0:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting

    def idle_time(self, eventtime: float) -> float:
        return self.idle

    def on_displaced(self, displaced: Callable[[Sequence[int]], None]) -> None:
        self._displaced.append(displaced)

    def displace(self, position: Position, homed: Sequence[int] = ()) -> None:
        """As homing does."""
        self.position = position
        for displaced in self._displaced:
            displaced(homed)


@define(eq=False, slots=False)
class PretendHost(HostControl):
    """Writes down what it's asked for."""

    present: HostState = HostState.READY
    shutdowns: list[str] = field(factory=list)
    restarts: list[bool] = field(factory=list)

    def state(self) -> HostState:
        return self.present

    def state_message(self) -> str:
        return {HostState.READY: "Printer is ready"}.get(self.present, f"Printer is in {self.present.value}")

    def shutdown(self, reason: str) -> None:
        self.shutdowns.append(reason)
        self.present = HostState.SHUTDOWN

    def restart(self, *, firmware: bool) -> None:
        self.restarts.append(firmware)
