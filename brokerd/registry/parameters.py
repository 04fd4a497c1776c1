"""Parameters of API methods: read from a function's signature, checked and converted for each call.

JSON callers give typed values and query strings give text, so each conversion takes both: C{"5"} is
an integer where one is wanted. A value that cannot be read is a C{ValueError} that names what was expected.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import orjson
from attrs import frozen

from brokerd.errors import BadRequest
from brokerd.registry.caller import Caller

__all__ = ["OTHERS", "Parameter", "ParameterType", "bind", "parameter_type", "signature_parameters"]

# Third member of an C{Annotated} mapping: it takes all arguments that no other parameter is named after.
OTHERS = "all other arguments"
# Arguments of the request itself.
_OURS = frozenset(("token", "access_token", "api_key", "mqtt_timestamp"))
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}


@frozen
class ParameterType:
    """How a value is checked.

    @ivar schema: its JSON schema.
    @ivar convert: gives the value, or raises C{ValueError}.
    """

    schema: Mapping[str, Any]
    convert: Callable[[Any], Any]


@frozen
class Parameter:
    """One parameter of a method.

    @ivar default: used when the caller gives none; C{inspect.Parameter.empty} if it must.
    @ivar others: whether it takes all arguments that no other parameter is named after.
    """

    name: str
    type: ParameterType
    default: Any
    doc: str
    others: bool = False

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("a string")


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("an integer")
    if isinstance(value, int):
        return value
    try:
        number = float(value)
        if number != int(number):
            raise ValueError
        return int(value) if isinstance(value, str) and "." not in value else int(number)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("an integer")


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("a number")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError("a number")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower() if isinstance(value, str | int) else ""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError("true or false")


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = _parsed(value, "an object")
    if isinstance(value, dict):
        return value
    raise ValueError("an object")


def _parsed(text: str, expected: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise ValueError(expected)


def _list_of(item: ParameterType) -> ParameterType:
    def convert(value: Any) -> list[Any]:
        if isinstance(value, str):
            parsed = _parsed(value, "a list") if value.startswith("[") else value.split(",")
            value = [text.strip() if isinstance(text, str) else text for text in parsed]
        if not isinstance(value, list):
            raise ValueError("a list")
        return [item.convert(each) for each in value]

    return ParameterType({"type": "array", "items": dict(item.schema)}, convert)


def _one_of(choices: tuple[Any, ...]) -> ParameterType:
    def convert(value: Any) -> Any:
        if value in choices:
            return value
        raise ValueError("one of " + ", ".join(map(str, choices)))

    return ParameterType({"enum": list(choices)}, convert)


def _either(members: list[ParameterType], nullable: bool) -> ParameterType:
    def convert(value: Any) -> Any:
        if value is None and nullable:
            return None
        expected = []
        for member in members:
            try:
                return member.convert(value)
            except ValueError as error:
                expected.append(str(error))
        raise ValueError(" or ".join(expected))

    schemas = [dict(member.schema) for member in members] + ([{"type": "null"}] if nullable else [])
    return ParameterType(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, convert)


_PLAIN: dict[Any, ParameterType] = {
    Any: ParameterType({}, lambda value: value),
    str: ParameterType({"type": "string"}, _text),
    int: ParameterType({"type": "integer"}, _integer),
    float: ParameterType({"type": "number"}, _number),
    bool: ParameterType({"type": "boolean"}, _boolean),
    dict: ParameterType({"type": "object"}, _object),
}


def parameter_type(annotation: Any) -> ParameterType:
    """The parameter type that an annotation stands for.

    @raise TypeError: for an annotation that has no JSON form (a fault in the declaration).
    """
    plain = _PLAIN.get(annotation)
    if plain is not None:
        return plain
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return parameter_type(arguments[0])
    if origin is list:
        return _list_of(parameter_type(arguments[0]))
    if origin is dict:
        return _PLAIN[dict]
    if origin is Literal:
        return _one_of(arguments)
    if origin in (Union, types.UnionType):
        members = [parameter_type(each) for each in arguments if each is not type(None)]
        return _either(members, len(members) < len(arguments))
    raise TypeError(f"no parameter type for {annotation!r}")


def signature_parameters(function: Callable[..., Any]) -> tuple[tuple[Parameter, ...], str | None]:
    """What a method takes: its parameters, and the name of the one that receives the L{Caller} (or None).

    A parameter's documentation is the second member of its C{Annotated} type.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters, caller = [], None
    for name, each in list(inspect.signature(function).parameters.items())[1:]:
        hint = hints[name]
        if hint is Caller:
            caller = name
            continue
        others = OTHERS in get_args(hint)[2:]
        parameters.append(Parameter(name, parameter_type(hint), each.default, _doc(hint), others))
    return tuple(parameters), caller


def _doc(hint: Any) -> str:
    """The text of the first C{Annotated} in a type."""
    arguments = get_args(hint)
    if get_origin(hint) is Annotated:
        return str(arguments[1])
    if get_origin(hint) in (Union, types.UnionType):
        return next(filter(None, map(_doc, arguments)), "")
    return ""


def bind(method: str, parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments of one call. Names that the method does not know are ignored, as peers do.

    @raise BadRequest: naming the method, the argument, what was expected and what came.
    """
    bound = {}
    for parameter in parameters:
        name = parameter.name
        if parameter.others:
            known = {each.name for each in parameters} | _OURS
            bound[name] = {each: given[each] for each in given if each not in known}
            continue
        if name not in given:
            if parameter.required:
                raise BadRequest(f"{method}: no argument {name!r}")
            continue
        value = given[name]
        if value is None and not parameter.required:
            continue
        try:
            bound[name] = parameter.type.convert(value)
        except ValueError as error:
            raise BadRequest(f"{method}: argument {name!r} must be {error}, not {_shown(value)}")
    return bound


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
