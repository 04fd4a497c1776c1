"""C{appliance}: run it, check a configuration, write the references, compare with the contract."""

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from klipperd.quick_start import keep_generated_code, put_off

put_off("http.cookiejar")
_generated = keep_generated_code("appliance")
# From here on, what is imported may be large.
from appliance.data import prepare_data  # noqa: E402
from appliance.settings import Settings, SettingsError, read_settings  # noqa: E402
from appliance.simulate.command import add_simulate  # noqa: E402
from brokerd.light import light_imports  # noqa: E402
from klipperd.cli import run_until_stopped  # noqa: E402
from klipperd.config.document import read_config  # noqa: E402
from klipperd.errors import ConfigError  # noqa: E402
from klipperd.log import Log  # noqa: E402
from klipperd.reactor import REACTORS, install_reactor  # noqa: E402
from klipperd.version import VERSION  # noqa: E402

__all__ = ["add_run_options", "main", "settings_from", "start"]


_WHILE_IMPORTING = (5000, 10, 1000)
"""What is imported is hardly ever garbage; the few cycles that are make room for what comes later."""


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that override settings of the data folder."""
    parser.add_argument("--http", metavar="HOST:PORT", help="where to listen (default: 127.0.0.1:7125)")
    parser.add_argument("--speed", type=float, metavar="N", help="run host and simulation N times faster")
    parser.add_argument("--uds", metavar="PATH", help="motion host's socket (default: /tmp/klippy_uds)")
    parser.add_argument("--tty", metavar="PATH", help="link to the pseudo-tty (default: /tmp/printer)")
    parser.add_argument("--host-mcu", metavar="PATH", help="host MCU's pty (default: /tmp/klipper_host_mcu)")
    parser.add_argument("--no-host-mcu", dest="run_host_mcu", action="store_const", const=False, default=None,
                        help="do not run the host MCU")  # fmt: skip
    parser.add_argument("--reactor", choices=REACTORS, help="event loop (default: uvloop)")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("appliance", description="A 3D printer's software in one process")
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the appliance")
    run.add_argument(
        "--data", metavar="DIR", default="~/printer_data", help="data folder (default: %(default)s)"
    )
    add_run_options(run)
    run.set_defaults(do=_run)
    check = commands.add_parser("check", help="check a printer.cfg; needs no printer")
    check.add_argument("file")
    check.set_defaults(do=_check)
    add_simulate(commands)
    contract = commands.add_parser("contract", help="which of the names that users rely on are served")
    contract.add_argument("--folder", default="../shared/contract", help="default: %(default)s")
    contract.add_argument("--json", action="store_true", help="every name, as JSON")
    contract.set_defaults(do=_contract)
    reference = commands.add_parser("reference", help="write the references made from the declarations")
    reference.add_argument("folder")
    reference.set_defaults(do=_reference)
    return parser


def settings_from(options: argparse.Namespace) -> Settings:
    """The settings of the data folder with the command line's on top; ends the process if they are bad."""
    names = ("http", "speed", "uds", "tty", "host_mcu", "run_host_mcu", "reactor")
    try:
        prepare_data(Path(options.data).expanduser().absolute())
        return read_settings(options.data, {name: getattr(options, name) for name in names})
    except (SettingsError, OSError) as error:
        sys.exit(f"appliance: {error}")


def start(settings: Settings, then: Callable[[Any, Any], None]) -> int:
    """Run an appliance until it is told to stop; C{then(reactor, appliance)} runs once it has started."""
    log = Log(str(settings.data / "logs" / "klippy.log"))
    try:
        log.start()
    except OSError as error:
        sys.exit(f"appliance: cannot write the log: {error}")
    usual = gc.get_threshold()
    gc.set_threshold(*_WHILE_IMPORTING)
    with light_imports():
        reactor = install_reactor(settings.reactor)
        # Only now: these modules may touch the reactor that is installed when they are imported.
        from appliance.service import make_appliance

    try:
        appliance = make_appliance(reactor, settings)
    except (OSError, SettingsError) as error:
        sys.exit(f"appliance: {error}")
    gc.collect()
    gc.freeze()  # it stays, and looking through it again and again takes longer than the reactor may wait
    gc.set_threshold(*usual)
    appliance.ready.addCallback(partial(_started, reactor))
    reactor.callWhenRunning(then, reactor, appliance)
    return run_until_stopped(reactor, appliance.service, log)


def _started(reactor: Any, url: str) -> str:
    """What is due once all has been imported."""
    reactor.callInThread(_generated.write)
    return url


def _run(options: argparse.Namespace) -> int:
    def announce(_reactor: Any, appliance: Any) -> None:
        appliance.ready.addCallback(lambda url: print(f"ready {url}", flush=True))

    return start(settings_from(options), announce)


def _check(options: argparse.Namespace) -> int:
    from klipperd.service import check_configuration

    try:
        plan = check_configuration(read_config(options.file))
    except ConfigError as error:
        print(error, file=sys.stderr)
        count = len(error.problems)
        print(f"{options.file}: {count} {'error' if count == 1 else 'errors'}", file=sys.stderr)
        return 1
    own = sum(not step.declared.internal for step in plan.steps)
    print(f"{options.file}: {own} sections, no errors (pins are checked when the MCU is connected)")
    return 0


def _contract(options: argparse.Namespace) -> int:
    from appliance.contract import coverage, render_table

    try:
        found = coverage(Path(options.folder))
    except (OSError, ValueError) as error:
        sys.exit(f"appliance: {error}")
    if options.json:
        print(json.dumps({c.kind: {"served": c.served, "missing": c.missing} for c in found}, indent=1))
    else:
        print(render_table(found))
    return 0


def _reference(options: argparse.Namespace) -> int:
    from appliance.reference import write_references

    for path in write_references(Path(options.folder)):
        print(path)
    return 0


def main() -> None:
    """Run C{appliance}."""
    options = _parser().parse_args()
    try:
        code = options.do(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has seen enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    _generated.write()
    sys.exit(code)


if __name__ == "__main__":
    main()
