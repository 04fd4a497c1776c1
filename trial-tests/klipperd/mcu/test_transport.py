"""Opening the way to an MCU."""

import os
import pty
import socket

from twisted.trial.unittest import SynchronousTestCase

from klipperd.mcu.errors import McuError
from klipperd.mcu.transport import Port, _open_serial, open_port


class Opening(SynchronousTestCase):
    def pty(self) -> tuple[int, str]:
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        return master, os.ttyname(slave)

    def refused(self, path: str) -> str:
        return str(self.assertRaises(McuError, open_port, path, 250000))

    def check_bytes(self, port: Port, far: int) -> None:
        """All 256 of them pass both ways unchanged, and reading never waits."""
        every = bytes(range(256))
        os.write(port.fd, every)
        self.assertEqual(os.read(far, 1000), every)
        os.write(far, every)
        got = b""
        while len(got) < 256:
            got += os.read(port.fd, 1000)
        self.assertEqual(got, every)
        self.assertRaises(BlockingIOError, os.read, port.fd, 1)

    def test_pseudo_terminal(self) -> None:
        master, path = self.pty()
        port = open_port(path, 250000)
        self.assertEqual(port.baud, 0)
        self.check_bytes(port, master)
        port.close()
        self.assertRaises(OSError, os.read, port.fd, 1)

    def test_through_a_link(self) -> None:
        """The firmware of this computer offers its terminal under a name of its own."""
        master, path = self.pty()
        link = self.mktemp()
        os.symlink(path, link)
        port = open_port(link, 250000)
        self.check_bytes(port, master)
        port.close()

    def test_serial_port(self) -> None:
        """There is none here, but a terminal takes the same settings, but for its modem lines."""
        master, path = self.pty()
        port = _open_serial(path, 115200, True)
        self.assertEqual(port.baud, 115200)
        os.set_blocking(port.fd, False)
        self.check_bytes(port, master)
        port.close()

    def test_stale_bytes_are_dropped(self) -> None:
        master, path = self.pty()
        os.write(master, b"old news")
        port = open_port(path, 250000)
        self.assertRaises(BlockingIOError, os.read, port.fd, 1)
        port.close()

    def test_tcp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = open_port(f"socket://127.0.0.1:{server.getsockname()[1]}", 250000)
            far, _ = server.accept()
            with far:
                os.write(port.fd, b"there")
                self.assertEqual(far.recv(100), b"there")
                self.assertRaises(BlockingIOError, os.read, port.fd, 1)
            port.close()

    def test_refusals(self) -> None:
        self.assertIn("/dev/none does not exist: is the board plugged in", self.refused("/dev/none"))
        self.assertIn("write it as socket://host:port", self.refused("socket://localhost"))
        with socket.create_server(("127.0.0.1", 0)) as server:
            name = f"socket://127.0.0.1:{server.getsockname()[1]}"
        self.assertIn(f"cannot open {name}: Connection refused", self.refused(name))
        self.assertIn("cannot open /dev/null: ", self.refused("/dev/null"))

    def test_in_use(self) -> None:
        _, path = self.pty()
        port = open_port(path, 250000)
        self.assertEqual(self.refused(path), f"{path} is in use by another program")
        port.close()
        open_port(path, 250000).close()
        serial = _open_serial(path, 250000, True)
        self.assertIn("in use", self.refused(path))
        serial.close()

    def test_dropped(self) -> None:
        """Nobody closed it: it is not locked for ever."""
        _, path = self.pty()
        port = open_port(path, 250000)
        del port
        open_port(path, 250000).close()
