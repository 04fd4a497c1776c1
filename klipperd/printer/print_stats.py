"""How the present print goes: state, durations, filament, layers."""

from enum import Enum

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.gcode.moves import GcodeMove
from klipperd.objects import Call, PrinterObject, command, param, status_field

__all__ = ["LayerInfo", "PrintState", "PrintStats", "PrintStatsConfig", "PrintStatsStatus", "print_stats"]


class PrintState(Enum):
    """What a print is doing."""

    STANDBY = "standby"
    PRINTING = "printing"
    PAUSED = "paused"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    ERROR = "error"


@frozen(kw_only=True)
class PrintStatsConfig:
    """Statistics of the present print; there is nothing to configure."""


@frozen
class LayerInfo:
    """What the slicer says of layers."""

    total_layer: int | None = status_field(doc="number of layers (SET_PRINT_STATS_INFO)")
    current_layer: int | None = status_field(doc="layer that is printed now (SET_PRINT_STATS_INFO)")


@frozen
class PrintStatsStatus:
    """Status of C{print_stats}."""

    filename: str = status_field(doc="the print file, below the folder of print files")
    total_duration: float = status_field(doc="time since the print began (s)")
    print_duration: float = status_field(doc="that without pauses and the time before any extrusion (s)")
    filament_used: float = status_field(doc="filament that was extruded (mm)")
    state: str = status_field(doc="standby, printing, paused, complete, cancelled or error")
    message: str = status_field(doc="what went wrong, or what became of the print before the host started")
    info: LayerInfo = status_field(doc="layers")


@define
class _Durations:
    """Clock readings (s) of the present print."""

    began: float | None = None
    paused: float | None = None
    ended: float | None = None
    paused_for: float = 0.0
    first_extrusion: float | None = None

    def total(self, now: float) -> float:
        """Since it began."""
        return 0.0 if self.began is None else (now if self.ended is None else self.ended) - self.began

    def printing(self, now: float) -> float:
        """Since the first extrusion, without pauses."""
        if self.first_extrusion is None:
            return 0.0
        end = now if self.ended is None else self.ended
        pause = 0.0 if self.paused is None else end - self.paused
        return max(0.0, end - self.first_extrusion - self.paused_for - pause)


@define(eq=False, repr=False)
class PrintStats:
    """Told by whoever prints a file; tells everyone else."""

    _clock: IReactorTime
    _moves: GcodeMove | None
    state: PrintState = field(default=PrintState.STANDBY, init=False)
    filename: str = field(default="", init=False)
    message: str = field(default="", init=False)
    _durations: _Durations = field(factory=_Durations, init=False)
    _filament: float = field(default=0.0, init=False)
    _last_e: float = field(default=0.0, init=False)
    _layers: LayerInfo = field(default=LayerInfo(None, None), init=False)

    @property
    def under_way(self) -> bool:
        """Whether a print has begun and not ended."""
        return self.state in (PrintState.PRINTING, PrintState.PAUSED)

    def select(self, filename: str) -> None:
        """A file is loaded; nothing of it is printed yet."""
        self.reset()
        self.filename = filename

    def reset(self) -> None:
        """No file is loaded."""
        self.state = PrintState.STANDBY
        self.filename = self.message = ""
        self._durations = _Durations()
        self._filament = 0.0
        self._layers = LayerInfo(None, None)

    def start(self) -> None:
        """The print begins, or goes on."""
        now = self._clock.seconds()
        durations = self._durations
        if durations.began is None:
            durations.began = now
        elif durations.paused is not None:
            # What was paused before any extrusion is not counted twice.
            since = durations.paused
            if durations.first_extrusion is not None:
                durations.paused_for += now - since
            durations.paused = None
        durations.ended = None
        self.state, self.message = PrintState.PRINTING, ""
        self._last_e = self._e()

    def pause(self, message: str = "") -> None:
        """The print pauses."""
        self.count_filament()
        if self._durations.paused is None:
            self._durations.paused = self._clock.seconds()
        self.message = message
        if self.state is PrintState.PRINTING:
            self.state = PrintState.PAUSED

    def complete(self) -> None:
        """The print is done."""
        self._end(PrintState.COMPLETE, "")

    def cancel(self) -> None:
        """The user has ended the print."""
        self._end(PrintState.CANCELLED, "")

    def fail(self, message: str) -> None:
        """The print has ended by an error."""
        self._end(PrintState.ERROR, message)

    def _end(self, state: PrintState, message: str) -> None:
        if self.under_way:
            self.count_filament()
            self._durations.ended = self._clock.seconds()
            self.state, self.message = state, message

    def count_filament(self) -> None:
        """Add what was extruded since the last count."""
        e = self._e()
        if self.state is PrintState.PRINTING and self._moves is not None:
            moved = (e - self._last_e) / self._moves.coordinates.extrude_factor
            self._filament += moved
            if self._filament > 0.0 and self._durations.first_extrusion is None:
                self._durations.first_extrusion = self._clock.seconds()
        self._last_e = e

    def _e(self) -> float:
        return self._moves.coordinates.position[3] if self._moves is not None else 0.0

    @command("SET_PRINT_STATS_INFO")
    async def set_info(
        self,
        call: Call,
        *,
        total_layer: int | None = param(None, minimum=0),
        current_layer: int | None = param(None, minimum=0),
    ) -> None:
        """Pass the slicer's layer numbers to the host."""
        total, current = self._layers.total_layer, self._layers.current_layer
        if total_layer is not None and total_layer != total:
            # A new total begins a new count; 0 clears both.
            total, current = (total_layer, 0) if total_layer else (None, None)
        if current_layer is not None and total is not None:
            current = min(current_layer, total)
        self._layers = LayerInfo(total, current)

    def status(self, eventtime: float) -> PrintStatsStatus:
        """The print so far."""
        self.count_filament()
        durations = self._durations
        return PrintStatsStatus(
            filename=self.filename,
            total_duration=durations.total(eventtime),
            print_duration=durations.printing(eventtime),
            filament_used=self._filament,
            state=self.state.value,
            message=self.message,
            info=self._layers,
        )


def build_print_stats(config: PrintStatsConfig, clock: IReactorTime, moves: GcodeMove | None) -> PrintStats:
    """Build the C{print_stats} object."""
    return PrintStats(clock, moves)


print_stats = PrinterObject("print_stats", PrintStatsConfig, build_print_stats, internal=True)
