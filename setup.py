"""Build steps that pyproject.toml cannot state: the Cython extensions and the simulator's firmware.

C{EXT} (a path prefix such as C{klipperd/wire}) restricts a build to some extensions;
C{CYTHON_DEBUG=1} builds them with bounds checks on, for the trial suite.
"""

import os
import subprocess
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Command, Extension, setup
from setuptools.command.build import build

ROOT = Path(__file__).parent
DEBUG = os.environ.get("CYTHON_DEBUG") == "1"


def extensions() -> list[Extension]:
    """One extension module for each .pyx file below klipperd/."""
    wanted = os.environ.get("EXT", "")
    sources = sorted(path.relative_to(ROOT) for path in ROOT.glob("klipperd/**/*.pyx"))
    return [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            extra_compile_args=["-O1" if DEBUG else "-O2", "-std=gnu11", "-Wno-unreachable-code"],
            extra_link_args=["-pthread"],
        )
        for path in sources
        if str(path).startswith(wanted)
    ]


class BuildFirmware(Command):
    """Compile the firmware targets that run on this computer into appliance/mcu/."""

    description = "build the simulated printer and the host MCU"
    user_options = [("in-checkout", None, "put the binaries beside the sources")]
    boolean_options = ["in-checkout"]
    editable_mode = False

    def initialize_options(self) -> None:
        self.build_lib = None
        self.in_checkout = False

    def finalize_options(self) -> None:
        self.set_undefined_options("build_py", ("build_lib", "build_lib"))

    def _folder(self) -> Path:
        base = ROOT if self.editable_mode or self.in_checkout else Path(self.build_lib)
        return base / "appliance" / "mcu"

    def run(self) -> None:
        folder = self._folder().absolute()
        folder.mkdir(parents=True, exist_ok=True)
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

    def get_source_files(self) -> list[str]:
        return [
            str(p.relative_to(ROOT)) for p in ROOT.glob("firmware/**/*") if p.suffix in (".c", ".h", ".py")
        ]

    def get_outputs(self) -> list[str]:
        return [str(self._folder() / f"mcu-{target}") for target in ("linux", "sim")]

    def get_output_mapping(self) -> dict[str, str]:
        return {}


build.sub_commands.append(("build_firmware", None))

setup(
    cmdclass={"build_firmware": BuildFirmware},
    ext_modules=cythonize(
        extensions(),
        language_level=3,
        nthreads=0,
        compiler_directives={
            "boundscheck": DEBUG,
            "wraparound": DEBUG,
            "cdivision": True,
            "initializedcheck": DEBUG,
        },
    ),
)
