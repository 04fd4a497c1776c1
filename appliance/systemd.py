"""Tell systemd that the appliance is ready and alive (sd_notify(3)); silent without systemd."""

import os
import socket

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

__all__ = ["SystemdWatch", "notify"]


def notify(message: str) -> None:
    """Send C{message} (such as C{READY=1}) to the service manager, if there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to_manager:
        to_manager.setblocking(False)
        to_manager.sendto(message.encode(), address)


@define(eq=False, repr=False, slots=False)
class SystemdWatch(Service):
    """Pats the service manager's watchdog at half its period, from the reactor: a stuck one is restarted."""

    clock: IReactorTime
    _timer: IDelayedCall | None = field(init=False, default=None)

    def startService(self) -> None:
        """Begin to pat, if the service manager asked for it."""
        super().startService()
        if os.environ.get("WATCHDOG_USEC"):
            self._pat(int(os.environ["WATCHDOG_USEC"]) / 2e6)

    def stopService(self) -> None:
        """Stop patting and say so."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
        notify("STOPPING=1")

    def _pat(self, period: float) -> None:
        notify("WATCHDOG=1")
        self._timer = self.clock.callLater(period, self._pat, period)
