"""Print a file without a printer: how long it takes, how fast it goes, and what limits it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.simulate.result import SimulationResult

__all__ = ["simulate"]


def simulate(
    path: str,
    config: str | None = None,
    *,
    progress: Callable[[float, float], None] | None = None,
    keep_moves: bool = False,
) -> "SimulationResult":
    """See L{appliance.simulate.run.simulate}, which is imported when it is needed."""
    from appliance.simulate.run import simulate as run

    return run(path, config, progress=progress, keep_moves=keep_moves)
