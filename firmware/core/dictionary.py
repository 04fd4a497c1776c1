"""Collect the declarations of all objects of a firmware, and write its tables and data dictionary.

Usage: dictionary.py --version V --build-versions B --output generated.c [--json FILE] OBJECT...

Each object file carries its declarations as text lines in the section C{.mcu.declarations} (see
core/declare.h). The output is the same for the same declarations: no time, path or order of objects
enters it. Needs Python 3.8 or later and its standard library alone.
"""

import argparse
import ast
import json
import operator
import re
import struct
import sys
import zlib
from pathlib import Path

SECTION = b".mcu.declarations"
PARAMETER_TYPES = {
    "%c": "PARAMETER_UNSIGNED",
    "%hu": "PARAMETER_UNSIGNED",
    "%u": "PARAMETER_UNSIGNED",
    "%hi": "PARAMETER_SIGNED",
    "%i": "PARAMETER_SIGNED",
    "%*s": "PARAMETER_BYTES",
    "%.*s": "PARAMETER_BYTES",
}
FIXED_RESPONSE = "identify_response offset=%u data=%.*s"  # id 0
FIXED_COMMAND = "identify offset=%u count=%c"  # id 1
WORDS_MAX = 16  # MESSAGE_WORDS_MAX of core/message.h
CONTENT_MAX = 59


class DeclarationError(Exception):
    """A declaration that can't be served; the message names it."""


def section(image: bytes, name: bytes) -> bytes:
    """The contents of an ELF file's section (either class, either byte order); empty without one."""
    if image[:4] != b"\x7fELF":
        raise DeclarationError("not an ELF object (link-time optimisation is not supported)")
    order = "<" if image[5] == 1 else ">"
    wide = image[4] == 2
    offset = struct.unpack_from(order + ("Q" if wide else "I"), image, 0x28 if wide else 0x20)[0]
    size, count, names_index = struct.unpack_from(order + "HHH", image, 0x3A if wide else 0x2E)

    def header(index: int) -> tuple[int, int, int]:
        at = offset + index * size
        name_offset = struct.unpack_from(order + "I", image, at)[0]
        where = struct.unpack_from(order + ("QQ" if wide else "II"), image, at + (0x18 if wide else 0x10))
        return name_offset, where[0], where[1]

    _, names, _ = header(names_index)
    found = b""
    for index in range(count):
        name_offset, start, length = header(index)
        at = names + name_offset
        if image[at : image.index(b"\0", at)] == name:
            found += image[start : start + length]
    return found


OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}


def number(expression: str) -> int:
    """The value of a C integer expression made of literals."""

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            return int(OPERATIONS[type(node.op)](value(node.left), value(node.right)))
        raise DeclarationError(f"not a number: {expression!r}")

    plain = re.sub(r"\b(0[xX][0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1", expression)
    try:
        return value(ast.parse(plain.strip(), mode="eval").body)
    except SyntaxError:
        raise DeclarationError(f"not a number: {expression!r}") from None


def parameters(message: str) -> list[str]:
    """The parameter types of a message format."""
    words = message.split(" ")
    types = []
    for word in words[1:]:
        name, equals, kind = word.partition("=")
        if not name.isidentifier() or not equals or kind not in PARAMETER_TYPES:
            raise DeclarationError(f"bad parameter {word!r} in {message!r}")
        types.append(PARAMETER_TYPES[kind])
    if len(types) + types.count("PARAMETER_BYTES") > WORDS_MAX:
        raise DeclarationError(f"more than {WORDS_MAX} parameter words in {message!r}")
    return types


class Declarations:
    """All declarations, sorted by what they are."""

    def __init__(self) -> None:
        self.commands: dict[str, tuple[str, bool]] = {}  # format -> function, runs while shut down
        self.responses: dict[str, str] = {}  # C name -> format
        self.reasons: dict[str, str] = {}  # C name -> text
        self.constants: dict[str, int | str] = {}
        self.enumerations: dict[str, dict[str, int | list[int]]] = {}
        self.inits: list[str] = []
        self.tasks: list[str] = []
        self.on_shutdowns: list[str] = []

    def _set(self, table: dict, key: str, value: object, what: str) -> None:
        if table.setdefault(key, value) != value:
            raise DeclarationError(f"{what} {key!r} is declared twice: {table[key]!r} and {value!r}")

    def add(self, line: str) -> None:
        """Take one line of a declarations section."""
        kind, _, rest = line.partition(" ")
        first, _, tail = rest.partition(" ")
        if kind in ("command", "command_always"):
            self._set(self.commands, tail, (first, kind == "command_always"), "command")
        elif kind == "response":
            self._set(self.responses, first, tail, "response")
        elif kind == "reason":
            self._set(self.reasons, first, tail, "reason")
        elif kind == "constant":
            self._set(self.constants, first, number(tail), "constant")
        elif kind == "constant_str":
            self._set(self.constants, first, tail, "constant")
        elif kind in ("enumeration", "enumeration_range"):
            self._add_enumeration(kind, first, tail)
        elif kind in ("init", "task", "on_shutdown"):
            functions = getattr(self, kind + "s")
            if rest not in functions:
                functions.append(rest)
        else:
            raise DeclarationError(f"unknown declaration {line!r}")

    def _add_enumeration(self, kind: str, name: str, tail: str) -> None:
        word, count, value = tail.split(" ", 2)
        entry: int | list[int] = number(value)
        if kind == "enumeration_range":
            entry = [number(value), number(count)]
        self._set(self.enumerations.setdefault(name, {}), word, entry, f"enumeration {name}")

    def name_reasons(self) -> dict[str, int]:
        """Number the reasons and list them as an enumeration; text -> number (from 2, as a 0 means none)."""
        numbers = {text: 2 + i for i, text in enumerate(sorted(set(self.reasons.values())))}
        for text, value in numbers.items():
            self._set(self.enumerations.setdefault("static_string_id", {}), text, value, "reason")
        return numbers

    def number_messages(self) -> tuple[dict[str, int], dict[str, int]]:
        """Ids of commands and of responses by format: one byte on the wire as long as they last."""
        commands = [FIXED_COMMAND, *sorted(set(self.commands) - {FIXED_COMMAND})]
        responses = sorted(set(self.responses.values()) - {FIXED_RESPONSE})
        command_ids = {message: 1 + i for i, message in enumerate(commands)}
        spare = [*range(len(commands) + 1, 96), *range(-32, 0), *range(max(96, len(commands) + 1), 4096)]
        return command_ids, {FIXED_RESPONSE: 0, **dict(zip(responses, spare))}  # noqa: B905


def read_declarations(paths: list[Path]) -> Declarations:
    """Collect from object files; a DeclarationError names the file."""
    declarations = Declarations()
    for path in sorted(paths):
        for line in section(path.read_bytes(), SECTION).split(b"\0"):
            if not line:
                continue
            try:
                declarations.add(line.decode("ascii"))
            except (DeclarationError, ValueError) as error:
                raise DeclarationError(f"{path.name}: {error}") from None
    if FIXED_COMMAND not in declarations.commands or FIXED_RESPONSE not in declarations.responses.values():
        raise DeclarationError("identify is missing")
    if "MCU" not in declarations.constants:
        raise DeclarationError('the target declares no DECL_CONSTANT_STR("MCU", ...)')
    return declarations


def write_bytes(name: str, data: bytes) -> list[str]:
    lines = [f"const uint8_t {name}[] IN_FLASH = {{"]
    for at in range(0, len(data), 24):
        lines.append("    " + " ".join(f"{byte}," for byte in data[at : at + 24]))
    return [*lines, "};", f"const uint32_t {name}_size = {len(data)};", ""]


def write_calls(name: str, functions: list[str]) -> list[str]:
    externs = [f"void {function}(void);" for function in functions]
    return [*externs, f"void {name}(void)", "{", *(f"    {function}();" for function in functions), "}", ""]


class TypeTables:
    """One C array per distinct list of parameter types."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._names: dict[tuple[str, ...], str] = {}

    def name(self, types: list[str]) -> str:
        """The C expression for a list of types; adds its array on first use."""
        if not types:
            return "0"
        key = tuple(types)
        if key not in self._names:
            self._names[key] = f"types_{len(self._names)}"
            self.lines.append(f"static const uint8_t {self._names[key]}[] IN_FLASH = {{{', '.join(types)}}};")
        return self._names[key]


def write_source(declarations: Declarations, version: str, build_versions: str) -> tuple[str, bytes]:
    """The C file and the dictionary's JSON."""
    reasons = declarations.name_reasons()
    command_ids, response_ids = declarations.number_messages()
    dictionary = {
        "app": "klipper-appliance",
        "version": version,
        "license": "",
        "build_versions": build_versions,
        "config": declarations.constants,
        "commands": command_ids,
        "responses": response_ids,
        "enumerations": declarations.enumerations,
        "output": {},
    }
    text = json.dumps(dictionary, separators=(",", ":"), sort_keys=True).encode("ascii")

    types = TypeTables()
    prototypes, table, responses = [], [], []
    for message in command_ids:
        function, always = declarations.commands[message]
        kinds = parameters(message)
        prototypes.append(f"void {function}(const message_word *args);")
        flags = "COMMAND_WHILE_SHUT_DOWN" if always else "0"
        table.append(f"    {{{function}, {types.name(kinds)}, {len(kinds)}, {flags}}}, /* {message} */")
    for name, message in sorted(declarations.responses.items()):
        kinds = parameters(message)
        values = f"{{{response_ids[message]}, {len(kinds)}, {types.name(kinds)}}}"
        responses.append(f"const struct message_format {name} IN_FLASH = {values}; /* {message} */")

    lines = [
        "/* Written by core/dictionary.py. */",
        '#include "core/generated.h"',
        "",
        *types.lines,
        "",
        *prototypes,
        "const struct command generated_commands[] IN_FLASH = {",
        *table,
        "};",
        f"const uint16_t generated_command_count = {len(table)};",
        "",
        *(f"extern const uint16_t {name};" for name in sorted(declarations.reasons)),
        *(
            f"const uint16_t {name} IN_FLASH = {reasons[text]}; /* {text} */"
            for name, text in sorted(declarations.reasons.items())
        ),
        "",
        *(f"extern const struct message_format {name};" for name in sorted(declarations.responses)),
        *responses,
        "",
        *write_calls("generated_run_inits", sorted(declarations.inits)),
        *write_calls("generated_run_tasks", sorted(declarations.tasks)),
        *write_calls("generated_run_on_shutdown", sorted(declarations.on_shutdowns)),
        *write_bytes("generated_dictionary", zlib.compress(text, 9)),
    ]
    return "\n".join(lines), text


def main() -> int:
    parser = argparse.ArgumentParser(description="write a firmware's tables and data dictionary")
    parser.add_argument("--version", required=True)
    parser.add_argument("--build-versions", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("objects", type=Path, nargs="+")
    options = parser.parse_args()
    try:
        declarations = read_declarations(options.objects)
        source, text = write_source(declarations, options.version, options.build_versions)
    except DeclarationError as error:
        print(f"dictionary.py: {error}", file=sys.stderr)
        return 1
    options.output.write_text(source)
    if options.json:
        options.json.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
