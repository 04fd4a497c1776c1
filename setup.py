"""Build steps that pyproject.toml cannot state: the Cython extensions and the simulator's firmware.

C{EXT} (a path prefix such as C{klipperd/wire}) restricts a build to some extensions;
C{CYTHON_DEBUG=1} builds them with bounds checks on, for the trial suite.
"""

import os
import shutil
import subprocess
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Command, Extension, setup
from setuptools.command.build import build

ROOT = Path(__file__).parent
CORES = len(os.sched_getaffinity(0))
DEBUG = os.environ.get("CYTHON_DEBUG") == "1"
FLAGS = ["-O1" if DEBUG else "-O2", "-std=gnu11", "-Wno-unreachable-code"]
# Vectors where they change no result: the same steps on every machine.
MOTION_FLAGS = ["-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fopenmp-simd"]
if not DEBUG:
    MOTION_FLAGS.append("-O3")


def extensions() -> list[Extension]:
    """One extension module for each .pyx file of the packages."""
    wanted = os.environ.get("EXT", "")
    sources = sorted(
        path.relative_to(ROOT)
        for package in ("brokerd", "klipperd")
        for path in ROOT.glob(f"{package}/**/*.pyx")
    )
    return [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            extra_compile_args=[*FLAGS, *(MOTION_FLAGS if path.match("klipperd/motion/*") else [])],
            extra_link_args=["-pthread"],
        )
        for path in sources
        if str(path).startswith(wanted)
    ]


class BuildData(Command):
    """What the package carries besides Python: firmware that runs on this computer, and default configs.

    C{appliance/mcu/} gets the binaries; C{appliance/defaults/}, in a wheel only, a copy of C{config/}.
    """

    description = "build the simulated printer and the host MCU, copy the default configurations"
    user_options = [("in-checkout", None, "put the binaries beside the sources")]
    boolean_options = ["in-checkout"]
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib = None
        self.in_checkout = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    @property
    def _beside_sources(self) -> bool:
        return self.editable_mode or self.in_checkout

    def _package(self) -> Path:
        return (ROOT if self._beside_sources else Path(self.build_lib)) / "appliance"

    def run(self) -> None:
        folder = (self._package() / "mcu").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        if not self._beside_sources:
            shutil.copytree(ROOT / "config", self._package() / "defaults", dirs_exist_ok=True)
        for target in ("linux", "sim"):
            # Objects go beside the checkout's other build products, so that a second build is quick.
            out = ROOT / "build" / "firmware" / target
            subprocess.run(
                ["make", "-s", "-C", ROOT / "firmware", f"TARGET={target}", f"OUT={out}"], check=True
            )
            binary = folder / f"mcu-{target}"
            binary.unlink(missing_ok=True)
            binary.write_bytes((out / f"mcu-{target}").read_bytes())
            binary.chmod(0o755)
            # Its data dictionary, for batch runs.
            shutil.copy(out / f"mcu-{target}.json", folder)

    def get_source_files(self) -> list[str]:
        found = [*ROOT.glob("firmware/**/*"), *ROOT.glob("config/**/*")]
        return [str(p.relative_to(ROOT)) for p in found if p.is_file() and "build" not in p.parts]

    def get_outputs(self) -> list[str]:
        if self._beside_sources:
            return []
        return [
            str(p) for name in ("mcu", "defaults") for p in (self._package() / name).rglob("*") if p.is_file()
        ]

    def get_output_mapping(self) -> dict[str, str]:
        return {}


build.sub_commands.append(("build_data", None))

setup(
    options={"build_ext": {"parallel": CORES}},
    cmdclass={"build_data": BuildData},
    ext_modules=cythonize(
        extensions(),
        language_level=3,
        nthreads=CORES,
        compiler_directives={
            "boundscheck": DEBUG,
            "wraparound": DEBUG,
            "cdivision": True,
            "initializedcheck": DEBUG,
        },
    ),
)
