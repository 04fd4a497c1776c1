"""A fan's speed from its tachometer's pulses."""

from attrs import define, field

__all__ = ["Tachometer"]

_COUNTER = 1 << 32


@define(eq=False)
class Tachometer:
    """Turns counts of edges, two a pulse, to revolutions per minute."""

    _pulses_per_revolution: int
    rpm: float = field(init=False, default=0.0)
    """Revolutions per minute between the last edges of the last two reports."""
    _edges: int | None = field(init=False, default=None)
    _edge_time: float = field(init=False, default=0.0)

    def count(self, print_time: float, edges: int, edge_time: float) -> None:
        """Take in the total of C{edges} (modulo 2^32), the last of them at C{edge_time} (s)."""
        passed = 0 if self._edges is None else (edges - self._edges) % _COUNTER
        elapsed = edge_time - self._edge_time
        turns = passed / 2.0 / self._pulses_per_revolution
        self.rpm = 60.0 * turns / elapsed if passed and elapsed > 0.0 else 0.0
        self._edges, self._edge_time = edges, edge_time
