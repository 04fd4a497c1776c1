"""A motor's coordinate as a function of x, y, z, with its gradient: the inverse of each kinematics.

Formulas from docs/motion.md. Positions come as (times, 3) arrays in mm; coordinates are mm, or radians for
rotating parts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .motion import LD, Array


@dataclass
class Coordinate:
    """C{gradient} (times, 3). C{clearance}: mm from a position to the nearest place where the coordinate
    isn't smooth. C{period}: what one turn adds to a coordinate that is known but for whole turns."""

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    clearance: Callable[[Array], Array]
    period: np.longdouble | None = None


def everywhere(where: Array) -> Array:
    return np.full(len(where), np.inf, LD)


def linear(*weights: float) -> Coordinate:
    """weights . (x, y, z)"""
    w = np.array(weights, LD)
    return Coordinate(lambda p: p @ w, lambda p: np.broadcast_to(w, p.shape), everywhere)


def delta(tower_x: float, tower_y: float, arm: float) -> Coordinate:
    """The height at which a carriage on a vertical tower holds the effector with an arm: above it."""
    tower, length = np.array([tower_x, tower_y], LD), LD(arm)

    def rise(p: Array) -> Array:
        return np.sqrt(length**2 - ((p[:, :2] - tower) ** 2).sum(axis=1))

    def gradient(p: Array) -> Array:
        return np.column_stack([(tower - p[:, :2]) / rise(p)[:, None], np.ones(len(p), LD)])

    def clearance(p: Array) -> Array:
        return length - np.hypot(*(p[:, :2] - tower).T)

    return Coordinate(lambda p: p[:, 2] + rise(p), gradient, clearance)


def deltesian(tower_x: float, arm: float) -> Coordinate:
    """As delta, but the arm only swings in x."""
    tower, length = LD(tower_x), LD(arm)

    def rise(p: Array) -> Array:
        return np.sqrt(length**2 - (p[:, 0] - tower) ** 2)

    def gradient(p: Array) -> Array:
        return np.column_stack([(tower - p[:, 0]) / rise(p), np.zeros(len(p), LD), np.ones(len(p), LD)])

    return Coordinate(lambda p: p[:, 2] + rise(p), gradient, lambda p: length - abs(p[:, 0] - tower))


def rotary_delta(
    shoulder_radius: float, shoulder_height: float, upper_arm: float, lower_arm: float, tower_angle: float
) -> Coordinate:
    """The angle of an upper arm, 0 when it points straight outwards, growing upwards.

    In the tower's plane the knee is at (R + U cos t, 0, H + U sin t), a lower arm's length from the
    effector; of two such angles the one that has the knee further out.
    """
    radius, height, upper, lower = map(LD, (shoulder_radius, shoulder_height, upper_arm, lower_arm))
    cosine, sine = np.cos(LD(tower_angle)), np.sin(LD(tower_angle))
    turn = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]], LD)

    def from_shoulder(p: Array) -> Array:
        return p @ turn.T - np.array([radius, 0, height], LD)

    def reach(q: Array) -> tuple[Array, Array]:
        """Cosine law in the triangle shoulder, knee, and effector brought into the plane."""
        flat = lower**2 - q[:, 1] ** 2
        direct = q[:, 0] ** 2 + q[:, 2] ** 2
        return (upper**2 + direct - flat) / (2 * upper * np.sqrt(direct)), np.arctan2(q[:, 2], q[:, 0])

    def value(p: Array) -> Array:
        between, towards = reach(from_shoulder(p))
        spread = np.arccos(between)
        both = np.stack([towards + spread, towards - spread])
        further = np.where(np.cos(both[0]) >= np.cos(both[1]), both[0], both[1])
        return np.arctan2(np.sin(further), np.cos(further))

    def gradient(p: Array) -> Array:
        angle = value(p)
        nothing = np.zeros_like(angle)
        arm = upper * np.column_stack([np.cos(angle), nothing, np.sin(angle)])
        swing = upper * np.column_stack([-np.sin(angle), nothing, np.cos(angle)])
        rod = arm - from_shoulder(p)
        return (rod / (rod * swing).sum(axis=1)[:, None]) @ turn

    def clearance(p: Array) -> Array:
        q = from_shoulder(p)
        return np.minimum((1 - abs(reach(q)[0])) * upper, lower - abs(q[:, 1]))

    return Coordinate(value, gradient, clearance)


def polar_radius() -> Coordinate:
    """Distance from the centre."""

    def value(p: Array) -> Array:
        return np.hypot(p[:, 0], p[:, 1])

    def gradient(p: Array) -> Array:
        return p * np.array([1, 1, 0], LD) / value(p)[:, None]

    return Coordinate(value, gradient, value)


def polar_angle() -> Coordinate:
    """The bed's angle; whole turns follow from where it was before."""

    def gradient(p: Array) -> Array:
        x, y = p[:, 0], p[:, 1]
        return np.column_stack([-y, x, np.zeros(len(p), LD)]) / (x**2 + y**2)[:, None]

    turn = 2 * np.arccos(LD(-1))
    return Coordinate(
        lambda p: np.arctan2(p[:, 1], p[:, 0]), gradient, lambda p: np.hypot(p[:, 0], p[:, 1]), turn
    )


def winch(anchor_x: float, anchor_y: float, anchor_z: float) -> Coordinate:
    """Length of a cable from an anchor."""
    anchor = np.array([anchor_x, anchor_y, anchor_z], LD)

    def value(p: Array) -> Array:
        return np.sqrt(((p - anchor) ** 2).sum(axis=1))

    return Coordinate(value, lambda p: (p - anchor) / value(p)[:, None], value)


KINDS: dict[str, Callable[..., Coordinate]] = {
    "linear": linear,
    "delta": delta,
    "deltesian": deltesian,
    "rotary_delta": rotary_delta,
    "polar_radius": polar_radius,
    "polar_angle": polar_angle,
    "winch": winch,
}
