"""To look at the page by hand: C{python -m trial-tests.appliance.ui.look FILE...} prints the first file, fast."""

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
        facts = {"estimated_time": _SECONDS, "filament_total": 3124.1, "layer_height": 0.2, "object_height": 8.0}
        broker.add_file(path.name, path.read_bytes(), **facts)
    printer = broker.printer
    done = 0.0

    def step() -> None:
        nonlocal done
        printer.warm(0.02)
        if printer.status["print_stats"]["state"] == "printing":
            done = min(1.0, done + 0.0005)
            printer.print_to(done, done * _SECONDS)

    printer.run("G28\nM105\nSET_HEATER_TEMPERATURE HEATER=extruder TARGET=215\nSET_HEATER_TEMPERATURE HEATER=heater_bed TARGET=60")
    if sys.argv[1:]:
        printer.start(Path(sys.argv[1]).name)
    print(f"http://127.0.0.1:{broker.listen(reactor, 0).getHost().port}/", flush=True)
    LoopingCall(step).start(0.25)
    reactor.run()


if __name__ == "__main__":
    main()
