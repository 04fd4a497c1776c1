"""The reference of the broker's configuration, made from the declarations of its sections."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

import attrs

from brokerd.options import Option, SectionDeclaration, members

__all__ = ["config_reference"]

_INTRODUCTION = """# Options of moonraker.conf

Made from the declarations by `appliance reference docs/reference`. A section marked *any number* takes a name
of your choice, as in `[power printer]`. Options in *italics* may be templates that know your secrets.
"""
_NAMES = {str: "text", int: "integer", float: "number", bool: "True or False"}


def config_reference(declared: Iterable[SectionDeclaration]) -> str:
    """Markdown of all sections, in alphabetical order."""
    return "\n".join([_INTRODUCTION, *_sections(declared)]) + "\n"


def _sections(declared: Iterable[SectionDeclaration]) -> Iterator[str]:
    for each in sorted(declared, key=lambda declaration: (declaration.name, declaration.named)):
        number = " (any number)" if each.named else ""
        yield f"## `[{each.name}{' NAME' if each.named else ''}]`{number}\n"
        if each.by is None:
            yield from _class(each.config)
            continue
        yield f"{_doc(each.config)} The option `{each.by}` chooses among:\n"
        for kind, config in each.kinds.items():
            yield f"### `{each.by}: {kind}`\n"
            yield from _options(config)


def _class(config: type) -> Iterator[str]:
    yield f"{_doc(config)}\n"
    yield from _options(config)


def _options(config: type) -> Iterator[str]:
    options = members(config)
    if not options:
        return
    yield "| option | value | default | |\n|---|---|---|---|"
    for each in options:
        name = f"{each.name}NAME" if each.wildcard else each.name
        shown = f"*`{name}`*" if each.template else f"`{name}`"
        doc = each.doc.replace("|", "\\|")
        yield f"| {shown} | {_value(each)} | {_default(each)} | {doc} |"
    yield ""


def _value(each: Option) -> str:
    kinds = [kind for kind in get_args(each.kind) if kind is not type(None)]
    kind = kinds[0] if get_origin(each.kind) is not Literal and len(kinds) == 1 else each.kind
    if get_origin(kind) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(kind))
    if each.convert is not None or each.wildcard:
        return "see right"
    if get_origin(kind) in (list, tuple) or (kinds and get_origin(each.kind) in (list, tuple)):
        return "list"
    text = _NAMES.get(kind, getattr(kind, "__name__", "text").lower())
    return f"{text}{_limits(each)}"


def _limits(each: Option) -> str:
    if each.minimum is not None and each.maximum is not None:
        return f", {each.minimum:.10g} to {each.maximum:.10g}"
    if each.above is not None:
        return f", above {each.above:g}"
    return f", {each.minimum:.10g} or more" if each.minimum is not None else ""


def _default(each: Option) -> str:
    default: Any = each.default
    if each.required:
        return "**needed**"
    if isinstance(default, attrs.Factory) or default in (None, "", (), []):  # type: ignore[arg-type]
        return ""
    if isinstance(default, tuple | list):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default}`"


def _doc(config: type) -> str:
    """The class's first line, without its markup."""
    text = (inspect.getdoc(config) or "").splitlines()[0]
    return text.replace("C{", "`").replace("}", "`")
