"""The log file: readable lines, rotated by size, reopened on SIGHUP."""

import sys
from typing import IO, Any

from attrs import define, field
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.python.logfile import LogFile

__all__ = ["Log"]

_LARGEST = 10_000_000
_KEPT = 5


class _File(LogFile):
    """A log file whose lines reach the disk as they are written, whoever kills the process."""

    def write(self, data: str) -> None:
        super().write(data)
        self.flush()


@define
class Log:
    """Where the process logs to: C{path}, or the standard error stream when that is None.

    C{verbose}: events for debugging, too.
    """

    path: str | None
    verbose: bool = False
    _file: Any = field(init=False, default=None)

    def start(self) -> None:
        """Send all log events there. @raise OSError: when the file cannot be opened."""
        out: IO[Any] | Any = sys.stderr
        if self.path is not None:
            out = self._file = _File.fromFullPath(self.path, rotateLength=_LARGEST, maxRotatedFiles=_KEPT)
        # Twisted's own chatter on every connection is for debugging only.
        levels = LogLevelFilterPredicate(LogLevel.debug if self.verbose else LogLevel.info)
        levels.setLogLevelForNamespace("twisted.web", LogLevel.warn)
        levels.setLogLevelForNamespace("autobahn", LogLevel.warn)
        levels.setLogLevelForNamespace("txaio", LogLevel.warn)
        # It would note each try to reach something that is switched off; who waits for it says so once.
        levels.setLogLevelForNamespace("twisted.application._client_service", LogLevel.warn)
        observer = FilteringLogObserver(textFileLogObserver(out), [levels])
        globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=False)

    def reopen(self) -> None:
        """Open the file anew under its name, after someone has moved it away."""
        if self._file is not None:
            self._file.reopen()
