"""The rules of the house: linters, types, who may import whom, and how large a room may be."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parent.parent
FLOORS = {"klipperd": {"klipperd"}, "brokerd": {"brokerd"}, "appliance": {"appliance", "klipperd", "brokerd"}}
LARGEST_ROOM = 500
CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))")


def python_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def cython_imports(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        match = CIMPORT.match(line)
        if match:
            yield match[1] or match[2]


def sources(*suffixes: str, folders: tuple[str, ...] = tuple(FLOORS)) -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = (ROOT / name for name in listed.stdout.splitlines())
    return (path for path in names if path.suffix in suffixes and path.exists())


class ImportRule(SynchronousTestCase):
    def test_no_import_against_the_floors(self) -> None:
        wrong = []
        for path in sources(".py", ".pyi", ".pyx", ".pxd"):
            own = path.relative_to(ROOT).parts[0]
            imports = python_imports if path.suffix in (".py", ".pyi") else cython_imports
            for name in imports(path):
                first = name.split(".")[0]
                if first in FLOORS and first not in FLOORS[own]:
                    wrong.append(f"{path.relative_to(ROOT)} imports {name}")
        self.assertEqual(wrong, [])

    def test_the_global_reactor_stays_at_the_entry_points(self) -> None:
        entry = {"cli.py", "reactor.py", "demo.py", "bench.py"}
        named = re.compile(r"from twisted\.internet import .*\breactor\b")
        wrong = [
            str(path.relative_to(ROOT))
            for path in sources(".py")
            if path.name not in entry
            and ("twisted.internet.reactor" in set(python_imports(path)) or named.search(path.read_text()))
        ]
        self.assertEqual(wrong, [])


class Rooms(SynchronousTestCase):
    def test_no_room_is_too_large(self) -> None:
        kinds = (".py", ".pyx", ".c", ".h", ".js")
        counted = (
            (len(p.read_text("utf-8").splitlines()), str(p.relative_to(ROOT)))
            for p in sources(*kinds, folders=(*FLOORS, "firmware", "trial-tests", "tools"))
        )
        self.assertEqual([(n, name) for n, name in counted if n > LARGEST_ROOM], [])


class Objects(SynchronousTestCase):
    def test_no_object_shows_all_others(self) -> None:
        """Objects know each other in circles: a text of one that shows its fields takes minutes to write."""
        wrong = [
            f"{path.relative_to(ROOT)}: {found[0]}"
            for path in sources(".py")
            for found in re.finditer(r"@define\(eq=False[^)]*\)", path.read_text("utf-8"))
            if "repr=False" not in found[0] and path.relative_to(ROOT).parts[0] in FLOORS
        ]
        self.assertEqual(wrong, [])


class References(SynchronousTestCase):
    def test_references_are_current(self) -> None:
        """docs/reference is what the declarations say; `make docs` writes it."""
        folder = Path(self.mktemp()).absolute()
        # In a process of its own: tests declare sections, too.
        command = [sys.executable, "-m", "appliance.cli", "reference", str(folder)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
        stale = [
            path.name
            for path in folder.iterdir()
            if path.read_bytes() != (ROOT / "docs" / "reference" / path.name).read_bytes()
        ]
        self.assertGreater(len(list(folder.iterdir())), 3)
        self.assertEqual(stale, [])


class Linters(SynchronousTestCase):
    def run_tool(self, *command: str) -> None:
        # cython-lint calls pycodestyle by its name.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_ruff(self) -> None:
        self.run_tool("ruff", "check", "--quiet", ".")

    def test_format(self) -> None:
        self.run_tool("ruff", "format", "--check", "--quiet", ".")

    def test_types(self) -> None:
        self.run_tool("mypy")

    def test_cython(self) -> None:
        self.run_tool("cython_lint.cython_lint", *(str(p) for p in sources(".pyx", ".pxd")))
