"""Starting a print from inside the broker: only if the printer is free for it."""

from attrs import define
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.jobs.watch import JobWatch
from brokerd.printer.methods import print_command
from brokerd.printer.session import HostSession

__all__ = ["PrintStarter"]

log = Logger()


@define(eq=False, repr=False)
class PrintStarter:
    """Starts prints."""

    _host: HostSession
    _jobs: JobWatch

    async def start(self, filename: str) -> bool:
        """Print a file if the printer is ready and idle; tells whether it began."""
        if self._host.state != "ready" or self._jobs.printing is not None:
            return False
        try:
            await self._host.request("gcode/script", {"script": print_command(filename)})
        except ApiError as error:
            log.warn("{name} can't be printed: {error}", name=filename, error=error.message)
            return False
        return True
