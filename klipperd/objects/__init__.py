"""How printer objects are declared: the one mechanism behind every section of printer.cfg.

A printer object is one module of L{klipperd.printer} with

  - a frozen, typed config class whose fields are L{option}s,
  - a build function whose annotated parameters are the objects that it needs, by type,
  - methods marked L{command} (G-code) and L{remote} (remote procedures), and a C{status} method whose
    return annotation is a class of documented fields,
  - a module-level L{PrinterObject} that ties them together.

Validation, the config reference, the JSON schema and the tables of supported names are read from
these declarations; nothing is declared twice.
"""

from klipperd.objects.call import Call, Command, command, param, remote
from klipperd.objects.declare import Identity, Named, PrinterObject
from klipperd.objects.option import choose, group, option, options_named, status_field
from klipperd.objects.values import Gcode, Pin

__all__ = [
    "Call",
    "Command",
    "Gcode",
    "Identity",
    "Named",
    "Pin",
    "PrinterObject",
    "choose",
    "command",
    "group",
    "option",
    "options_named",
    "param",
    "remote",
    "status_field",
]
