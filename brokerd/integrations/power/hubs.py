"""Ports of USB hubs, switched by the program C{uhubctl}."""

import os
import re
import shutil
from collections.abc import Callable

from attrs import define

from brokerd.integrations.power.config import UhubctlPower
from brokerd.integrations.power.device import SwitchFailed
from brokerd.programs import ProgramFailed, Programs

__all__ = ["UhubctlSwitch", "parse_status"]

_HUB = re.compile(r"^(?:Current|New) status for hub (\S+)", re.MULTILINE)
_PORT = re.compile(r"^\s+Port (\d+): [0-9a-fA-F]{4}(.*)$", re.MULTILINE)
_MORE = ":/usr/sbin:/sbin:/usr/local/sbin"  # where it lies, though not every user looks there
_PATIENCE = 20.0  # seconds


def parse_status(text: str, location: str, port: str) -> bool | None:
    """Whether a port (any port, if C{port} is empty) of a hub has power, by the last that is said of it.

    @return: None if nothing is said of it.
    """
    state = None
    blocks = _HUB.split(text)[1:]
    for hub, content in zip(blocks[::2], blocks[1::2], strict=True):
        ports = {number: "power" in flags.split() for number, flags in _PORT.findall(content)}
        wanted = [on for number, on in ports.items() if not port or number == port]
        if hub == location and wanted:
            state = any(wanted)
    return state


@define(eq=False, repr=False)
class UhubctlSwitch:
    """One port, or all of a hub."""

    _config: UhubctlPower
    _programs: Programs

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        """There is nothing to begin."""

    def stop(self) -> None:
        """What runs is ended with all programs."""

    async def _run(self, *words: str) -> bool:
        config = self._config
        port = ("-p", config.port) if config.port else ()
        path = shutil.which("uhubctl", path=os.environ.get("PATH", os.defpath) + _MORE) or "uhubctl"
        try:
            ended = await self._programs.run(path, "-l", config.location, *port, *words, timeout=_PATIENCE)
            output = ended.check()
        except ProgramFailed as error:
            raise SwitchFailed(str(error)) from None
        state = parse_status(output, config.location, config.port)
        if state is None:
            raise SwitchFailed(f"uhubctl says nothing of hub {config.location} {' '.join(port)}".strip())
        return state

    async def read(self) -> bool | None:
        return await self._run()

    async def write(self, on: bool) -> bool:
        return await self._run("-a", "on" if on else "off")
