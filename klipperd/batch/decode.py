"""Read back what a batch run has written: each command with its values and the clock at which it happens."""

from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from klipperd.batch.errors import BatchError
from klipperd.mcu.clock_estimate import extend_clock
from klipperd.mcu.pin_names import MAIN_CHIP
from klipperd.wire import vlq
from klipperd.wire.codec import Decoder, Message
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.errors import ProtocolError
from klipperd.wire.frames import FrameParser

__all__ = ["Command", "CommandReader", "print_decoded", "read_commands"]

_PORTION = 1 << 16


@frozen
class Command:
    """One command.

    C{begin}, C{end}: 64-bit clocks (ticks) of its first and last effect (steps of a C{queue_step}; the
    C{clock} of others), None where it takes effect when it comes.
    """

    message: Message
    begin: int | None = None
    end: int | None = None

    def text(self, freq: float) -> str:
        """One line."""
        values = " ".join(f"{name}={_shown(value)}" for name, value in self.message.values.items())
        line = f"{self.message.name} {values}".rstrip()
        if self.begin is None or self.end is None:
            return line
        clocks = f"{self.begin}" if self.begin == self.end else f"{self.begin}..{self.end}"
        return f"{line}  # clock {clocks}, {self.begin / freq:.6f} s"


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


@define(eq=False, repr=False)
class CommandReader:
    """Decodes blocks of commands, in order, and follows the clocks of steppers."""

    _dictionary: Dictionary
    _decoders: dict[int, Decoder] = field(init=False)
    _steppers: dict[int, int] = field(init=False, factory=dict)
    """oid -> clock of the last step."""
    _latest: int = field(init=False, default=0)

    @_decoders.default
    def _make_decoders(self) -> dict[int, Decoder]:
        made = {}
        for spec in self._dictionary.commands:
            number = self._dictionary.command(spec.text).message_id
            made[number] = Decoder(spec, number, self._dictionary.command(spec.text).enumerations)
        return made

    def decode(self, payload: bytes) -> Iterator[Command]:
        """The commands of one block. @raise ProtocolError: the dictionary doesn't have one of them."""
        position = 0
        while position < len(payload):
            number, position = vlq.decode(payload, position)
            decoder = self._decoders.get(number)
            if decoder is None:
                raise ProtocolError(f"command id {number} is not in the data dictionary")
            message, position = decoder.decode(payload, position)
            yield self._time(message)

    def _time(self, message: Message) -> Command:
        values = message.values
        if message.name == "queue_step":
            before = self._steppers.get(values["oid"], 0)
            interval, count, add = values["interval"], values["count"], values["add"]
            begin = before + interval
            end = before + interval * count + add * (count * (count - 1) // 2)
            self._steppers[values["oid"]] = end
            self._latest = max(self._latest, begin)
            return Command(message, begin, end)
        for name in ("clock", "report_clock"):
            if name in values:
                clock = extend_clock(values[name], self._latest)
                if message.name == "reset_step_clock":
                    self._steppers[values["oid"]] = clock
                return Command(message, clock, clock)
        return Command(message)


def read_commands(path: str, dictionary: Dictionary) -> Iterator[Command]:
    """The commands in a file that a batch run wrote for one MCU.

    @raise BatchError: it is damaged, or the dictionary is another MCU's.
    """
    reader, parser = CommandReader(dictionary), FrameParser()
    block = 0
    with open(path, "rb") as source:
        while data := source.read(_PORTION):
            for _, payload in parser.feed(data):
                block += 1
                try:
                    yield from reader.decode(payload)
                except ProtocolError as error:
                    raise BatchError(f"{path}: block {block}: {error}") from error
    if parser.invalid_bytes:
        raise BatchError(f"{path}: {parser.invalid_bytes} bytes belong to no block")


def print_decoded(path: str, dictionaries: Mapping[str, Dictionary]) -> None:
    """Print such a file, one command a line; it is the main MCU's, or that of the only dictionary."""
    dictionary = dictionaries.get(MAIN_CHIP) or next(iter(dictionaries.values()))
    freq = float(dictionary.integer("CLOCK_FREQ"))
    for command in read_commands(path, dictionary):
        print(command.text(freq))
