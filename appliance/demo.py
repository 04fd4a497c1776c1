"""C{make run}: a fresh appliance with the simulated printer prints one file; the terminal shows progress."""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from appliance.cli import add_run_options, settings_from, start

__all__ = ["main"]

_BAR = 30


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("make run", description=__doc__)
    parser.add_argument("file", help="G-code file to print")
    parser.add_argument("--data", default="run", help="data folder, emptied first (default: %(default)s)")
    add_run_options(parser)
    options = parser.parse_args()
    data = Path(options.data).absolute()
    if (data / "config").exists():
        shutil.rmtree(data)
    # Next to each other, so that a demo never takes the places of an appliance that prints for real.
    for name, place in (("uds", "klippy.sock"), ("tty", "printer"), ("host_mcu", "host-mcu")):
        if getattr(options, name) is None:
            setattr(options, name, str(data / "comms" / place))
    return options


def _line(status: dict[str, Any], elapsed: float) -> str:
    state = status["print_stats"]["state"]
    share = status["virtual_sdcard"]["progress"]
    done = "#" * int(_BAR * share)
    heat = "  ".join(
        f"{name} {status[name]['temperature']:5.1f}/{status[name]['target']:.0f}"
        for name in ("extruder", "heater_bed")
    )
    return f"{state:9} [{done:<{_BAR}}] {share:6.1%}  {heat}  {elapsed:4.0f} s"


async def _show(client: Any, began: float) -> bool:
    """Show the print's progress; True once it has ended."""
    names = ("print_stats", "virtual_sdcard", "extruder", "heater_bed")
    status = (await client.request("objects/query", {"objects": dict.fromkeys(names)}))["status"]
    line = _line(status, time.monotonic() - began)
    ended = status["print_stats"]["state"] in ("complete", "cancelled", "error")
    end = "\n" if ended or not sys.stdout.isatty() else "\r"
    print(line, end=end, flush=True)
    return ended


async def _print(reactor: Any, appliance: Any, file: Path) -> None:
    url = await appliance.ready
    print(f"ready {url}\nOpen this address in a browser; ^C ends it.", flush=True)
    client = appliance.motion_host.procedures.connect(lambda _message: None)
    await client.request("gcode/script", {"script": f"SDCARD_PRINT_FILE FILENAME={file.name}"})
    began = time.monotonic()

    async def tick() -> None:
        if await _show(client, began):
            looping.stop()

    looping = LoopingCall(lambda: Deferred.fromCoroutine(tick()))
    looping.clock = reactor
    await looping.start(0.5 if sys.stdout.isatty() else 5.0)


def main() -> None:
    """Run C{make run}."""
    options = _options()
    file = Path(options.file)
    if not file.is_file():
        sys.exit(f"make run: there is no file {file}")
    settings = settings_from(options)
    shutil.copy(file, settings.data / "gcodes" / file.name)

    def begin(reactor: Any, appliance: Any) -> None:
        printing = Deferred.fromCoroutine(_print(reactor, appliance, file))
        printing.addErrback(lambda failure: print(f"the print failed: {failure.getErrorMessage()}"))

    sys.exit(start(settings, begin))


if __name__ == "__main__":
    main()
