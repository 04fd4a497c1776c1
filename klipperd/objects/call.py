"""Declare G-code commands and remote procedures on the methods that serve them.

A command's parameters are the method's keyword parameters: C{target: float = param(0.0, minimum=0.0)} of
C{SET_HEATER_TEMPERATURE} is read from C{TARGET=}. The same declaration types a remote procedure's
parameters, read from JSON under their Python names. Documentation is the method's first line.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, get_type_hints

from attrs import frozen

from klipperd.errors import CommandError
from klipperd.objects.values import Limits, ValueProblem, convert, nearest

__all__ = [
    "Call",
    "Command",
    "Parameter",
    "Remote",
    "bound_arguments",
    "command",
    "commands_of",
    "json_arguments",
    "param",
    "remote",
    "remotes_of",
]

F = TypeVar("F", bound=Callable[..., Any])
_MISSING = inspect.Parameter.empty


class Call(Protocol):
    """One command on its way: what it says, and where its answers go."""

    name: str
    """The command's name, upper case."""
    raw: str
    """The line as it came, without checksum and comment."""
    text: str
    """What follows the command's name, for commands with free text such as M117."""
    params: Mapping[str, str]
    """Parameters by upper-case name."""

    def respond(self, text: str) -> None:
        """Send a line as it is (data before an C{ok}, C{// action:...}) to the command's sender."""

    def info(self, text: str) -> None:
        """Send an informative text, each line after C{// }, to everyone who listens."""

    async def run(self, script: str) -> None:
        """Run further G-code as a part of this command."""


@frozen
class _Param:
    default: Any
    limits: Limits
    name: str | None
    doc: str


def param(
    default: Any = _MISSING,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    name: str | None = None,
    doc: str = "",
) -> Any:
    """Default, limits and documentation of one parameter; required when it has no default."""
    return _Param(default, Limits(minimum, maximum, above, below), name, doc)


@frozen
class Parameter:
    """One typed parameter of a command or remote procedure."""

    argument: str
    kind: Any
    default: Any
    limits: Limits
    doc: str
    letter: str

    @property
    def required(self) -> bool:
        return self.default is _MISSING


@frozen
class Command:
    """A G-code command: its name, its parameters and the method that serves it.

    C{mux} names the parameter that picks one of several objects of the kind (C{HEATER=} picks by
    C{self.name}); C{mux_optional} lets it be left out, which picks the object whose C{mux_default} is
    true. C{when_not_ready} commands run in every state. C{immediate} ones never queue behind others.
    """

    name: str
    method: str
    parameters: tuple[Parameter, ...]
    doc: str
    mux: str | None = None
    mux_optional: bool = False
    when_not_ready: bool = False
    immediate: bool = False


@frozen
class Remote:
    """A remote procedure: its name, its parameters and the method that serves it.

    C{with_client} procedures get the asking L{klipperd.remote.procedures.Client} as first argument.
    """

    name: str
    method: str
    parameters: tuple[Parameter, ...]
    doc: str
    with_client: bool = False


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    hints = get_type_hints(function)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            continue
        declared = parameter.default
        if not isinstance(declared, _Param):
            declared = _Param(declared, Limits(), None, "")
        found.append(
            Parameter(
                name,
                hints[name],
                declared.default,
                declared.limits,
                declared.doc,
                declared.name or name.upper(),
            )
        )
    return tuple(found)


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").split("\n", 1)[0]


def command(
    *names: str,
    mux: str | None = None,
    mux_optional: bool = False,
    when_not_ready: bool = False,
    immediate: bool = False,
) -> Callable[[F], F]:
    """Mark C{async def method(self, call: Call, *, ...)} as serving the G-code commands C{names}."""

    def mark(function: F) -> F:
        parameters, doc = _parameters(function), _first_line(function)
        specs = [
            Command(name, function.__name__, parameters, doc, mux, mux_optional, when_not_ready, immediate)
            for name in names
        ]
        function.__commands__ = specs  # type: ignore[attr-defined]
        return function

    return mark


def remote(*names: str, with_client: bool = False) -> Callable[[F], F]:
    """Mark C{async def method(self, *, ...) -> Mapping} as serving the remote procedures C{names}."""

    def mark(function: F) -> F:
        parameters, doc = _parameters(function), _first_line(function)
        function.__remotes__ = [  # type: ignore[attr-defined]
            Remote(name, function.__name__, parameters, doc, with_client) for name in names
        ]
        return function

    return mark


def _marked(kind: type, attribute: str) -> Iterator[Any]:
    members: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        members.update(vars(base))
    for name in sorted(members):
        yield from getattr(members[name], attribute, ())


def commands_of(kind: type) -> list[Command]:
    """The commands that instances of C{kind} serve."""
    return list(_marked(kind, "__commands__"))


def remotes_of(kind: type) -> list[Remote]:
    """The remote procedures that instances of C{kind} serve."""
    return list(_marked(kind, "__remotes__"))


def bound_arguments(spec: Command, params: Mapping[str, str]) -> dict[str, Any]:
    """Convert a line's parameters to the keyword arguments of the method.

    @raise CommandError: naming command, parameter, value and limit. Unknown parameters are ignored, as
        macros and slicers send them.
    """
    arguments = {}
    for parameter in spec.parameters:
        text = params.get(parameter.letter)
        if text is None:
            if parameter.required:
                raise CommandError(f"{spec.name}: {parameter.letter} is missing")
            arguments[parameter.argument] = parameter.default
            continue
        try:
            arguments[parameter.argument] = convert(text, parameter.kind, parameter.limits)
        except ValueProblem as problem:
            raise CommandError(f"{spec.name}: {parameter.letter}: {problem}") from None
    return arguments


def json_arguments(spec: Remote, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check a request's parameters and give the keyword arguments of the method.

    @raise CommandError: naming procedure, parameter and value.
    """
    arguments = {}
    for parameter in spec.parameters:
        if parameter.argument not in params:
            if parameter.required:
                hint = next((nearest(p, [parameter.argument]) for p in params), "")
                raise CommandError(f"{spec.name}: parameter {parameter.argument!r} is missing{hint}")
            arguments[parameter.argument] = parameter.default
            continue
        arguments[parameter.argument] = _json_value(spec, parameter, params[parameter.argument])
    return arguments


def _json_value(spec: Remote, parameter: Parameter, value: Any) -> Any:
    if parameter.kind is Any:
        return value
    wanted = getattr(parameter.kind, "__origin__", parameter.kind)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    matching = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
    if not matching:
        names = getattr(parameter.kind, "__name__", str(parameter.kind))
        raise CommandError(f"{spec.name}: parameter {parameter.argument!r}: {value!r} is no {names}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            parameter.limits.check(value)
        except ValueProblem as problem:
            raise CommandError(f"{spec.name}: parameter {parameter.argument!r}: {problem}") from None
    return value
