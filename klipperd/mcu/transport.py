"""Open the way to an MCU: a serial port, a pseudo-terminal, or TCP.

These functions may block for a moment: call them through L{klipperd.workers.Workers}.
"""

import fcntl
import os
import socket
import termios
import time
import tty
from collections.abc import Callable
from urllib.parse import urlsplit

from attrs import define

from klipperd.mcu.errors import McuError

__all__ = ["TCP_SCHEME", "Port", "open_port", "pulse_dtr"]

TCP_SCHEME = "socket://"
_CONNECT_TIMEOUT = 3.0  # s
_PTY_MAJORS = range(136, 144)
"""Device numbers of Unix98 pseudo-terminals (Linux, Documentation/admin-guide/devices.txt)."""
_RESET_PULSE = 0.1  # s


@define(eq=False, repr=False)
class Port:
    """An open way to an MCU.

    @ivar baud: speed of the line, 0 where there is no serial line.
    """

    name: str
    fd: int
    baud: int
    _close: Callable[[], None] | None

    def close(self) -> None:
        """Close the descriptor; the link that uses it must be stopped."""
        close, self._close = self._close, None
        if close is not None:
            close()

    def __del__(self) -> None:
        """Whoever asked for it may have given up before it was open; the port must not stay locked."""
        self.close()


def open_port(name: str, baud: int, *, rts: bool = True) -> Port:
    """Open C{name}: C{socket://host:port}, or the path of a serial port or pseudo-terminal.

    @param rts: level of the serial port's RTS line; some boards start their bootloader when it is set.
    @raise McuError: it does not exist, is in use, or refuses.
    """
    try:
        if name.startswith(TCP_SCHEME):
            return _open_tcp(name)
        if os.major(os.stat(name).st_rdev) in _PTY_MAJORS:
            return _open_pty(name)
        return _open_serial(name, baud, rts)
    except FileNotFoundError:
        raise McuError(
            f"{name} does not exist: is the board plugged in and switched on? (ls /dev/serial/by-id/*)"
        ) from None
    except BlockingIOError:
        raise McuError(f"{name} is in use by another program") from None
    except PermissionError:
        raise McuError(
            f"no permission to open {name}: add the user to the group 'dialout' or 'tty'"
        ) from None
    except (OSError, ValueError) as error:
        raise McuError(f"cannot open {name}: {_explain(error)}") from error


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error)


def _lock(fd: int) -> None:
    """Refuse to share a port: two hosts at one MCU would each break the other's sequence."""
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _open_pty(path: str) -> Port:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _lock(fd)
        tty.setraw(fd, termios.TCSANOW)
        termios.tcflush(fd, termios.TCIOFLUSH)
    except BaseException:
        os.close(fd)
        raise
    return Port(path, fd, 0, lambda: os.close(fd))


def _open_serial(path: str, baud: int, rts: bool) -> Port:
    import serial  # late: most boards are behind a pseudo-terminal, and batch runs behind nothing

    line = serial.Serial(baudrate=baud, timeout=0, write_timeout=0, exclusive=True)
    line.port = path
    line.rts = rts
    try:
        line.open()
    except serial.SerialException as error:
        if "exclusively lock" in str(error):
            raise BlockingIOError from None
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno)) from error
    fd = line.fileno()
    attributes = termios.tcgetattr(fd)
    attributes[2] &= ~termios.HUPCL  # closing the port must not reset the board
    attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 1, 0  # reading 0 bytes means the end
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    line.reset_input_buffer()
    return Port(path, fd, baud, line.close)


def _open_tcp(name: str) -> Port:
    parts = urlsplit(name)
    if not parts.hostname or not parts.port:
        raise ValueError("write it as socket://host:port")
    connection = socket.create_connection((parts.hostname, parts.port), _CONNECT_TIMEOUT)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return Port(name, connection.fileno(), 0, connection.close)


def pulse_dtr(path: str, *, rts: bool = True) -> None:
    """Reset a board by its serial port's DTR line, as Arduinos and their clones are wired.

    @raise McuError: the port cannot be opened.
    """
    import serial

    try:
        line = serial.Serial(baudrate=2400, timeout=0, exclusive=True)
        line.port = path
        line.rts = rts
        line.open()
        with line:
            line.dtr = True
            time.sleep(_RESET_PULSE)
            line.dtr = False
            time.sleep(_RESET_PULSE)
            line.dtr = True
    except OSError as error:
        raise McuError(f"cannot reset the board at {path}: {_explain(error)}") from error
