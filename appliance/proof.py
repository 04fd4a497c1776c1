"""A version that was just installed proves itself by running for a while.

Until then C{PREFIX/unproven} names the version to go back to. If the new one keeps ending,
config/systemd/klipper-appliance-rollback.service turns the link back.
"""

from pathlib import Path

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Proof"]

log = Logger()

_ENOUGH = 60.0  # seconds


@define(eq=False, repr=False, slots=False)
class Proof(Service):
    """Removes the mark once this version has run long enough.

    @ivar prefix: where versions are installed, or None.
    """

    clock: IReactorTime
    prefix: Path | None
    _timer: IDelayedCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        if self.prefix is not None and (self.prefix / "unproven").exists():
            self._timer = self.clock.callLater(_ENOUGH, self._proven)

    def stopService(self) -> None:
        super().stopService()
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _proven(self) -> None:
        assert self.prefix is not None
        try:
            (self.prefix / "unproven").unlink(missing_ok=True)
        except OSError as error:
            log.warn("{error}", error=error)
            return
        log.info("the new version has proven itself")
