"""C{[save_variables]}: variables that macros keep across restarts."""

import configparser
import os
from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.config.save import replace_file
from klipperd.errors import CommandError, ConfigError
from klipperd.objects import Call, Identity, PrinterObject, command, option, status_field
from klipperd.printer.gcode_macro import literal
from klipperd.workers import SameThread, Workers

__all__ = ["SaveVariables", "SaveVariablesConfig", "SaveVariablesStatus", "save_variables"]

_SECTION = "Variables"


@frozen(kw_only=True)
class SaveVariablesConfig:
    """C{[save_variables]}: variables that macros keep across restarts."""

    filename: str = option(doc="file that keeps them, such as ~/variables.cfg")


@frozen
class SaveVariablesStatus:
    """Status of C{save_variables}."""

    variables: Mapping[str, Any] = status_field(doc="all saved variables")


def _parser() -> configparser.RawConfigParser:
    return configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=False)


def read_variables(path: str) -> dict[str, Any]:
    """What the file holds. Blocks. @raise ValueError: naming what cannot be read."""
    parser = _parser()
    try:
        with open(path, encoding="utf-8") as source:
            parser.read_file(source)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise ValueError(f"cannot read {path}: {error}") from None
    if not parser.has_section(_SECTION):
        return {}
    return {name: literal(text) for name, text in parser.items(_SECTION)}


def write_variables(path: str, variables: Mapping[str, Any]) -> None:
    """Replace the file. Blocks. @raise OSError: when the disk refuses; the old file is unchanged."""
    lines = [f"[{_SECTION}]", *(f"{name} = {value!r}" for name, value in sorted(variables.items())), ""]
    replace_file(path, "\n".join(lines).encode())


@define(eq=False, repr=False)
class SaveVariables:
    """The variables of one file."""

    _path: str
    _workers: Workers
    _identity: Identity
    variables: Mapping[str, Any] = field(factory=dict, init=False)

    async def prepare(self) -> None:
        """Read the file."""
        try:
            self.variables = await self._workers.run(read_variables, self._path)
        except ValueError as error:
            raise ConfigError.single(
                str(error), self._identity.place, self._identity.section, "filename"
            ) from None

    @command("SAVE_VARIABLE")
    async def save(self, call: Call, *, variable: str, value: str) -> None:
        """Save a variable to disk."""
        if variable != variable.lower() or not variable.isidentifier():
            raise CommandError(f"SAVE_VARIABLE: {variable!r} must be a name in lower case")
        try:
            changed = {**self.variables, variable: literal(value)}
        except ValueError as error:
            raise CommandError(f"SAVE_VARIABLE: VALUE: {error}") from None
        try:
            await self._workers.run(write_variables, self._path, changed)
        except OSError as error:
            raise CommandError(f"SAVE_VARIABLE: cannot write {self._path}: {error.strerror}") from None
        self.variables = changed

    def status(self, eventtime: float) -> SaveVariablesStatus:
        """All variables."""
        return SaveVariablesStatus(self.variables)


def build_save_variables(
    config: SaveVariablesConfig, identity: Identity, workers: Workers | None
) -> SaveVariables:
    """Build the C{save_variables} object."""
    path = os.path.expanduser(config.filename)
    return SaveVariables(path, workers if workers is not None else SameThread(), identity)


save_variables = PrinterObject("save_variables", SaveVariablesConfig, build_save_variables)
