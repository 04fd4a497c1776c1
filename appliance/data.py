"""The data folder: C{config}, C{gcodes}, C{logs}, C{database} and C{comms}, as the field lays it out.

An empty one is filled with the simulated printer, so that there is something to see at once.
"""

import os
from pathlib import Path

from appliance.resources import default_file
from appliance.settings import SETTINGS_FILE

__all__ = ["prepare_data"]

FOLDERS = ("config", "gcodes", "logs", "database", "comms")
_SIMULATED = {
    "simulated-printer.cfg": "config/printer.cfg",
    "simulated-printer.model": "config/simulated-printer.model",
    "simulated-appliance.toml": SETTINGS_FILE,
}


def prepare_data(data: Path) -> bool:
    """Create what is missing of the data folder; True when it was empty and got the simulated printer.

    @raise OSError: when a folder cannot be made, with its name.
    """
    empty = not data.exists() or not any(data.iterdir())
    for name in FOLDERS:
        (data / name).mkdir(parents=True, exist_ok=True)
    # Sockets and keys are below; other users of the machine have no business there.
    os.chmod(data, 0o750)
    if empty:
        for source, target in _SIMULATED.items():
            text = default_file(source).read_text("utf-8")
            (data / target).write_text(text.replace("@DATA@", str(data)), "utf-8")
    return empty
