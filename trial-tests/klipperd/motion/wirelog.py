"""Step commands as a recording sink took them, read back into single steps."""

from attrs import define, field, frozen

QUEUE_STEP, SET_DIR, RESET_CLOCK = 70, 71, 72


@frozen
class Step:
    clock: int
    direction: int


def read_vlq(data: bytes, at: int) -> tuple[int, int]:
    """One variable-length integer (32 bits, signed) and where the next begins."""
    value = data[at] & 0x7F
    if value & 0x60 == 0x60:
        value -= 0x80
    while data[at] & 0x80:
        at += 1
        value = (value << 7) | (data[at] & 0x7F)
    return value, at + 1


def read_words(data: bytes) -> list[int]:
    words, at = [], 0
    while at < len(data):
        word, at = read_vlq(data, at)
        words.append(word)
    return words


@define
class MotorLog:
    """Executes the commands of one motor as an MCU does."""

    clock: int | None = None
    direction: int = 0
    steps: list[Step] = field(factory=list)
    batches: list[tuple[int, int, int]] = field(factory=list)
    resets: int = 0

    def feed(self, messages: list[tuple[int, bytes, int, int]]) -> "MotorLog":
        for _, payload, req_clock, slot_until in messages:
            words = read_words(payload)
            if words[0] == SET_DIR:
                self.direction = 1 if words[2] else -1
            elif words[0] == RESET_CLOCK:
                self._reset(words[2] & 0xFFFFFFFF, req_clock)
            else:
                assert words[0] == QUEUE_STEP, words
                self._queue(*words[2:], req_clock=req_clock, slot_until=slot_until)
        return self

    def _reset(self, low: int, req_clock: int) -> None:
        # The upper half of the clock is that of the time at which the command is wanted.
        assert req_clock & 0xFFFFFFFF == low
        assert self.clock is None or req_clock > self.clock, "the motor may still be moving"
        self.clock = req_clock
        self.resets += 1

    def _queue(self, interval: int, count: int, add: int, *, req_clock: int, slot_until: int) -> None:
        assert self.clock is not None and self.direction != 0
        assert 1 <= count <= 0xFFFF and -0x8000 <= add <= 0x7FFF
        interval &= 0xFFFFFFFF
        assert req_clock <= self.clock + interval
        self.batches.append((interval, count, add))
        for _ in range(count):
            assert 0 < interval < 2**31
            self.clock += interval
            interval += add
            self.steps.append(Step(self.clock, self.direction))
        assert slot_until == self.clock

    def position(self) -> int:
        return sum(step.direction for step in self.steps)
