"""The config reference and the JSON schema, both read from the declarations of the printer objects."""

import inspect
from collections.abc import Iterator
from typing import Any

from klipperd.objects.catalogue import Catalogue
from klipperd.objects.declare import PrinterObject
from klipperd.objects.option import Choice, Group, Option, Wildcard, config_members
from klipperd.objects.section import option_names
from klipperd.objects.values import describe_type

__all__ = ["json_schema", "markdown_reference"]

_JSON_TYPES = {"number": "number", "whole number": "integer", "True or False": "boolean"}


def markdown_reference(catalogue: Catalogue) -> str:
    """The whole reference as Markdown: a heading a section, its options, commands and status fields."""
    parts = ["# Configuration reference\n\nGenerated from the declarations in `klipperd/printer/`.\n"]
    for declared in sorted(catalogue.objects, key=lambda o: o.section):
        parts.extend(_section(declared))
    return "\n".join(parts)


def _section(declared: PrinterObject) -> Iterator[str]:
    title = declared.section if declared.internal else f"[{declared.section}]"
    yield f"## {title}\n"
    yield (inspect.getdoc(declared.config) or "").replace("C{", "`").replace("L{", "`").replace(
        "}", "`"
    ) + "\n"
    options = list(_options(declared.config, ""))
    if options:
        yield "| option | type | default | meaning |\n|---|---|---|---|"
        yield "\n".join(options) + "\n"
    commands = declared.commands()
    if commands:
        yield "Commands:\n"
        for spec in commands:
            words = [f"{p.letter}=" if p.required else f"[{p.letter}=]" for p in spec.parameters]
            mux = [f"{spec.mux}="] if spec.mux else []
            yield f"- `{' '.join([spec.name, *mux, *words])}`: {spec.doc}"
        yield ""
    fields = declared.status_fields()
    if fields:
        yield "Status:\n"
        yield "\n".join(f"- `{name}`: {doc}" for name, doc in fields.items()) + "\n"


def _options(config: type, condition: str) -> Iterator[str]:
    for _, member in config_members(config):
        if isinstance(member, Group):
            yield from _options(member.kind, condition)
        elif isinstance(member, Choice):
            allowed = ", ".join(member.kinds)
            yield _row(member.by, condition, f"one of {allowed}")
            for value, kind in member.kinds.items():
                yield from _options(kind, f"{member.by.name}: {value}")
            if member.otherwise:
                yield from _options(member.otherwise, f"other {member.by.name}")
        elif isinstance(member, Wildcard):
            yield f"| `{member.prefix}<name>` | text | | {member.doc} |"
        else:
            yield _row(member, condition, describe_type(member.kind))


def _row(wanted: Option, condition: str, kind: str) -> str:
    limits = wanted.limits.describe()
    default = "required" if wanted.required else ("" if wanted.default is None else f"`{wanted.default}`")
    meaning = wanted.doc + (f" ({condition})" if condition else "")
    return (
        f"| `{wanted.name}` | {' '.join(filter(None, (kind, limits, wanted.unit)))} | {default} | {meaning} |"
    )


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """JSON schema (2020-12) of printer.cfg as section -> option -> value; names with C{*} and C{#} become
    pattern properties."""
    exact: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for declared in catalogue.objects:
        if declared.internal:
            continue
        schema = _section_schema(declared.config)
        if set("*#") & set(declared.section):
            patterns[f"^{declared.pattern()}$"] = schema
        else:
            exact[declared.section] = schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": exact,
        "patternProperties": patterns,
        "additionalProperties": False,
    }


def _section_schema(config: type) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for member in option_names(config):
        if isinstance(member, Wildcard):
            patterns[f"^{member.prefix}"] = {"description": member.doc}
            continue
        properties.setdefault(member.name, _option_schema(member))
    required = [m.name for _, m in config_members(config) if isinstance(m, Option) and m.required]
    schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
    return {**schema, "patternProperties": patterns} if patterns else schema


def _option_schema(wanted: Option) -> dict[str, Any]:
    kind = describe_type(wanted.kind)
    schema: dict[str, Any] = {"description": wanted.doc, "type": _JSON_TYPES.get(kind, "string")}
    if kind.startswith("one of "):
        schema["enum"] = kind.removeprefix("one of ").split(", ")
    bounds = {
        "minimum": wanted.limits.minimum,
        "maximum": wanted.limits.maximum,
        "exclusiveMinimum": wanted.limits.above,
        "exclusiveMaximum": wanted.limits.below,
    }
    if schema["type"] in ("number", "integer"):
        schema.update({name: bound for name, bound in bounds.items() if bound is not None})
    return schema
