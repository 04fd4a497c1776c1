"""C{appliance simulate FILE}."""

import argparse
import gc
import sys

__all__ = ["add_simulate", "run_simulate"]


def add_simulate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    simulate = commands.add_parser(
        "simulate", help="how long a G-code file prints, how fast, and what limits it"
    )
    simulate.add_argument("file", help="G-code file")
    simulate.add_argument("--config", metavar="CFG", help="printer.cfg (default: the simulated printer's)")
    simulate.add_argument("--json", action="store_true", help="everything, as JSON")
    simulate.add_argument(
        "--plots", metavar="DIR", help="write plots there, as PNG and SVG (needs matplotlib)"
    )
    simulate.set_defaults(do=run_simulate)


def run_simulate(options: argparse.Namespace) -> int:
    """Do it; the exit code."""
    gc.disable()  # nothing that is imported is garbage
    from appliance.simulate.run import simulate
    from appliance.simulate.table import ProgressBar, render
    from klipperd.batch.errors import BatchError

    gc.freeze()
    gc.enable()
    bar = ProgressBar()
    try:
        result = simulate(
            options.file, options.config, progress=bar.show, keep_moves=options.plots is not None
        )
    except (BatchError, OSError) as error:
        bar.clear()
        print(error, file=sys.stderr)
        return 1
    bar.clear()
    if options.json:
        import orjson

        print(orjson.dumps(result.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        print(render(result))
    if options.plots is None:
        return 0
    from appliance.simulate.plots import PlotsUnavailable, write_plots

    try:
        for path in write_plots(result, options.plots):
            print(path, file=sys.stderr)
    except (PlotsUnavailable, OSError) as error:
        print(f"appliance simulate: {error}", file=sys.stderr)
        return 1
    return 0
