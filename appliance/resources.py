"""Files that come with the appliance: example configurations, firmware binaries and the browser page.

An installed wheel carries them inside this package; a checkout has them where they are written.
"""

from pathlib import Path

__all__ = ["default_file", "mcu_binary", "page_folder"]

_PACKAGE = Path(__file__).parent


def default_file(name: str) -> Path:
    """The file C{name} of the top-level folder C{config/}. @raise FileNotFoundError: when there is none."""
    for folder in (_PACKAGE / "defaults", _PACKAGE.parent / "config"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"the installation lacks config/{name}")


def mcu_binary(target: str) -> Path:
    """The firmware that runs on this computer: C{sim} or C{linux}.

    @raise FileNotFoundError: when it is not built.
    """
    path = _PACKAGE / "mcu" / f"mcu-{target}"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: `make build` builds it")
    return path


def page_folder() -> Path:
    """The folder of the browser page."""
    return _PACKAGE / "ui"
