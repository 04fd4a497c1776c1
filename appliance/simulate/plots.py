"""Pictures of a simulated print: speed over time, the path coloured by speed, step rates of motors.

Needs matplotlib, which is an extra (C{pip install klipper-appliance[plots]}) and imported here only.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.simulate.result import SimulationResult
from klipperd.motion.trapq import RECORD

__all__ = ["PlotsUnavailable", "write_plots"]

_MOST_POINTS = 20_000
"""Of a line or path: more are thinned out, keeping the extremes, or the files would be of no use."""
_MARGIN = 3.0
"""mm around what is printed."""
_FORMATS = ("png", "svg")


class PlotsUnavailable(Exception):
    """matplotlib is missing; the text says how to get it."""


def _libraries() -> tuple[Any, Any]:
    try:
        import matplotlib
        import numpy
    except ImportError as error:
        raise PlotsUnavailable(
            f"plots need matplotlib ({error}): pip install 'klipper-appliance[plots]'"
        ) from error
    matplotlib.use("agg")
    # Text stays text in SVG: smaller, and it can be searched. A fixed salt makes equal files equal.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "simulate", "figure.dpi": 110})
    from matplotlib import pyplot

    return numpy, pyplot


def write_plots(result: SimulationResult, folder: str | Path) -> list[Path]:
    """Write C{velocity}, C{toolpath} and C{step-rates} as PNG and SVG; the paths.

    C{result} must have kept its moves. @raise PlotsUnavailable: without matplotlib. @raise OSError.
    """
    numpy, pyplot = _libraries()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    moves = numpy.frombuffer(result.moves_data, dtype=numpy.dtype(RECORD, align=True))
    moves = moves[(moves["kind"] == 0) & (moves["distance"] > 0.0)]
    written = []
    for name, figure in _figures(result, moves, numpy, pyplot):
        for form in _FORMATS:
            path = folder / f"{name}.{form}"
            figure.savefig(path, metadata={"Date": None} if form == "svg" else None)
            written.append(path)
        pyplot.close(figure)
    return written


def _figures(result: SimulationResult, moves: Any, numpy: Any, pyplot: Any) -> Iterator[tuple[str, Any]]:
    yield "velocity", _velocity(result, moves, numpy, pyplot)
    yield "toolpath", _toolpath(result, moves, numpy, pyplot)
    yield "step-rates", _step_rates(result, pyplot)


def _title(result: SimulationResult) -> str:
    return f"{Path(result.file).name} ({result.kinematics})"


def _velocity(result: SimulationResult, moves: Any, numpy: Any, pyplot: Any) -> Any:
    figure, axes = pyplot.subplots(figsize=(10, 4), layout="constrained")
    begin = moves["print_time"]
    phases = (moves["accel_t"], moves["cruise_t"], moves["decel_t"])
    times = numpy.stack(
        [begin, begin + phases[0], begin + phases[0] + phases[1], begin + sum(phases)], axis=1
    )
    speeds = numpy.stack([moves["start_v"], moves["cruise_v"], moves["cruise_v"], moves["end_v"]], axis=1)
    times, speeds = times.ravel(), speeds.ravel()
    if len(times):
        times = times - times[0]
    if len(times) <= _MOST_POINTS:
        axes.plot(times, speeds, linewidth=0.8)
    else:
        at, low, high = _envelope(times, speeds, numpy)
        axes.fill_between(at, low, high, linewidth=0.3, label="slowest to fastest")
        axes.legend(loc="upper right")
    axes.set(title=f"Speed of the tool head: {_title(result)}", xlabel="s", ylabel="mm/s")
    axes.grid(alpha=0.3)
    axes.margins(x=0)
    return figure


def _envelope(times: Any, speeds: Any, numpy: Any) -> tuple[Any, Any, Any]:
    """Times of many equal intervals, and the least and greatest speed in each; 0 where nothing moves."""
    count = _MOST_POINTS // 8
    edges = numpy.linspace(0.0, times[-1], count + 1)
    index = numpy.minimum(numpy.searchsorted(edges, times, side="right") - 1, count - 1)
    low, high = numpy.full(count, numpy.inf), numpy.zeros(count)
    numpy.minimum.at(low, index, speeds)
    numpy.maximum.at(high, index, speeds)
    low[numpy.isinf(low)] = 0.0
    return edges[:-1], low, high


def _toolpath(result: SimulationResult, moves: Any, numpy: Any, pyplot: Any) -> Any:
    from matplotlib.collections import LineCollection

    figure, axes = pyplot.subplots(figsize=(8, 7), layout="constrained")
    seconds = moves["accel_t"] + moves["cruise_t"] + moves["decel_t"]
    mean = numpy.divide(moves["distance"], seconds, out=numpy.zeros(len(moves)), where=seconds > 0.0)
    shown = moves["source"] >= 0
    lines = numpy.stack([moves["start"][shown][:, :2], moves["end"][shown][:, :2]], axis=1)
    path = LineCollection(lines, array=mean[shown], cmap="viridis", linewidths=0.6)
    if len(lines):
        path.set_clim(*numpy.percentile(mean[shown], (1, 99)))
    path.set_rasterized(len(lines) > _MOST_POINTS)
    axes.add_collection(path)
    axes.autoscale()
    if result.extent:
        (left, right), (front, back), _ = result.extent
        axes.set(xlim=(left - _MARGIN, right + _MARGIN), ylim=(front - _MARGIN, back + _MARGIN))
    axes.set_aspect("equal")
    figure.colorbar(path, ax=axes, label="mean speed of the move, mm/s")
    axes.set(title=f"Path of the tool: {_title(result)}", xlabel="x, mm", ylabel="y, mm")
    return figure


def _step_rates(result: SimulationResult, pyplot: Any) -> Any:
    motors = [motor for motor in result.motors if motor.steps]
    figure, rows = pyplot.subplots(
        max(len(motors), 1), 1, figsize=(8, 1 + 1.6 * max(len(motors), 1)), sharex=True, squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for motor, axes in zip(motors, rows[:, 0], strict=False):
        rates = [rate for rate, _ in motor.rates]
        axes.bar(rates, [count for _, count in motor.rates], width=[0.17 * r for r in rates], align="edge")
        axes.axvline(motor.peak_rate, color="tab:red", linewidth=0.8)
        axes.set(xscale="log", ylabel="steps")
        axes.set_title(f"{motor.name}: peak {motor.peak_rate:.0f} steps/s", fontsize="small", loc="left")
    rows[-1, 0].set_xlabel("steps/s")
    return figure
