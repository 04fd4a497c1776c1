"""Fuzz target of the block parser and the sequence machine: `make fuzz`, or run this file (`--seconds N`).

With atheris installed (`pip install atheris`), inputs are derived from those that reached new code in the
Python layers; without it hypothesis invents them.  Either way a failure prints the input that caused it.
What is checked: nothing crashes, blocks found in any pieces are those found in the whole, every block found
is a good one, and a good block is found again after a flush of syncs.
"""

import argparse
import sys
import time
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from klipperd.wire.dictionary import Dictionary
from klipperd.wire.errors import ProtocolError
from klipperd.wire.frames import FRAME_LIMIT, SYNC_BYTE, FrameParser, seal_frame
from klipperd.wire.sequence import Sequencer

FLUSH = bytes([SYNC_BYTE]) * FRAME_LIMIT
MARK = (13, b"marker")


def check(data: bytes) -> None:
    """One input: the first byte tells how the rest is chopped."""
    piece, stream = (data[0] % 70) + 1 if data else 1, data[1:]
    whole = FrameParser().feed(stream)
    parser, pieces = FrameParser(), []
    for start in range(0, len(stream), piece):
        pieces += parser.feed(stream[start : start + piece])
    assert pieces == whole, "the pieces matter"
    for sequence, payload in whole:
        assert seal_frame(sequence, payload) in stream, "a block that was not there"
    assert parser.feed(FLUSH + seal_frame(*MARK))[-1] == MARK, "not resynchronised"
    drive(whole)


def drive(blocks: list[tuple[int, bytes]]) -> None:
    """Let the sequence machine and the decoder take whatever came."""
    sender, known, now = Sequencer(), Dictionary.before_identify(), 0.0
    for sequence, payload in blocks:
        if sender.room() >= 4:
            sender.send(b"test", now)
        sender.receive(sequence, not payload, now)
        assert 0 <= sender.in_flight <= 15
        now += 0.1
        sender.expire(now)
        with suppress(ProtocolError):
            known.decode(payload)


#: Bytes that look like parts of blocks, so that the parser gets beyond the first test.
_likely = st.one_of(
    st.binary(max_size=70),
    st.builds(seal_frame, st.integers(0, 15), st.binary(max_size=59)),
    st.builds(lambda frame, cut: frame[:cut], st.builds(seal_frame, st.integers(0, 15)), st.integers(0, 64)),
    st.builds(lambda n: bytes([n, 0x10 | n % 16]), st.integers(0, 255)),
    st.just(b"~"),
)
_inputs = st.builds(
    lambda piece, parts: bytes([piece]) + b"".join(parts), st.integers(0, 255), st.lists(_likely, max_size=30)
)


def run_with_hypothesis(seconds: float) -> int:
    """Rounds of new examples until the time is over; returns their number."""
    until, rounds, each = time.monotonic() + seconds, 0, 2000
    run = settings(max_examples=each, deadline=None, database=None, suppress_health_check=list(HealthCheck))(
        given(_inputs)(check)
    )
    while time.monotonic() < until:
        run()
        rounds += 1
    return rounds * each


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60.0)
    seconds = options.parse_args().seconds
    try:
        import atheris
    except ImportError:
        print(f"{run_with_hypothesis(seconds)} inputs, no failure")
        return
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-max_total_time={seconds:.0f}", "-max_len=2000"], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
