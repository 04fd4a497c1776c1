"""To look at the page by hand: C{python -m trial-tests.appliance.ui.look FILE...} prints the first file."""

import math
import random
import sys
import tempfile
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import LoopingCall

from .fake_broker import FakeBroker

_SECONDS = 2400.0  # that the print pretends to take


def main() -> None:
    """Serve until interrupted; the print is over after eight minutes."""
    broker = FakeBroker(Path(tempfile.mkdtemp()))
    for argument in sys.argv[1:]:
        path = Path(argument)
        facts = {
            "estimated_time": _SECONDS,
            "filament_total": 3124.1,
            "layer_height": 0.2,
            "object_height": 8.0,
        }
        broker.add_file(path.name, path.read_bytes(), **facts)
    printer = broker.printer
    for name, (top, pace) in {"extruder": (215.0, 70.0), "heater_bed": (60.0, 110.0)}.items():
        heated = [top - (top - 24) * math.exp(-max(0, second - 300) / pace) for second in range(1200)]
        broker.curves[name] = [value + random.uniform(-0.3, 0.3) for value in heated]
        printer.status[name]["temperature"] = heated[-1]
    done = 0.0

    def step() -> None:
        nonlocal done
        printer.warm(0.02)
        if printer.status["print_stats"]["state"] == "printing":
            done = min(1.0, done + 0.0005)
            printer.print_to(int(done * printer.status["virtual_sdcard"]["file_size"]), done * _SECONDS)

    for line in ("G28", "M105", "STATUS", "M117 hello"):
        broker.answer(None, "printer.gcode.script", {"script": line})
    for heater, target in (("extruder", 215), ("heater_bed", 60)):
        printer.run(f"SET_HEATER_TEMPERATURE HEATER={heater} TARGET={target}")
    if sys.argv[1:]:
        printer.start(Path(sys.argv[1]).name)
    broker.listen(reactor)
    print(broker.url, flush=True)
    LoopingCall(step).start(0.25)
    reactor.run()


if __name__ == "__main__":
    main()
