"""The chain that moves pass on their way from G-code to the lookahead."""

from collections.abc import Sequence
from typing import Any, Protocol

from klipperd.motion.lookahead import Lookahead

class MovePlanner(Protocol):
    """The Python half of what the chain ends in."""

    @property
    def position(self) -> Sequence[float]: ...
    def move(self, position: Sequence[float], speed: float) -> None: ...

class Transform:
    """One link: turns the coordinates of whoever calls it into those of the next one."""

    next: Transform | None
    @property
    def position(self) -> Sequence[float]:
        """Where the machine is, in the coordinates of whoever calls C{move} (mm)."""
    def move(self, position: Sequence[float], speed: float) -> None:
        """Queue a move to C{position} at C{speed} (mm/s); changes nothing when it raises."""

class PlannerLink(Transform):
    """The chain's end. Moves go to C{lookahead}, in compiled code.

    C{planner}, if there is one, is asked (C{admit()}) before a line's moves and told (C{moved()}) after
    them; without a lookahead it takes each move itself.
    """

    lookahead: Lookahead | None
    planner: Any
    def __init__(self, lookahead: Lookahead | None = None, planner: MovePlanner | None = None) -> None: ...

class PythonLink(Transform):
    """A link written in Python: C{made} has C{position} and C{move}, and passes moves on to C{next}."""

    made: Any
    def __init__(self, next: Transform, made: MovePlanner) -> None: ...
