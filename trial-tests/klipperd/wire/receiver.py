"""A plain, obviously right receiver of the MCU's side of the wire: the tests' other end."""

from collections.abc import Callable

from attrs import define, field

from klipperd.wire.frames import FrameParser, seal_frame


@define
class Receiver:
    """Takes blocks in order, answers each, and refuses all others, as Protocol.md tells.

    C{respond} gets the payload of each accepted block and returns the payloads to send back.
    """

    respond: Callable[[bytes], list[bytes]] = lambda payload: []
    expected: int = 0
    accepted: list[bytes] = field(factory=list)
    refused: int = 0
    _parser: FrameParser = field(factory=FrameParser)
    _complained: bool = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the host; return those to send to it."""
        bad_before = self._parser.invalid_frames
        out = b""
        for sequence, payload in self._parser.feed(data):
            if sequence == self.expected & 15:
                out += self._accept(payload)
            else:
                self.refused += 1
                out += seal_frame(self.expected)
        # One NAK at most until a good block comes.
        if self._parser.invalid_frames != bad_before and not self._complained:
            self._complained = True
            out += seal_frame(self.expected)
        return out

    def _accept(self, payload: bytes) -> bytes:
        self._complained = False
        self.expected += 1
        if payload:
            self.accepted.append(payload)
        answers = b"".join(seal_frame(self.expected, answer) for answer in self.respond(payload))
        return answers + seal_frame(self.expected)
