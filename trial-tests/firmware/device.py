"""A firmware process with its pseudo-terminal, driven with raw frames."""

import os
import select
import signal
import subprocess
import termios
import time
import tty
from collections.abc import Callable
from typing import Any, NamedTuple

from . import wire
from .build import ROOT, binary

PATIENCE = 15.0  # s: the bound on each wait; far more than an idle machine needs


class Target(NamedTuple):
    """What differs between the firmware's targets, as far as these tests are concerned."""

    name: str
    arguments: tuple[str, ...]
    out_pin: str
    step_pin: str
    direction_pin: str
    input_pin: str
    pwm_pin: str
    adc_pin: str
    exact: bool  # timers run at exactly their clock


# Linux without hardware: pins exist in memory only.
LINUX = Target(
    "linux",
    ("--no-hardware",),
    "gpiochip1/gpio4",
    "gpio20",
    "gpio21",
    "gpio5",
    "pwmchip0/pwm1",
    "analog1",
    False,
)
SIM = Target(
    "sim", (str(ROOT / "config" / "simulated-printer.model"),), "PB4", "PA0", "PA1", "PC0", "PB2", "PF0", True
)


class Message(NamedTuple):
    """A decoded response."""

    name: str
    parameters: dict[str, Any]

    def __getitem__(self, key: Any) -> Any:
        return self.parameters[key] if isinstance(key, str) else tuple.__getitem__(self, key)


class Device:
    """Start a target, open its console, and speak to it.

    Nothing here retransmits: each test says itself what goes over the wire and what must come back.
    """

    def __init__(self, target: Target, link: str, *more: str) -> None:
        self.target = target
        self.link = link
        self.dictionary = wire.Dictionary()
        self.sequence = 0
        self.fd = -1
        self._stream = b""
        self._blocks: list[bytes] = []
        self._messages: list[Message] = []
        command = [binary(target.name), *target.arguments, "-I", link, "--die-with-parent", *more]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self.wait(lambda: os.path.islink(link) and os.path.exists(link), "a link to its pseudo-terminal")

    # The process

    def wait(self, met: Callable[[], bool], what: str) -> None:
        """Wait until a condition is met, while the process lives."""
        deadline = time.monotonic() + PATIENCE
        while not met():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"no {what}; {self.process.poll()=}")
            select.select([], [], [], 0.005)

    def stop(self) -> int:
        """End the process, keep what it said in C{errors}, and return its exit status."""
        self.close()
        if self.process.stderr.closed:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.errors = self.process.stderr.read().decode()
        self.process.stderr.close()
        return status

    # The console

    def open(self) -> None:
        """Open the pseudo-terminal as a host does."""
        self.fd = os.open(self.link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.fd)
        termios.tcflush(self.fd, termios.TCIOFLUSH)
        self._stream = b""
        self._blocks.clear()
        self._messages.clear()

    def close(self) -> None:
        """Close the pseudo-terminal."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def write(self, data: bytes) -> None:
        """Send raw bytes."""
        while data:
            _, writable, _ = select.select([], [self.fd], [], PATIENCE)
            assert writable, "the firmware doesn't read"
            data = data[os.write(self.fd, data) :]

    def block(self, timeout: float = PATIENCE) -> bytes | None:
        """The next whole block that the firmware sent; None after timeout seconds without one."""
        deadline = time.monotonic() + timeout
        while not self._blocks:
            readable, _, _ = select.select([self.fd], [], [], max(0.0, deadline - time.monotonic()))
            if not readable:
                return None
            self._stream += os.read(self.fd, 4096)
            self._blocks, self._stream = wire.split_blocks(self._stream)
        return self._blocks.pop(0)

    def acknowledgement(self, timeout: float = PATIENCE) -> int | None:
        """The sequence of the next empty block; responses that come before it are kept for message()."""
        # One deadline for all: reports and statistics come for ever.
        deadline = time.monotonic() + timeout
        while (one := self.block(max(0.0, deadline - time.monotonic()))) is not None:
            if len(one) == 5:
                return one[1] & 15
            self._messages.append(Message(*self.dictionary.decode(one[2:-3])))
        return None

    def await_acknowledgement(self) -> None:
        """Skip acknowledgements until the one of all that was sent."""
        while (sequence := self.acknowledgement()) != self.sequence:
            assert sequence is not None, "no acknowledgement"

    def silence(self) -> None:
        """Prove that nothing more is to come: what a further, good block brings comes right away."""
        marker = self.dictionary.encode("debug_ping", data=b"silence")
        before = len(self._messages)
        assert self.transmit(marker) == self.sequence
        fresh = [m for m in self._messages[before:] if m.name != "stats"]
        assert [m.name for m in fresh] == ["pong"], fresh
        del self._messages[before:]

    def discard(self) -> None:
        """Forget the responses that came so far."""
        self._messages.clear()

    # Commands

    def transmit(self, content: bytes) -> int | None:
        """Send content as the next block; the sequence of the first empty block that answers it."""
        self.write(wire.block(self.sequence, content))
        self.sequence = self.sequence + 1 & 15
        return self.acknowledgement()

    def send(self, name: str, **parameters: wire.Parameter) -> None:
        """Send one command in a block of its own and see it acknowledged."""
        answer = self.transmit(self.dictionary.encode(name, **parameters))
        assert answer == self.sequence, f"{answer} instead of {self.sequence} after {name}"

    def message(self, *names: str, timeout: float = PATIENCE) -> Message:
        """The next response of one of these names; others are skipped."""
        deadline = time.monotonic() + timeout
        while True:
            while self._messages:
                message = self._messages.pop(0)
                if message.name in names:
                    return message
            one = self.block(max(0.0, deadline - time.monotonic()))
            assert one is not None, f"no {' or '.join(names)} within {timeout} s"
            if len(one) > 5:
                self._messages.append(Message(*self.dictionary.decode(one[2:-3])))

    def ask(self, response: str, name: str, **parameters: wire.Parameter) -> Message:
        """Send a command and wait for its response."""
        self.send(name, **parameters)
        return self.message(response)

    def pongs(self, count: int) -> list[bytes]:
        """The data of as many answers to debug_ping as have already come."""
        return [self.message("pong", timeout=0)["data"] for _ in range(count)]

    # What most tests need

    def _adopt_sequence(self) -> None:
        """Send blocks until one is executed, each with the sequence that the last answer named.

        An answer may be to something that was on the line before. So each try asks for a response of its
        own, and behind that response there is one empty block for it and one for each try after it.
        """
        for attempt in range(20):
            question = self.dictionary.encode("identify", offset=2**30 + attempt, count=1)
            self.write(bytes([wire.SYNC]) + wire.block(self.sequence, question))
            deadline = time.monotonic() + PATIENCE
            answer = self.block()
            while answer is not None and len(answer) > 5 and self._executed(answer) is None:
                answer = self.block(max(0.0, deadline - time.monotonic()))
            assert answer is not None, "no answer"
            self.sequence = answer[1] & 15
            if len(answer) > 5:
                for _ in range(1 + attempt - self._executed(answer)):
                    assert self.acknowledgement() == self.sequence
                return
        raise AssertionError("the firmware accepts no block")

    def _executed(self, answer: bytes) -> int | None:
        """Which try a block answers; None if it is about something else."""
        name, parameters = self.dictionary.decode(answer[2:-3])
        if name == "identify_response" and parameters["offset"] >= 2**30:
            return parameters["offset"] - 2**30
        return None

    def identify(self) -> None:
        """Adopt the firmware's sequence and read its dictionary."""
        self._adopt_sequence()

        def ask(offset: int, count: int) -> bytes:
            reply = self.ask("identify_response", "identify", offset=offset, count=count)
            assert reply["offset"] == offset
            return reply["data"]

        self.dictionary = wire.Dictionary(wire.read_dictionary(ask))

    def pin(self, name: str) -> int:
        """The number of a pin."""
        return self.dictionary.word("pin", name)

    def ticks(self, seconds: float) -> int:
        """Seconds in ticks of this MCU."""
        return round(seconds * self.dictionary.constants["CLOCK_FREQ"])

    def clock(self, ahead: float = 0.0) -> int:
        """The MCU's clock, so many seconds from now."""
        return self.ask("clock", "get_clock")["clock"] + self.ticks(ahead) & 0xFFFFFFFF

    def configure(self, *commands: tuple[str, dict[str, wire.Parameter]], crc: int = 0) -> None:
        """Configure objects; their oids count from 0 in the order given."""
        self.send("allocate_oids", count=len(commands))
        for oid, (name, parameters) in enumerate(commands):
            self.send(name, oid=oid, **parameters)
        self.send("finalize_config", crc=crc)

    def shutdown_reason(self, timeout: float = PATIENCE) -> str:
        """Wait for the firmware to shut down; why it did."""
        return self.dictionary.reason(self.message("shutdown", timeout=timeout)["static_string_id"])
