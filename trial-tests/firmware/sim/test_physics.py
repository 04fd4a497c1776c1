"""The physical model as plain C, under each compiler and its sanitizers."""

import shutil
import subprocess
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from .rig import PATIENCE, ROOT

_OTHERS = ("board", "commands", "console", "control", "main", "report", "simulation")
"""Files that need the firmware or the process around it."""
_FLAGS = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror"]
_CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


class PhysicsTests(SynchronousTestCase):
    """physics.c."""

    timeout = 300

    def run_with(self, compiler: str) -> None:
        if not shutil.which(compiler):
            raise SkipTest(f"{compiler} is not installed")
        folder = ROOT / "firmware" / "targets" / "sim"
        sources = sorted(str(path) for path in folder.glob("*.c") if path.stem not in _OTHERS)
        program = Path(self.mktemp()).absolute()
        command = [compiler, *_FLAGS, *_CHECKS, f"-I{folder}", "-o", str(program)]
        command += [str(Path(__file__).with_name("physics.c")), *sources, "-lm"]
        built = subprocess.run(command, capture_output=True, text=True)
        if "cannot find" in built.stderr and "clang_rt" in built.stderr:
            raise SkipTest(f"{compiler} lacks its runtime (libclang-rt-14-dev)")
        self.assertEqual(built.returncode, 0, built.stderr)
        ended = subprocess.run([str(program)], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(ended.stdout + ended.stderr, "")
        self.assertEqual(ended.returncode, 0)

    def test_gcc(self) -> None:
        """With gcc."""
        self.run_with("gcc")

    def test_clang(self) -> None:
        """With clang."""
        self.run_with("clang-14")
