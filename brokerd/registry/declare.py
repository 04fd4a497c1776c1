"""Declaring API methods beside their code.

::

    class WebcamMethods:
        component = "webcam"

        @method("server.webcams.get_item", "GET /server/webcams/item", result="{webcam: Webcam}")
        async def get_item(self, uid: Annotated[str, "identifier of the webcam"]) -> dict[str, Any]:
            "One webcam."

The JSON-RPC name, the HTTP forms, the typed parameters, the typed result (L{brokerd.registry.results} has its
notation), the permission and the documentation are all in that one place. What has no JSON-RPC form
(uploads, downloads, other systems' paths) is an C{endpoint}.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from attrs import field, frozen

from brokerd.registry.caller import Role
from brokerd.registry.parameters import Parameter, signature_parameters

__all__ = [
    "ApiMethod",
    "Component",
    "Endpoint",
    "HttpForm",
    "declared",
    "endpoint",
    "form",
    "method",
    "shape",
    "shapes",
]

F = TypeVar("F", bound=Callable[..., Awaitable[Any]])
Arguments = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_MARK = "__api__"


class Component(Protocol):
    """A group of API methods; its name is listed by C{server.info}."""

    component: ClassVar[str]


@frozen
class HttpForm:
    """One HTTP form of a method.

    @ivar path: literal, or with C{{name}} segments; the last of these takes the rest of the path.
    @ivar arguments: turns the request's arguments (path, query, body) into the method's, or None.
    """

    verb: str
    path: str
    arguments: Arguments | None = None

    @property
    def text(self) -> str:
        return f"{self.verb} {self.path}"

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))


def form(text: str, arguments: Arguments | None = None) -> HttpForm:
    """An HTTP form from its text, such as C{"GET /server/info"}."""
    verb, path = text.split(" ", 1)
    return HttpForm(verb, path, arguments)


@frozen
class ApiMethod:
    """The declaration of a method.

    @ivar name: its JSON-RPC name.
    @ivar persistent: True if it makes sense only on a connection that stays.
    @ivar result: what it returns, in the notation of L{brokerd.registry.results}.
    """

    name: str
    http: tuple[HttpForm, ...]
    permission: Role
    persistent: bool
    result: str
    doc: str
    parameters: tuple[Parameter, ...]
    caller: str | None
    function: Callable[..., Awaitable[Any]] = field(repr=False)


@frozen
class Endpoint:
    """The declaration of an HTTP-only form; its function takes the request and returns a reply.

    @ivar upload: True if the body is a file, to be streamed to disk.
    @ivar result: what it returns, as with methods; all of the body, there is nothing around it.
    """

    http: tuple[HttpForm, ...]
    permission: Role
    upload: bool
    result: str
    doc: str
    function: Callable[..., Awaitable[Any]] = field(repr=False)


_shapes: dict[str, str] = {}


def shape(name: str, text: str) -> str:
    """Name a type of results that is long, or used by several methods; returns the name.

    @raise ValueError: if the name is taken.
    """
    if name in _shapes:
        raise ValueError(f"the shape {name} is declared twice")
    _shapes[name] = text
    return name


def shapes() -> Mapping[str, str]:
    """The named types of all imported parts of the broker, by name."""
    return _shapes


def _first_line(function: Callable[..., Any]) -> str:
    doc = inspect.getdoc(function)
    if not doc:
        raise TypeError(f"{function.__qualname__}: an API method needs a line of documentation")
    return doc.splitlines()[0]


def _forms(http: tuple[str | HttpForm, ...]) -> tuple[HttpForm, ...]:
    return tuple(each if isinstance(each, HttpForm) else form(each) for each in http)


def method(
    name: str,
    *http: str | HttpForm,
    result: str,
    permission: Role = Role.OPERATOR,
    persistent: bool = False,
) -> Callable[[F], F]:
    """Declare a coroutine function of a component as an API method."""

    def mark(function: F) -> F:
        parameters, caller = signature_parameters(function)
        doc = _first_line(function)
        api = ApiMethod(name, _forms(http), permission, persistent, result, doc, parameters, caller, function)
        setattr(function, _MARK, api)
        return function

    return mark


def endpoint(
    *http: str | HttpForm, result: str, permission: Role = Role.VIEWER, upload: bool = False
) -> Callable[[F], F]:
    """Declare a coroutine function of a component as an HTTP-only endpoint."""

    def mark(function: F) -> F:
        spec = Endpoint(_forms(http), permission, upload, result, _first_line(function), function)
        setattr(function, _MARK, spec)
        return function

    return mark


def declared(component: type) -> list[ApiMethod | Endpoint]:
    """All that a component class declares, in the order of its code."""
    found = []
    for base in reversed(component.__mro__):
        for attribute in vars(base).values():
            spec = getattr(attribute, _MARK, None)
            if spec is not None:
                found.append(spec)
    return found
