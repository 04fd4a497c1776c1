"""What can be wrong with a move, by kind; each carries the values that its message names."""

from math import degrees

from attrs import field, frozen

from klipperd.errors import CommandError

__all__ = [
    "ArmTooHigh",
    "ExtrusionRefused",
    "InvalidMove",
    "JointOutOfReach",
    "MoveOutOfRange",
    "MoveRefused",
    "NotHomed",
    "OutOfReach",
    "StepsLost",
]


class MoveRefused(CommandError):
    """A move that was not accepted; the planner's state is as it was before."""


def _spoken(position: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3f}" for value in position)


@frozen(str=False)
class InvalidMove(MoveRefused):
    """A coordinate (mm) or speed (mm/s) that no move can have: NaN, infinite, zero or negative speed."""

    word: str
    value: float
    minimum: float
    maximum: float

    def __str__(self) -> str:
        unit = "mm/s" if self.word == "F" else "mm"
        limit = f"allowed {self.minimum:g} to {self.maximum:g} {unit}"
        return f"Invalid move: {self.word} = {self.value!r}, {limit}"


@frozen(str=False)
class NotHomed(MoveRefused):
    """A move along an axis whose position is not known."""

    axis: str

    def __str__(self) -> str:
        return f"Must home axis first: {self.axis}"


@frozen(str=False)
class MoveOutOfRange(MoveRefused):
    """A move that ends outside of an axis' travel (mm)."""

    axis: str
    value: float
    minimum: float
    maximum: float
    position: tuple[float, ...] = field(default=())

    def __str__(self) -> str:
        where = _spoken(self.position)
        limit = f"{self.minimum:.3f} to {self.maximum:.3f}"
        target = f" ({where})" if where else ""
        return f"Move out of range: {self.axis} = {self.value:.3f}, allowed {limit}{target}"


@frozen(str=False)
class OutOfReach(MoveRefused):
    """A move that leads too far from the machine's middle, or too near to it (mm)."""

    value: float
    maximum: float
    position: tuple[float, ...] = field(default=())
    minimum: float = 0.0

    def __str__(self) -> str:
        where = _spoken(self.position)
        if self.value < self.minimum:
            text = f"passes {self.value:.6f} from the middle, where the bed can't turn"
            return f"Move out of range: {where}: {text}; at least {self.minimum:g}"
        return f"Move out of range: {where}: {self.value:.3f} from the middle, at most {self.maximum:.3f}"


@frozen(str=False)
class JointOutOfReach(MoveRefused):
    """A move on which an arm can't hold the head: the rod ends too near to its shoulder, or too far (mm)."""

    arm: str
    value: float
    minimum: float
    maximum: float
    position: tuple[float, ...] = field(default=())

    def __str__(self) -> str:
        where = _spoken(self.position)
        found = f"{self.value:.3f} from its shoulder, allowed {self.minimum:.3f} to {self.maximum:.3f}"
        return f"Move out of range: {where}: the arm of stepper_{self.arm} would reach {found}"


@frozen(str=False)
class ArmTooHigh(MoveRefused):
    """A move on which an arm would rise beyond where it meets its endstop (rad)."""

    arm: str
    value: float
    maximum: float
    position: tuple[float, ...] = field(default=())

    def __str__(self) -> str:
        where = _spoken(self.position)
        found = f"{degrees(self.value):.3f} degrees, at most {degrees(self.maximum):.3f}"
        return f"Move out of range: {where}: the arm of stepper_{self.arm} would rise to {found}"


@frozen(str=False)
class ExtrusionRefused(MoveRefused):
    """An extrusion that the extruder's section forbids; C{limit} is that of C{option}."""

    reason: str
    value: float
    option: str
    limit: float

    def __str__(self) -> str:
        return f"{self.reason}: {self.value:.3f}, limit {self.limit:.3f} ({self.option})"


class StepsLost(Exception):
    """Steps could not be sent or solved; says which motor, when and why."""
