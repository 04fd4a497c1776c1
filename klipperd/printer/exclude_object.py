"""C{[exclude_object]}: leave out single objects of a print (Exclude_Object.md).

The slicer marks which lines belong to which object. Moves of an excluded object are swallowed on their
way to the toolhead (L{klipperd.motion.exclusion}); the first move of anything else starts from where the
toolhead really is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from attrs import define, field, frozen

from klipperd.errors import CommandError
from klipperd.gcode.dispatch import GcodeCall
from klipperd.gcode.moves import GcodeMove
from klipperd.motion.exclusion import Exclusion
from klipperd.objects import Call, PrinterObject, command, status_field
from klipperd.objects.values import nearest
from klipperd.printer.virtual_sdcard import VirtualSdcard

__all__ = ["ExcludeObject", "ExcludeObjectConfig", "ExcludeObjectStatus", "exclude_object"]


@frozen(kw_only=True)
class ExcludeObjectConfig:
    """C{[exclude_object]}: enables leaving out objects; there is nothing to configure."""


@frozen
class ExcludeObjectStatus:
    """Status of C{exclude_object}."""

    objects: Sequence[Mapping[str, Any]] = status_field(doc="the objects that the print file defines")
    excluded_objects: Sequence[str] = status_field(doc="names of those that are left out")
    current_object: str | None = status_field(doc="name of the one that is printed now")


@define(eq=False, repr=False)
class ExcludeObject:
    """The objects of the present print file."""

    _moves: GcodeMove | None
    _sdcard: VirtualSdcard | None
    _exclusion: Exclusion | None = field(default=None, init=False)
    _objects: dict[str, dict[str, Any]] = field(factory=dict, init=False)
    _excluded: list[str] = field(factory=list, init=False)
    _current: str | None = field(default=None, init=False)

    async def connect(self) -> None:
        """Take a place in the way of moves; objects belong to one file."""
        if self._sdcard is not None:
            self._sdcard.on_file.append(self._forget)
        if self._moves is not None:
            self._exclusion = self._moves.add_transform(Exclusion)

    def _forget(self) -> None:
        self._objects, self._excluded, self._current = {}, [], None
        self._update()

    def _update(self) -> None:
        wanted = self._current is not None and self._current in self._excluded
        if self._exclusion is None or wanted == self._exclusion.excluding:
            return
        if wanted:
            self._exclusion.begin()
        else:
            self._exclusion.end()

    @command("EXCLUDE_OBJECT_START")
    async def start(self, call: Call, *, name: str) -> None:
        """Mark the start of an object's G-code."""
        name = name.upper()
        self._objects.setdefault(name, {"name": name})
        self._current = name
        self._update()

    @command("EXCLUDE_OBJECT_END")
    async def end(self, call: Call, *, name: str | None = None) -> None:
        """Mark the end of an object's G-code."""
        if self._current is None:
            call.info("EXCLUDE_OBJECT_END called, but no object is currently active")
            return
        if name is not None and name.upper() != self._current:
            text = f"EXCLUDE_OBJECT_END NAME={name.upper()} does not match the current object"
            call.info(f"{text} {self._current}")
        self._current = None
        self._update()

    @command("EXCLUDE_OBJECT_DEFINE")
    async def define_object(
        self,
        call: GcodeCall,
        *,
        name: str | None = None,
        center: str | None = None,
        polygon: str | None = None,
        reset: bool = False,
        json: bool = False,
    ) -> None:
        """Provide a summary of an object of the print file, or list those known."""
        if reset:
            self._forget()
        elif name is not None:
            self._define(name.upper(), center, polygon, call.params)
        elif json:
            call.info(f"Known objects: {orjson.dumps(list(self._objects.values())).decode()}")
        else:
            call.info(f"Known objects: {' '.join(self._objects)}")

    def _define(self, name: str, center: str | None, polygon: str | None, params: Mapping[str, str]) -> None:
        known = ("NAME", "CENTER", "POLYGON", "RESET", "JSON")
        made: dict[str, Any] = {"name": name, **{k: v for k, v in params.items() if k not in known}}
        try:
            if center is not None:
                made["center"] = orjson.loads(f"[{center}]")
            if polygon is not None:
                made["polygon"] = orjson.loads(polygon)
        except orjson.JSONDecodeError as error:
            raise CommandError(f"EXCLUDE_OBJECT_DEFINE NAME={name}: no list of numbers: {error}") from None
        self._objects[name] = made

    @command("EXCLUDE_OBJECT")
    async def exclude(
        self, call: Call, *, name: str | None = None, current: bool = False, reset: bool = False
    ) -> None:
        """Leave out an object from now on, or list those that are left out."""
        name = name.upper() if name is not None else None
        if reset:
            self._include_again(name)
        elif name is not None:
            self._exclude(name)
        elif current:
            if self._current is None:
                raise CommandError("There is no current object to cancel")
            self._exclude(self._current)
        else:
            call.info(f"Excluded objects: {' '.join(self._excluded)}")
        self._update()

    def _include_again(self, name: str | None) -> None:
        if name is not None and name not in self._excluded:
            raise CommandError(f"{name} is not excluded{nearest(name, self._excluded)}")
        self._excluded = [known for known in self._excluded if name is not None and known != name]

    def _exclude(self, name: str) -> None:
        if name not in self._objects:
            raise CommandError(f"there is no object {name}{nearest(name, list(self._objects))}")
        if name not in self._excluded:
            self._excluded = sorted([*self._excluded, name])

    def status(self, eventtime: float) -> ExcludeObjectStatus:
        """The objects and which are left out."""
        ordered = [self._objects[name] for name in sorted(self._objects)]
        return ExcludeObjectStatus(ordered, list(self._excluded), self._current)


def build_exclude_object(
    config: ExcludeObjectConfig, moves: GcodeMove | None, sdcard: VirtualSdcard | None
) -> ExcludeObject:
    """Build the C{exclude_object} object."""
    return ExcludeObject(moves, sdcard)


exclude_object = PrinterObject("exclude_object", ExcludeObjectConfig, build_exclude_object)
