"""moonrakerpy: a small REST client."""

import inspect
import sys

from attempts import attempt, report
from moonrakerpy import MoonrakerPrinter

printer = MoonrakerPrinter(sys.argv[1])
for name, given in (
    ("send_gcode", ("M117 hello",)), ("query_status", ("toolhead",)), ("query_temperatures", ()),
    ("get", ("/server/info",)), ("post", ("/printer/gcode/script?script=M117",)), ("get_gcode", (5,)),
    ("list_endpoints", ()),
):  # fmt: skip
    call = getattr(printer, name, None)
    if call is not None and inspect.ismethod(call):
        attempt(name, call, *given)
report()
