"""What is served, as lists and as an OpenAPI document; both come from the declarations alone."""

from collections.abc import Iterable
from typing import Any

from attrs import frozen

from brokerd import SERVER_VERSION
from brokerd.registry.declare import ApiMethod, Endpoint, HttpForm, declared

__all__ = ["Served", "markdown_api", "openapi", "served_by"]


@frozen
class Served:
    """Names of all that a set of components serves.

    @ivar rpc: JSON-RPC method names.
    @ivar http: HTTP forms, such as C{"GET /server/info"}.
    """

    rpc: tuple[str, ...]
    http: tuple[str, ...]


def served_by(components: Iterable[type]) -> Served:
    """What these component classes declare."""
    specs = [spec for component in components for spec in declared(component)]
    rpc = sorted(spec.name for spec in specs if isinstance(spec, ApiMethod))
    http = sorted(each.text for spec in specs for each in spec.http)
    return Served(tuple(rpc), tuple(http))


def openapi(components: Iterable[type]) -> dict[str, Any]:
    """An OpenAPI 3.1 document of the HTTP forms."""
    paths: dict[str, dict[str, Any]] = {}
    for component in components:
        for spec in declared(component):
            for http in spec.http:
                paths.setdefault(http.path, {})[http.verb.lower()] = _operation(component, spec, http)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Printer API", "version": SERVER_VERSION},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            }
        },
        "security": [{}, {"apiKey": []}, {"token": []}],
    }


def _operation(component: type, spec: ApiMethod | Endpoint, http: HttpForm) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": spec.doc,
        "tags": [getattr(component, "component", "")],
        "parameters": [_path_parameter(name) for name in http.placeholders],
        "responses": {
            "200": {"description": spec.result},
            "default": {"description": "an error: {error: {code, message}}"},
        },
    }
    if isinstance(spec, ApiMethod):
        operation["operationId"] = f"{spec.name} {http.verb.lower()}"
        if http.arguments is None:
            _add_arguments(operation, spec, http)
    elif spec.upload:
        operation["requestBody"] = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    return operation


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _add_arguments(operation: dict[str, Any], spec: ApiMethod, http: HttpForm) -> None:
    if http.verb == "POST" and spec.parameters:
        schema = {
            "type": "object",
            "properties": {each.name: dict(each.type.schema) for each in spec.parameters if not each.others},
            "required": [each.name for each in spec.parameters if each.required and not each.others],
            "additionalProperties": True,
        }
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
        return
    operation["parameters"] += [
        {
            "name": each.name,
            "in": "query",
            "required": each.required and not each.others,
            "description": each.doc,
            "schema": dict(each.type.schema),
            **({"style": "form", "explode": True} if each.others else {}),
        }
        for each in spec.parameters
    ]


def markdown_api(components: Iterable[type]) -> str:
    """All methods and endpoints for people: forms, role, parameters, result."""
    lines = [
        "# The API",
        "",
        "Written by `appliance reference` from the declarations. Each method is served over websocket and",
        "unix socket, by `POST /server/jsonrpc`, over MQTT where that is configured, and in the HTTP forms",
        "named here.",
        "",
    ]
    group = ""
    for component in components:
        name = getattr(component, "component", "")
        if name != group:
            group = name
            lines += [f"## {name}", ""]
        for spec in declared(component):
            lines += _described(spec)
    return "\n".join(lines)


def _described(spec: ApiMethod | Endpoint) -> list[str]:
    forms = [f"`{each.text}`" for each in spec.http]
    title = f"`{spec.name}`" if isinstance(spec, ApiMethod) else forms.pop(0)
    facts = [", ".join(forms)] if forms else []
    if isinstance(spec, ApiMethod) and spec.persistent:
        facts.append("on lasting connections alone")
    facts.append(f"role: {spec.permission.name.lower()}")
    lines = [f"### {title}", "", f"{spec.doc} ({'; '.join(facts)})", ""]
    for each in spec.parameters if isinstance(spec, ApiMethod) else ():
        kind = _kind(each.type.schema)
        default = "required" if each.required else f"default {each.default!r}"
        lines.append(f"- `{each.name}` ({kind}, {default}): {each.doc}".rstrip(": "))
    return [*lines, *([""] if lines[-1] else []), f"Result: {spec.result}", ""]


def _kind(schema: Any) -> str:
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("type", "any"))
