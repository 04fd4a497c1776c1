"""Peers from PyPI, each in a virtual environment of its own below build/, made once."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest

__all__ = ["OWN_ENVIRONMENT", "peer"]

# Trial's worker processes carry our own packages in PYTHONPATH: peers are to have theirs.
OWN_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

_FOLDER = Path(__file__).parents[2] / "build" / "peers"
_INSTALL_WITHIN = 600


def peer(name: str, requirement: str, program: str) -> Path:
    """The path of a peer's C{program}, installed if it is not yet.

    @raise SkipTest: when pip cannot install it.
    """
    folder = _FOLDER / name
    mark = folder / "requirement"
    if not mark.exists() or mark.read_text() != requirement:
        try:
            subprocess.run(
                [sys.executable, "-m", "venv", folder], check=True, capture_output=True, timeout=120
            )
            subprocess.run(
                [folder / "bin" / "pip", "install", "-q", requirement],
                check=True, capture_output=True, timeout=_INSTALL_WITHIN, env=OWN_ENVIRONMENT,
            )  # fmt: skip
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", b"") or b""
            raise SkipTest(f"cannot install {requirement}: {said.decode(errors='replace')[-300:]}") from None
        mark.write_text(requirement)
    return folder / "bin" / program
