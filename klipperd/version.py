"""The version that clients see. Clients of the field compare it with the motion host's, v0.13 and later."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["VERSION"]


def _own() -> str:
    try:
        return version("klipper-appliance")
    except PackageNotFoundError:
        return "0"


VERSION = f"v0.13.0-900-appliance-{_own()}"
