"""What the kernel alone takes for a fan-out: a process that does nothing but send, to as many clients."""

import select
import socket
import subprocess
import sys
import time

__all__ = ["fan_out_floor", "process_cpu"]

_SENDER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
clients = [listener.accept()[0] for _ in range(int(sys.argv[1]))]
for each in clients:
    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    each.setblocking(False)
message = b"x" * int(sys.argv[2])
while True:
    time.sleep(0.25)
    for each in clients:
        each.send(message)
"""


def process_cpu(pid: int) -> float:
    """CPU that a process has used (s), to the nanosecond: its clock as clock_getcpuclockid(3) gives it."""
    return time.clock_gettime((~pid << 3) | 2)


def fan_out_floor(clients: int, size: int, seconds: float) -> float:
    """CPU of one core (%) for four messages of C{size} bytes a second to each of C{clients}."""
    command = [sys.executable, "-c", _SENDER, str(clients), str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        assert sender.stdout is not None
        port = int(sender.stdout.readline())
        sockets = {each.fileno(): each for each in (_connected(port) for _ in range(clients))}
        poll = select.epoll()
        for number in sockets:
            poll.register(number, select.EPOLLIN)
        _receive(sockets, poll, 1.0)
        before = process_cpu(sender.pid)
        _receive(sockets, poll, seconds)
        used = process_cpu(sender.pid) - before
        sender.terminate()
    for each in sockets.values():
        each.close()
    return used / seconds * 100


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def _receive(sockets: dict[int, socket.socket], poll: select.epoll, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            sockets[number].recv(65536)
