"""The firmware's own tests, and the compilers it must pass."""

import os
import shutil
import subprocess
import tempfile

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from .build import FIRMWARE, ROOT

CLANG = shutil.which("clang-14") or shutil.which("clang")
CHECKS = "-fsanitize=address,undefined -fno-sanitize-recover=all"


def make(target: str, out: str, *variables: str) -> str:
    """Build a target; the path of its binary."""
    command = ["make", "-s", "-C", str(FIRMWARE), f"TARGET={target}", f"OUT={out}", *variables]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if "libclang_rt" in done.stderr:
        raise SkipTest("clang has no runtime library for its sanitizers")
    assert done.returncode == 0, done.stdout + done.stderr
    return os.path.join(out, f"mcu-{target}")


class Units(SynchronousTestCase):
    """Tests in C, on a board in memory."""

    timeout = 600

    def test_units(self) -> None:
        """All pass, with the sanitizers silent."""
        out = str(ROOT / "build" / "firmware" / "test")
        program = make("test", out, "TARGET_DIR=tests", "OPTIMISE=-O1", f"SANITIZE={CHECKS}", "CC=gcc")
        done = subprocess.run([program], capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(done.stdout.count(" ok\n"), 9)

    def test_fuzz(self) -> None:
        """A short walk of the fuzzer finds nothing; `make fuzz` goes further."""
        if not CLANG:
            raise SkipTest("no clang")
        out = str(ROOT / "build" / "firmware" / "fuzz")
        sanitize = "SANITIZE=-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all"
        program = make("fuzz", out, "TARGET_DIR=tests", "OPTIMISE=-O1", sanitize, f"CC={CLANG}")
        with tempfile.TemporaryDirectory() as corpus:
            seeds = ["python3", str(FIRMWARE / "tests" / "fuzz_seeds.py"), f"{program}.json", corpus]
            subprocess.run(seeds, check=True, timeout=60)
            walk = [program, "-runs=20000", "-seed=1", "-timeout=20", "-max_len=512", corpus]
            done = subprocess.run(walk, capture_output=True, text=True, timeout=300, cwd=corpus)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])


class Compilers(SynchronousTestCase):
    """Warnings are errors, for more than one compiler."""

    timeout = 600

    def test_clang(self) -> None:
        """Both targets compile with clang, and need nothing else to run."""
        if not CLANG:
            raise SkipTest("no clang")
        for target in ("linux", "sim"):
            with tempfile.TemporaryDirectory() as out:
                program = make(target, out, f"CC={CLANG}", "OPTIMISE=-O1")
                self.assertTrue(os.access(program, os.X_OK))
