"""The firmware binaries under test, brought up to date once a run."""

import fcntl
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).absolute().parents[2]
FIRMWARE = ROOT / "firmware"


@functools.cache
def binary(target: str) -> str:
    """The path of a target's binary, after make has had a look at it. Test workers take turns."""
    out = ROOT / "build" / "firmware" / target
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make = ["make", "-s", "-C", str(FIRMWARE), f"TARGET={target}", f"OUT={out}"]
        done = subprocess.run(make, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"make TARGET={target} failed:\n{done.stdout}{done.stderr}")
    return str(out / f"mcu-{target}")
