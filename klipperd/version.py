"""The version that clients see. Clients of the field compare it with the motion host's, v0.13 and later."""

import sys
from glob import glob

__all__ = ["VERSION"]


def _own() -> str:
    """What importlib.metadata tells, without its 2 MB and 20 ms: installers put the version into a name."""
    for folder in sys.path:
        for found in glob(f"{folder or '.'}/klipper_appliance-*.dist-info"):
            return found.rpartition("/klipper_appliance-")[2].removesuffix(".dist-info")
    return "0"


VERSION = f"v0.13.0-900-appliance-{_own()}"
