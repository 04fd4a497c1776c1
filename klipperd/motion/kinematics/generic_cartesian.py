"""Generic cartesian printers: carriages along x, y and z, and motors that move sums of them.

[stepper NAME] says with C{carriages: carriage_x+carriage_y} that its coordinate is the sum of theirs.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from attrs import frozen

from klipperd.motion.kinematics.base import LinearConfig, MachineParts, Trouble
from klipperd.motion.kinematics.carriages import CarriageKinematics
from klipperd.motion.kinematics.dual import Carriage
from klipperd.motion.kinematics.goals import AXES
from klipperd.motion.kinematics.parts import (
    CarriageConfig,
    CarriageParts,
    ExtraCarriageConfig,
    FreeDualCarriageConfig,
)
from klipperd.motion.rails import Rail, RailEndstop, TravelConfig
from klipperd.objects.values import nearest

__all__ = ["GenericCartesianConfig", "carriage_axis", "parse_carriages"]

_NUMBER = r"(\d+\.?\d*|\.\d+)"
_TERM = re.compile(
    rf"\s*([+-])?\s*(?:{_NUMBER}\s*\*\s*)?([A-Za-z_][\w ]*?)\s*(?:\*\s*{_NUMBER}\s*)?(?=[+-]|$)"
)
_KINDS = ("carriage", "extra_carriage", "dual_carriage")


def parse_carriages(text: str) -> dict[str, float]:
    """Carriage -> weight of an expression such as C{carriage_x-0.5*carriage_z}.

    @raise ValueError: saying what is wrong.
    """
    weights: dict[str, float] = {}
    at = 0
    while at < len(text) or not weights:
        term = _TERM.match(text, at)
        if term is None or (weights and not term[1]):
            raise ValueError(f"{text[at:]!r} is no sum of carriages such as carriage_x-0.5*carriage_z")
        sign, before, name, after = term.groups()
        weight = float(before or 1.0) * float(after or 1.0) * (-1.0 if sign == "-" else 1.0)
        if name in weights:
            raise ValueError(f"{name!r} appears twice")
        if weight == 0.0:
            raise ValueError(f"the weight of {name!r} is 0")
        weights[name] = weight
        at = term.end()
    return weights


def carriage_axis(name: str, config: CarriageConfig) -> str:
    """The axis of a [carriage]: its option, or its name."""
    return (config.axis or name).lower()


def _named(sections: Mapping[str, Any], kind: str) -> dict[str, Any]:
    start = f"{kind} "
    return {name[len(start) :]: config for name, config in sections.items() if name.startswith(start)}


@frozen(kw_only=True)
class GenericCartesianConfig(LinearConfig):
    """Options of generic cartesian printers."""

    axes: ClassVar[str] = ""

    def troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        """See L{KinematicsConfig.troubles}."""
        if "dual_carriage" in sections:
            yield "dual_carriage", "", "needs a name with kinematics generic_cartesian: [dual_carriage NAME]"
        carriages = _named(sections, "carriage")
        found = [*self._carriage_troubles(carriages), *self._other_troubles(sections, carriages)]
        found += self._motor_troubles(sections)
        yield from found
        if not found:
            yield from self._unmoved(sections)

    def _carriage_troubles(self, carriages: Mapping[str, Any]) -> Iterator[Trouble]:
        taken: dict[str, str] = {}
        for name, config in carriages.items():
            axis = carriage_axis(name, config)
            if axis not in AXES:
                yield f"carriage {name}", "axis", f"{axis!r} is none of x, y, z"
            elif axis in taken:
                text = f"{axis} has [carriage {taken[axis]}]: use [extra_carriage] or [dual_carriage]"
                yield f"carriage {name}", "axis", text
            taken.setdefault(axis, name)
        for axis in AXES:
            if axis not in taken:
                yield "printer", "kinematics", f"needs a [carriage] with axis: {axis}"

    def _other_troubles(self, sections: Mapping[str, Any], carriages: Mapping[str, Any]) -> Iterator[Trouble]:
        extras, duals = _named(sections, "extra_carriage"), _named(sections, "dual_carriage")
        for kind, group in (("extra_carriage", extras), ("dual_carriage", duals)):
            for name, config in group.items():
                wanted = config.primary_carriage
                known = {**carriages, **duals}
                known.pop(name, None)
                if wanted is not None and wanted not in known:
                    text = f"there is no carriage {wanted!r}{nearest(wanted, list(known))}"
                    yield f"{kind} {name}", "primary_carriage", text
                if name in carriages or (kind == "extra_carriage" and name in duals):
                    yield f"{kind} {name}", "", "another carriage has this name"
        for name, config in duals.items():
            if config.primary_carriage is None and config.axis not in ("x", "y"):
                yield f"dual_carriage {name}", "axis", "must be x or y where there is no primary_carriage"
            elif getattr(duals.get(config.primary_carriage), "primary_carriage", None) is not None:
                text = "must be a [carriage], or a [dual_carriage] without primary_carriage"
                yield f"dual_carriage {name}", "primary_carriage", text

    def _motor_troubles(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        known = [name for kind in _KINDS for name in _named(sections, kind)]
        for name, config in _named(sections, "stepper").items():
            try:
                weights = parse_carriages(config.carriages)
            except ValueError as error:
                yield f"stepper {name}", "carriages", str(error)
                continue
            for carriage in weights:
                if carriage not in known:
                    text = f"there is no carriage {carriage!r}{nearest(carriage, known)}"
                    yield f"stepper {name}", "carriages", text

    def _unmoved(self, sections: Mapping[str, Any]) -> Iterator[Trouble]:
        motors = _named(sections, "stepper").values()
        moved = {name for config in motors for name in parse_carriages(config.carriages)}
        for kind in _KINDS:
            for name in _named(sections, kind):
                if name not in moved:
                    yield f"{kind} {name}", "", "no [stepper] moves this carriage"

    def assemble(self, parts: MachineParts) -> CarriageKinematics:
        """See L{KinematicsConfig.assemble}."""
        carriages: dict[str, Carriage] = {}
        for part in sorted(parts.carriages, key=_rank):
            if part.motor is None:
                carriages[part.name] = _make_carriage(part, carriages)
        weights = {free.motor: parse_carriages(free.config.carriages) for free in parts.motors}
        return CarriageKinematics(carriages, weights, self)


def _rank(part: CarriageParts) -> int:
    """Carriages come before those that name them."""
    if isinstance(part.config, CarriageConfig):
        return 0
    if isinstance(part.config, FreeDualCarriageConfig):
        return 1 if part.config.primary_carriage is None else 2
    return 3


def _make_carriage(part: CarriageParts, others: Mapping[str, Carriage]) -> Carriage:
    config = part.config
    if isinstance(config, ExtraCarriageConfig):
        leader = others[config.primary_carriage]
        rail = Rail(leader.rail.axis, leader.rail.config, [], [RailEndstop(part.name, part.endstop)])
        return Carriage(part.name, rail, leader)
    if isinstance(config, CarriageConfig):
        assert isinstance(config, TravelConfig)
        axis = carriage_axis(part.name, config)
        return Carriage(part.name, Rail(axis, config, [], [RailEndstop(part.name, part.endstop)]))
    return Carriage.second(part, others)
