"""C{[gcode_macro NAME]}: a G-code command of the user's making."""

import ast
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from attrs import define, field, frozen

from klipperd.errors import CommandError, ConfigError
from klipperd.gcode.dispatch import Dispatcher, GcodeCall
from klipperd.gcode.lexer import parse_line
from klipperd.gcode.templates import GcodeTemplate, GcodeTemplates
from klipperd.objects import Call, Gcode, Identity, PrinterObject, command, option, options_named
from klipperd.objects.values import nearest

__all__ = ["GcodeMacro", "GcodeMacroConfig", "gcode_macro", "literal"]


@frozen(kw_only=True)
class GcodeMacroConfig:
    """C{[gcode_macro NAME]}: a G-code command of the user's making."""

    gcode: Gcode = option(doc="G-code to run; a Jinja2 template")
    rename_existing: str | None = option(None, doc="new name of the command that the macro overrides")
    description: str = option("G-Code macro", doc="short text for HELP")
    variables: Mapping[str, str] = options_named(
        "variable_", doc="initial value, a Python literal, of a variable that the template can name"
    )


def literal(text: str) -> Any:
    """The value of a Python literal that JSON has too. @raise ValueError: when it is none."""
    try:
        value = ast.literal_eval(text.strip())
        orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no Python literal (text needs quotes)") from None
    return value


@define(eq=False, repr=False)
class GcodeMacro:
    """One macro. C{name} is its command as the configuration writes it."""

    name: str
    _identity: Identity
    _template: GcodeTemplate
    _dispatcher: Dispatcher
    _config: GcodeMacroConfig
    variables: dict[str, Any]
    _running: bool = field(default=False, init=False)
    _undo: Callable[[], None] | None = field(default=None, init=False)

    async def connect(self) -> None:
        """Offer the command, now that all others are there."""
        renamed = self._config.rename_existing
        try:
            self._undo = self._dispatcher.add_dynamic(self.name, self._run, self._config.description, renamed)
        except ConfigError as error:
            text = error.problems[0].text
            raise ConfigError.single(text, self._identity.place, self._identity.section) from None

    async def close(self) -> None:
        """Take the command back."""
        if self._undo is not None:
            self._undo()
            self._undo = None

    async def _run(self, call: GcodeCall) -> None:
        if self._running:
            raise CommandError(f"Macro {self.name} called recursively")
        self._running = True
        # A macro that takes the place of M117 gets free text, which no one has to be able to parse.
        params = call.lenient_params if call.line.is_traditional else call.params
        try:
            await self._template.run(call.run, **{**self.variables, "params": params, "rawparams": call.text})
        finally:
            self._running = False

    @command("SET_GCODE_VARIABLE", mux="MACRO")
    async def set_variable(self, call: Call, *, variable: str, value: str) -> None:
        """Set the value of a macro's variable."""
        if variable not in self.variables:
            hint = nearest(variable, list(self.variables))
            raise CommandError(f"Unknown gcode_macro variable '{variable}'{hint}")
        try:
            changed = literal(value)
        except ValueError as error:
            raise CommandError(f"SET_GCODE_VARIABLE: VALUE: {error}") from None
        self.variables = {**self.variables, variable: changed}

    def status(self, eventtime: float) -> Mapping[str, Any]:
        """The variables."""
        return self.variables


def _check_name(identity: Identity) -> None:
    """The dispatcher must find the macro by what its user types."""
    if parse_line(identity.name.encode()).name != identity.name.upper():
        raise ConfigError.single(
            f"{identity.name!r} is no name of a command: letters, digits and _ only, digits last",
            identity.place,
            identity.section,
        )


def _read_variables(config: GcodeMacroConfig, identity: Identity) -> dict[str, Any]:
    values = {}
    for name, text in config.variables.items():
        try:
            values[name] = literal(text)
        except ValueError as error:
            raise ConfigError.single(
                str(error), identity.place, identity.section, f"variable_{name}"
            ) from None
    return values


def build_gcode_macro(
    config: GcodeMacroConfig, identity: Identity, dispatcher: Dispatcher, templates: GcodeTemplates
) -> GcodeMacro:
    """Build one C{gcode_macro} object."""
    _check_name(identity)
    variables = _read_variables(config, identity)
    template = templates.compile(config.gcode, identity.section)
    return GcodeMacro(identity.name, identity, template, dispatcher, config, variables)


gcode_macro = PrinterObject("gcode_macro *", GcodeMacroConfig, build_gcode_macro)
