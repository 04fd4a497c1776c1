"""What is served, for people and as an OpenAPI document, made of the declarations alone; imported late."""

from collections.abc import Iterable
from typing import Any

from brokerd import SERVER_VERSION
from brokerd.notifications import Notification
from brokerd.registry.declare import ApiMethod, Endpoint, HttpForm, declared, shape, shapes
from brokerd.registry.results import component_schemas, result_schema

__all__ = ["markdown_api", "openapi"]

shape("Error", "{error: {code: int, message: str}}")


def openapi(components: Iterable[type], notifications: Iterable[Notification] = ()) -> dict[str, Any]:
    """An OpenAPI 3.1 document of the HTTP forms, and of what is sent unasked to connections that stay."""
    unasked = {
        each.name: {"summary": each.doc, "params": [result_schema(text) for text in each.params]}
        for each in sorted(notifications, key=lambda each: each.name)
    }
    paths: dict[str, dict[str, Any]] = {}
    for component in components:
        for spec in declared(component):
            for http in spec.http:
                paths.setdefault(http.path, {})[http.verb.lower()] = _operation(component, spec, http)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Printer API", "version": SERVER_VERSION},
        "paths": paths,
        **({"x-notifications": unasked} if unasked else {}),
        "components": {
            "schemas": component_schemas(paths, unasked),
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
            },
        },
        "security": [{}, {"apiKey": []}, {"token": []}],
    }


def _operation(component: type, spec: ApiMethod | Endpoint, http: HttpForm) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": spec.doc,
        "tags": [getattr(component, "component", "")],
        "parameters": [_path_parameter(name) for name in http.placeholders],
        "responses": {
            ("201" if isinstance(spec, Endpoint) and spec.upload else "200"): _response(spec),
            "default": {
                "description": "an error",
                "content": {"application/json": {"schema": result_schema("Error")}},
            },
        },
    }
    if isinstance(spec, ApiMethod):
        operation["operationId"] = f"{spec.name} {http.verb.lower()}"
        if http.arguments is None:
            _add_arguments(operation, spec, http)
    elif spec.upload:
        operation["requestBody"] = {"content": {"multipart/form-data": {"schema": {"type": "object"}}}}
    return operation


def _response(spec: ApiMethod | Endpoint) -> dict[str, Any]:
    """What comes when all went well: a method's result is wrapped, an endpoint's is the whole body."""
    schema = result_schema(spec.result)
    if isinstance(spec, ApiMethod):
        schema = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    kind = "*/*" if spec.result == "bytes" else "application/json"
    return {"description": spec.doc, "content": {kind: {"schema": schema}}}


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


def markdown_api(components: Iterable[type], notifications: Iterable[Notification] = ()) -> str:
    """All for people: methods and endpoints with forms, role, parameters and result, notifications, types."""
    components, notifications = list(components), sorted(notifications, key=lambda each: each.name)
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
    lines += _notified(notifications)
    results = [spec.result for component in components for spec in declared(component)]
    return "\n".join([*lines, *_types([*results, *(text for each in notifications for text in each.params)])])


def _notified(notifications: Iterable[Notification]) -> list[str]:
    lines = [
        "## Notifications",
        "",
        "Sent unasked over websocket, unix socket and MQTT: JSON-RPC requests without an id.",
        "",
    ]
    for each in notifications:
        params = ", ".join(_shown_result(text) for text in each.params) or "none"
        lines += [
            f"### `{each.name}`",
            "",
            f"{each.doc[0].upper()}{each.doc[1:]}.",
            "",
            f"Parameters: {params}",
            "",
        ]
    return lines


def _types(results: Iterable[str]) -> list[str]:
    """The types that these are made of, in the notation of the declarations."""
    lines = [
        "## Types of results",
        "",
        "`{name: T}` is an object with that key, `name?` a key that may be missing, `{*: T}` an object with",
        "any keys, `...` other keys that are not listed, `[T]` a list, `|` one of several, `num` a number.",
        "The same as JSON schemas: [openapi.json](openapi.json).",
        "",
    ]
    for name in component_schemas(*map(result_schema, results)):
        lines += [f"### {name}", "", "```", *shapes()[name].splitlines(), "```", ""]
    return lines


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
    return [*lines, *([""] if lines[-1] else []), f"Result: {_shown_result(spec.result)}", ""]


def _shown_result(text: str) -> str:
    if text == "bytes":
        return "the file"
    if text in shapes():
        return f"[{text}](#{text.lower()})"
    return f"`{text}`"


def _kind(schema: Any) -> str:
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("type", "any"))
