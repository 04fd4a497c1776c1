"""A pseudo-tty for print hosts and people: the link at a configured path leads to it.

The other side is opened by readers that come and go. While nobody has it open the master's end is hung up,
which is how we know; then it is looked at every L{_LOOK} seconds, and what is said is dropped.
"""

import contextlib
import os
import select
import termios
import tty

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime, IReadWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from klipperd.errors import KlipperdError
from klipperd.gcode.dispatch import Dispatcher
from klipperd.terminal.outbox import Outbox
from klipperd.terminal.session import TerminalSession

__all__ = ["LinkInTheWay", "Terminal"]

_log = Logger()

_LOOK = 0.1
_READ = 4096


class FileReactor(IReactorFDSet, IReactorTime):
    """A reactor that watches file descriptors and tells the time."""


class LinkInTheWay(KlipperdError):
    """There is a file at the link's path that is not ours to replace."""


def _place_link(target: str, path: str) -> None:
    """Make C{path} lead to C{target}, replacing a link that was left behind."""
    if os.path.lexists(path) and not os.path.islink(path):
        raise LinkInTheWay(f"{path} exists and is no link; remove it or choose another path (-I)")
    temporary = f"{path}.{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    try:
        os.symlink(target, temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise LinkInTheWay(f"cannot make the link {path}: {error.strerror}") from None


def _remove_link(target: str, path: str) -> None:
    with contextlib.suppress(OSError):
        if os.readlink(path) == target:
            os.unlink(path)


def _forget_unread(name: str) -> None:
    """Drop what the kernel keeps for the next reader: it was meant for the last one."""
    with contextlib.suppress(OSError, termios.error):
        slave = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            termios.tcflush(slave, termios.TCIFLUSH)
        finally:
            os.close(slave)


@implementer(IReadWriteDescriptor)
@define(eq=False, repr=False, slots=False)
class Terminal(Service):
    """Serves G-code on a pseudo-tty while the service runs. C{path} is where the link to it stands."""

    _reactor: FileReactor
    _path: str
    _dispatcher: Dispatcher
    _session: TerminalSession = field(init=False)
    _outbox: Outbox = field(init=False, factory=Outbox)
    _master: int = field(init=False, default=-1)
    _name: str = field(init=False, default="")
    _open: bool = field(init=False, default=False)
    _held: bool = field(init=False, default=False)
    _writing: bool = field(init=False, default=False)
    _looking: IDelayedCall | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._session = TerminalSession(self._dispatcher, self._say, self._hold)

    def startService(self) -> None:
        """Make the terminal and its link. @raise LinkInTheWay: when the link can't be made."""
        self._master, slave = os.openpty()
        try:
            self._name = os.ttyname(slave)
            tty.setraw(slave)
            os.fchmod(slave, 0o660)
        finally:
            os.close(slave)
        os.set_blocking(self._master, False)
        try:
            _place_link(self._name, self._path)
        except LinkInTheWay:
            os.close(self._master)
            raise
        super().startService()
        self._session.start()
        self._look()

    def stopService(self) -> None:
        """Remove the link and hang up."""
        super().stopService()
        self._session.stop()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        self._leave_reactor()
        _remove_link(self._name, self._path)
        os.close(self._master)
        self._master = -1

    # Readers come and go

    def _look(self) -> None:
        """See whether someone has opened the terminal."""
        self._looking = None
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        events = poll.poll(0)
        if events and events[0][1] & select.POLLHUP:
            self._looking = self._reactor.callLater(_LOOK, self._look)
            return
        _log.info("terminal {path} was opened", path=self._path)
        self._open = True
        self._session.reset()
        if not self._held:
            self._reactor.addReader(self)

    def _hung_up(self) -> None:
        _log.info("terminal {path} was closed", path=self._path)
        self._open = False
        self._leave_reactor()
        self._outbox.clear()
        _forget_unread(self._name)
        self._looking = self._reactor.callLater(_LOOK, self._look)

    def _leave_reactor(self) -> None:
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        self._writing = False

    # Bytes

    def fileno(self) -> int:
        """See C{IFileDescriptor}."""
        return self._master

    def logPrefix(self) -> str:
        """See C{ILoggingContext}."""
        return "terminal"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor ends, or has found the descriptor hung up."""
        if self.running and self._open:
            self._hung_up()

    def doRead(self) -> None:
        """Bytes can be read, or the reader is gone."""
        try:
            data = os.read(self._master, _READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._session.received(data)
        elif self._open:
            self._hung_up()

    def doWrite(self) -> None:
        """Bytes can be written."""
        self._flush()

    def _hold(self, held: bool) -> None:
        if held == self._held:
            return
        self._held = held
        if held:
            self._reactor.removeReader(self)
        elif self._open and self._master >= 0:
            self._reactor.addReader(self)

    def _say(self, line: str) -> None:
        if self._open:
            self._outbox.add(line.encode("utf-8", "replace") + b"\n")
            if not self._writing:
                self._flush()

    def _flush(self) -> None:
        try:
            while self._outbox:
                self._outbox.written(os.write(self._master, self._outbox.head()))
        except BlockingIOError:
            pass
        except OSError:
            self._outbox.clear()
        if bool(self._outbox) != self._writing:
            self._writing = bool(self._outbox)
            (self._reactor.addWriter if self._writing else self._reactor.removeWriter)(self)
