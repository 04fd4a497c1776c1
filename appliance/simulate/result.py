"""What a simulation finds out."""

from typing import Any

from attrs import asdict, field, frozen

__all__ = ["Feature", "Heating", "Layer", "Limits", "Motor", "SimulationResult"]


@frozen
class Layer:
    """One layer. Times in seconds of the print; C{time} is in motion, C{height} in mm."""

    number: int
    height: float | None
    begin: float
    time: float
    distance: float
    filament: float


@frozen
class Feature:
    """One kind of line (the slicer's C{TYPE}): s in motion, mm of path, mm of filament, top speeds (mm/s)."""

    name: str
    time: float
    distance: float
    filament: float
    top_speed: float
    top_flow: float
    """Filament, mm/s."""


@frozen
class Heating:
    """A heater as it was modelled: degrees Celsius, and degrees a second at full power."""

    section: str
    highest_target: float
    rate: float


@frozen
class Motor:
    """What one motor was told. C{rates}: (lower bound in steps/s, steps) of each bin that isn't empty."""

    name: str
    steps: int
    peak_rate: float
    """Steps/s: of the shortest interval between two steps."""
    top_rate: float
    """Steps/s that no more than a thousandth of its steps exceed."""
    rates: list[tuple[float, int]]


@frozen
class Limits:
    """What limited the planner, by reason: s of changing speed (what limited the acceleration), s at constant
    speed (what limited the speed), and how many junctions were slower than the moves on both sides."""

    accelerating: dict[str, float]
    cruising: dict[str, float]
    junctions: dict[str, int]


@frozen
class SimulationResult:
    """A print's times (s), speeds (mm/s), accelerations (mm/s^2), lengths (mm)."""

    file: str
    config: str
    kinematics: str
    print_time: float
    """From the first command to the end of the last move: all of the following."""
    moving_time: float
    heating_time: float
    """Waiting for temperatures, as modelled."""
    other_time: float
    """Dwelling, and pauses between moves that a command asked for."""
    moves: int
    distance: float
    filament: float
    top_speed: float
    top_accel: float
    axis_speed: list[float]
    axis_accel: list[float]
    extent: list[tuple[float, float]]
    """(lowest, highest) coordinate of printing moves in x, y, z; empty when there are none."""
    layers: list[Layer]
    features: list[Feature]
    motors: list[Motor]
    limits: Limits
    heaters: list[Heating]
    warnings: list[str]
    elapsed: float = 0.0
    """s of the computer's time."""
    moves_data: bytes = field(default=b"", repr=False)
    """Trapezoids (L{klipperd.motion.trapq.RECORD}), if they were asked for."""

    def as_json(self) -> dict[str, Any]:
        """All but C{moves_data}, for JSON."""
        return asdict(self, filter=lambda attribute, _: attribute.name != "moves_data")
