"""The methods of a running broker, found by name or by HTTP route."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from brokerd.errors import ApiError, Forbidden, NotFound, Unauthorized
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import ApiMethod, Component, Endpoint, HttpForm, declared
from brokerd.registry.parameters import bind

__all__ = ["BoundEndpoint", "BoundMethod", "Registry", "Route", "permit"]


def permit(caller: Caller, permission: Role) -> None:
    """Let the caller pass.

    @raise Unauthorized: if it is unknown.
    @raise Forbidden: if it is known and may not.
    """
    if caller.role >= permission:
        return
    if caller.role is Role.ANYONE:
        reason = caller.hint or "an API key, a token or a trusted address is needed"
        raise Unauthorized(f"Unauthorized: {reason}")
    raise Forbidden(f"this needs the role {permission.name.lower()}")


@frozen
class BoundMethod:
    """An API method together with the component that serves it."""

    api: ApiMethod
    component: object = field(repr=False)

    @property
    def permission(self) -> Role:
        return self.api.permission

    async def call(self, arguments: Mapping[str, Any], caller: Caller) -> Any:
        """Check and make one call.

        @raise ApiError: if it is refused or fails.
        """
        api = self.api
        permit(caller, api.permission)
        if api.persistent and caller.connection is None:
            raise NotFound(f"{api.name} needs a connection that stays, such as a websocket")
        bound = bind(api.name, api.parameters, arguments)
        if api.caller is not None:
            bound[api.caller] = caller
        return await api.function(self.component, **bound)


@frozen
class BoundEndpoint:
    """An HTTP endpoint together with the component that serves it."""

    spec: Endpoint
    component: object = field(repr=False)

    @property
    def permission(self) -> Role:
        return self.spec.permission

    async def call(self, request: Any) -> Any:
        """Serve one request; the permission was checked when it began."""
        return await self.spec.function(self.component, request)


@frozen
class Route:
    """What serves one verb and path.

    @ivar values: the values of the path's placeholders.
    """

    target: BoundMethod | BoundEndpoint
    form: HttpForm
    values: Mapping[str, str]


Fallback = Callable[[str], BoundMethod | None]


@define(eq=False, repr=False)
class Registry:
    """All methods of one broker."""

    _methods: dict[str, BoundMethod] = field(init=False, factory=dict)
    _literal: dict[tuple[str, str], tuple[BoundMethod | BoundEndpoint, HttpForm]] = field(
        init=False, factory=dict
    )
    _patterns: list[tuple[tuple[str, ...], BoundMethod | BoundEndpoint, HttpForm]] = field(
        init=False, factory=list
    )
    _quick: dict[bytes, tuple[BoundMethod, HttpForm]] = field(init=False, factory=dict)
    _components: list[Component] = field(init=False, factory=list)
    _names: dict[str, None] = field(init=False, factory=dict)
    _fallbacks: list[Fallback] = field(init=False, factory=list)

    def add(self, component: Component) -> None:
        """Serve all that a component declares.

        @raise ValueError: if a name or route is taken.
        """
        self._components.append(component)
        self._names[component.component] = None
        for spec in declared(type(component)):
            if isinstance(spec, ApiMethod):
                bound: BoundMethod | BoundEndpoint = BoundMethod(spec, component)
                if spec.name in self._methods:
                    raise ValueError(f"the method {spec.name} is declared twice")
                self._methods[spec.name] = BoundMethod(spec, component)
            else:
                bound = BoundEndpoint(spec, component)
            for http in spec.http:
                self._add_route(http, bound)

    def _add_route(self, http: HttpForm, bound: BoundMethod | BoundEndpoint) -> None:
        if http.placeholders:
            self._patterns.append((tuple(http.path.strip("/").split("/")), bound, http))
            self._patterns.sort(key=_precedence)
            return
        if (http.verb, http.path) in self._literal:
            raise ValueError(f"the route {http.text} is declared twice")
        self._literal[http.verb, http.path] = bound, http
        if http.verb == "GET" and isinstance(bound, BoundMethod):
            self._quick[http.path.encode()] = bound, http

    def add_fallback(self, find: Fallback) -> None:
        """Ask C{find} for methods that nobody declared (the motion host's own)."""
        self._fallbacks.append(find)

    @property
    def components(self) -> list[str]:
        """Names of the components, in order."""
        return list(self._names)

    @property
    def component_types(self) -> list[type]:
        """The classes of the components, in order."""
        return [type(each) for each in self._components]

    @property
    def methods(self) -> Iterable[BoundMethod]:
        return self._methods.values()

    @property
    def endpoints(self) -> list[Endpoint]:
        """All HTTP-only endpoints."""
        return [
            spec
            for component in self._components
            for spec in declared(type(component))
            if isinstance(spec, Endpoint)
        ]

    @property
    def quick(self) -> Mapping[bytes, tuple[BoundMethod, HttpForm]]:
        """The methods that a GET of a literal path reaches, by that path."""
        return self._quick

    def find(self, name: str) -> BoundMethod | None:
        """The method of that JSON-RPC name, or None."""
        found = self._methods.get(name)
        if found is None:
            for fallback in self._fallbacks:
                found = fallback(name)
                if found is not None:
                    break
        return found

    async def call(self, name: str, arguments: Mapping[str, Any], caller: Caller) -> Any:
        """Call a method by name.

        @raise ApiError: if there is none, or it is refused or fails.
        """
        found = self.find(name)
        if found is None:
            raise NotFound(f"there is no method {name!r}")
        return await found.call(arguments, caller)

    def route(self, verb: str, path: str) -> Route:
        """What serves a request.

        @raise NotFound: if no form has that path.
        @raise ApiError: with code 405, if one has, with another verb.
        """
        literal = self._literal.get((verb, path))
        if literal is not None:
            return Route(literal[0], literal[1], {})
        others = {known for known, literal_path in self._literal if literal_path == path}
        segments = path.strip("/").split("/")
        for pattern, bound, http in self._patterns:
            values = _match(pattern, segments)
            if values is None:
                continue
            if http.verb == verb:
                return Route(bound, http, values)
            others.add(http.verb)
        if others:
            raise ApiError(f"{path} takes {', '.join(sorted(others))}, not {verb}", 405)
        return self._route_to_fallback(verb, path)

    def _route_to_fallback(self, verb: str, path: str) -> Route:
        found = self.find(path.strip("/").replace("/", ".")) if verb in ("GET", "POST") else None
        if found is None:
            raise NotFound(f"there is nothing at {path}")
        return Route(found, HttpForm(verb, path), {})


def _precedence(entry: tuple[tuple[str, ...], object, HttpForm]) -> tuple[int, int]:
    """Longer patterns first, and of those as long the ones with fewer placeholders."""
    pattern, _, http = entry
    return -len(pattern), len(http.placeholders)


def _match(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    """The placeholders' values if the path fits the pattern; the last placeholder takes all that is left."""
    if len(segments) < len(pattern):
        return None
    values = {}
    for index, part in enumerate(pattern):
        last = index == len(pattern) - 1
        if part.startswith("{"):
            value = "/".join(segments[index:]) if last else segments[index]
            if not value:
                return None
            values[part[1:-1]] = value
        elif part != segments[index] or (last and len(segments) > len(pattern)):
            return None
    return values
