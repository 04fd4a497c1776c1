"""The page and the picture of the motion benchmark."""

from pathlib import Path
from textwrap import fill
from typing import Any

from .curves import LONG_MOVES
from .motion import FINE, LARGE, PEER, SMALL, MotionBench, Sizes

__all__ = ["write_motion_page"]

TARGET = Path(__file__).parents[2] / "docs" / "benchmarks" / "motion-core.md"
_BYTES_A_MOVE = 3000
"""Of a short segment, if no cache held any of it: its line; its place in the lookahead, trapezoids and the
times of its steps, written and read again; its commands."""
_FLOOR = """\
A short segment costs {move:.2f} us and has {steps:.0f} steps on three motors; a further step costs
{step:.1f} ns. At best, this machine takes {root:.2f} ns for a square root (in vectors) and copies
{rate:.1f} GB/s on one core. One square root a step would be {roots:.2f} us a segment, and moving all that a
segment touches through memory (about {touched} bytes) {copying:.2f} us: a floor of {floor:.2f} us,
{times:.0f} times below what is needed now; by the step, {step_times:.0f} times."""
_NEXT = """\
Profiles of the compiled part say what lies between: three tenths go to finding long runs of steps that
one queue_step can make (fit: sixteen candidates side by side in vectors, about 250 ns a command), as much to
shaped motion and the steps in it, a sixth to the extruder's smoothed pressure advance (quartics between
breakpoints, most of them without a step), an eighth to parsing, lookahead and trapezoids together, less to
blocks and checksums. No part stands out any more: fewer pieces, not quicker ones, come next.
Vectors matter: a delta's segment took 2.9 us on the same machine without AVX, as on a processor that has
none. Of a whole run of a few seconds, starting Python and Twisted (0.2 s) is what is left to save."""
_OURS, _PEERS = "appliance", "kalico"


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _compared(name: str, ours: float, peers: float, form: str, *, less: bool = False) -> str:
    ratio = peers / ours if less else ours / peers
    return _row(name, f"{ours:{form}}", f"{peers:{form}}", f"{ratio:.2f}")


def _moves(made: MotionBench, kinematics: str) -> list[str]:
    ours, peers = made.moves[kinematics, _OURS], made.moves[kinematics, _PEERS]

    def marginal(sizes: Sizes) -> float:
        return (LARGE - SMALL) / sizes.cpu / 1e3

    return [
        _compared(f"{kinematics}: moves a CPU-second, marginal (k)", marginal(ours), marginal(peers), ".0f"),
        _compared(f"{kinematics}: moves a CPU-second, whole run (k)", LARGE / ours.large.cpu / 1e3,
                  LARGE / peers.large.cpu / 1e3, ".0f"),
        _compared(f"{kinematics}: CPU of {SMALL} moves (s; mostly starting up)", ours.small.cpu,
                  peers.small.cpu, ".2f", less=True),
        _compared(f"{kinematics}: CPU of {LARGE} moves (s)", ours.large.cpu, peers.large.cpu, ".2f",
                  less=True),
        _compared(f"{kinematics}: bytes a step", made.bytes_a_step[kinematics, _OURS],
                  made.bytes_a_step[kinematics, _PEERS], ".3f", less=True),
        _compared(f"{kinematics}: peak resident memory (MB)", ours.large.rss, peers.large.rss, ".1f",
                  less=True),
    ]  # fmt: skip


def _steps(made: MotionBench) -> list[str]:
    rows = []
    for kinematics in ("cartesian", "delta"):
        for path in ("short segments", "long moves"):
            rates = []
            for program in (_OURS, _PEERS):
                sizes, more = made.steps[kinematics, path, program]
                rates.append(more / max(sizes.cpu, 1e-3) / 1e6)
            rows.append(_compared(f"{kinematics}, {path}: M steps a CPU-second", rates[0], rates[1], ".1f"))
    return rows


def _sweep(made: MotionBench) -> list[str]:
    rows = []
    first = made.sweep[0]
    for segments, run in made.sweep:
        more = ""
        if segments > first[0]:
            more = f"{(run.cpu - first[1].cpu) / (segments - first[0]) * 1e6:.2f}"
        rows.append(_row(segments, f"{run.cpu:.2f}", more, f"{run.rss:.1f}"))
    return rows


def write_motion_page(made: MotionBench) -> str:
    """Write the page and its picture; its text."""
    shaping = "mzv 50 Hz on x and y and " if made.shaped else "no input shaper, "
    head = ["| | this project | peer | ratio |", "|---|---|---|---|"]
    lines = [
        "# Benchmarks: motion core",
        "",
        f"Written by `make bench`, against `{PEER}` from PyPI as the peer, medians of {made.runs} runs in",
        "turns. Absolute numbers are of the machine that ran it; ratios are what counts (above 1: better",
        "than the peer, whichever way the number runs). CPU is user and system time of the whole process.",
        "",
        f"Work: {LARGE} extruding segments of 0.55 mm along petals, 200 mm/s, 5000 mm/s², {shaping}pressure",
        "advance 0.04 s, 16 microsteps, 40 mm a turn; from a file to the bytes for the micro-controller.",
        "*Marginal* is the difference of two sizes: what a move costs once everything runs. The whole run",
        "counts starting Python and reading the configuration, too. Aimed at: 10 times the moves, 5 times",
        "the steps on short segments and 3 times on long moves, not more bytes a step, less memory, cost",
        "linear in moves.",
        "",
        *head,
        *_moves(made, "cartesian"),
        *_moves(made, "delta"),
        "",
        "## Steps: solver, compression, output",
        "",
        f"The same paths ({LARGE} short segments; {LONG_MOVES} moves of 140 mm) with 16 and with {FINE}",
        "microsteps: moves are the same, so the difference is what the additional steps cost, from solving",
        "to the bytes in the file. (The peer solves in its main thread, so threads can't be told apart.)",
        "",
        *head,
        *_steps(made),
        "",
        "## From 10 thousand to 2 million moves",
        "",
        "| moves | CPU (s) | us a further move | peak resident memory (MB) |",
        "|---|---|---|---|",
        *_sweep(made),
        "",
        "![ratios and sweep](motion-core.svg)",
        "",
    ]
    text = "\n".join([*lines, *_limits(made)])
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(text, "utf-8")
    _draw(made)
    return text


def _limits(made: MotionBench) -> list[str]:
    """How far it is from what the machine can do."""
    moves = made.moves["cartesian", _OURS]
    move = moves.cpu / (LARGE - SMALL)
    sizes, more = made.steps["cartesian", "short segments", _OURS]
    step = sizes.cpu / more
    roots = made.steps_a_move * made.root_time
    copying = _BYTES_A_MOVE / made.copy_rate
    floor = max(roots, copying)
    said = _FLOOR.format(
        move=move * 1e6,
        steps=made.steps_a_move,
        step=step * 1e9,
        root=made.root_time * 1e9,
        rate=made.copy_rate / 1e9,
        roots=roots * 1e6,
        touched=_BYTES_A_MOVE,
        copying=copying * 1e6,
        floor=floor * 1e6,
        times=move / floor,
        step_times=step / made.root_time,
    )
    paragraphs = (fill(" ".join(text.split()), 110) for text in (said, _NEXT))
    return ["## What limits it next", "", "\n\n".join(paragraphs), ""]


def _draw(made: MotionBench) -> None:
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench"})
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    bars = _ratios(made)
    left.barh([name for name, _ in bars][::-1], [ratio for _, ratio in bars][::-1], color="tab:blue")
    left.axvline(1.0, color="tab:red", linewidth=1)
    left.set(title="Times the peer", xlabel="ratio of speeds")
    _draw_sweep(right, made)
    for form in ("svg", "png"):
        path = TARGET.with_suffix(f".{form}")
        figure.savefig(path, metadata={"Date": None} if form == "svg" else None, dpi=110)
    pyplot.close(figure)


def _ratios(made: MotionBench) -> list[tuple[str, float]]:
    bars = []
    for kinematics in ("cartesian", "delta"):
        ours, peers = made.moves[kinematics, _OURS], made.moves[kinematics, _PEERS]
        bars.append((f"{kinematics}: moves, marginal", peers.cpu / ours.cpu))
        bars.append((f"{kinematics}: moves, whole run", peers.large.cpu / ours.large.cpu))
        for path in ("short segments", "long moves"):
            own, his = (made.steps[kinematics, path, p][0].cpu for p in (_OURS, _PEERS))
            bars.append((f"{kinematics}: steps, {path}", his / max(own, 1e-3)))
    return bars


def _draw_sweep(axes: Any, made: MotionBench) -> None:
    sizes = [segments for segments, _ in made.sweep]
    axes.plot(sizes, [run.cpu for _, run in made.sweep], "o-", label="CPU (s)")
    axes.set(xscale="log", yscale="log", xlabel="moves", ylabel="s", title="One run of this project")
    memory = axes.twinx()
    memory.plot(sizes, [run.rss for _, run in made.sweep], "s--", color="tab:orange", label="memory (MB)")
    memory.set(ylabel="MB", ylim=(0, 1.4 * max(run.rss for _, run in made.sweep)))
    axes.legend(loc="upper left")
    memory.legend(loc="lower right")
