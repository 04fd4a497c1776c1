"""Print a file without a printer: how long it takes, how fast it goes, and what limits it."""

from appliance.simulate.result import SimulationResult
from appliance.simulate.run import simulate

__all__ = ["SimulationResult", "simulate"]
