"""A fan's speed from its tachometer's pulses."""

from attrs import define, field

__all__ = ["Tachometer"]

_COUNTER = 1 << 32


@define(eq=False, repr=False)
class Tachometer:
    """Turns counts of edges, two a pulse, to revolutions per minute."""

    _pulses_per_revolution: int
    rpm: float = field(init=False, default=0.0)
    """Revolutions per minute between the last two reports."""
    _last: tuple[float, int] | None = field(init=False, default=None)

    def count(self, print_time: float, edges: int) -> None:
        """Take in the total of C{edges} (modulo 2^32) at C{print_time} (s)."""
        if self._last is not None and print_time > self._last[0]:
            passed = (edges - self._last[1]) % _COUNTER
            turns = passed / 2.0 / self._pulses_per_revolution
            self.rpm = 60.0 * turns / (print_time - self._last[0])
        self._last = (print_time, edges)
