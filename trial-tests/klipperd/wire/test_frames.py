"""Blocks: sealing, checking, finding them among garbage."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire.frames import FRAME_LIMIT, PAYLOAD_LIMIT, SYNC_BYTE, FrameParser, checksum, seal_frame

payloads = st.binary(max_size=PAYLOAD_LIMIT)
sequences = st.integers(0, 15)


def slow_checksum(data: bytes) -> int:
    """CRC-16/MCRF4XX bit by bit, from its definition (reflected polynomial 0x8408)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc


def chopped(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


class Sealing(SynchronousTestCase):
    def test_empty_block(self) -> None:
        self.assertEqual(seal_frame(0), bytes.fromhex("05109e817e"))

    def test_check_value(self) -> None:
        """The catalogue's check value of CRC-16/MCRF4XX."""
        self.assertEqual(checksum(b"123456789"), 0x6F91)

    @given(st.binary(max_size=200))
    def test_checksum_agrees_with_its_definition(self, data: bytes) -> None:
        self.assertEqual(checksum(data), slow_checksum(data))

    def test_too_long(self) -> None:
        error = self.assertRaises(ValueError, seal_frame, 1, bytes(PAYLOAD_LIMIT + 1))
        self.assertIn("at most 59 bytes, not 60", str(error))

    def test_longest(self) -> None:
        self.assertEqual(len(seal_frame(1, bytes(PAYLOAD_LIMIT))), FRAME_LIMIT)


class Parsing(SynchronousTestCase):
    @given(st.lists(st.tuples(sequences, payloads)), st.lists(st.integers(0)))
    def test_any_blocks_in_any_pieces(self, blocks: list[tuple[int, bytes]], cuts: list[int]) -> None:
        stream = b"".join(seal_frame(sequence, payload) for sequence, payload in blocks)
        parser = FrameParser()
        found = [block for piece in chopped(stream, cuts) for block in parser.feed(piece)]
        self.assertEqual(found, blocks)
        self.assertEqual(parser.invalid_bytes, 0)

    @given(st.binary(max_size=300), sequences, payloads, st.lists(st.integers(0)))
    def test_recovers_after_garbage(
        self, garbage: bytes, sequence: int, payload: bytes, cuts: list[int]
    ) -> None:
        """Enough syncs end any half block; what follows them is found."""
        flush = bytes([SYNC_BYTE]) * FRAME_LIMIT
        parser = FrameParser()
        stream = garbage + flush + seal_frame(sequence, payload)
        found = [block for piece in chopped(stream, cuts) for block in parser.feed(piece)]
        self.assertEqual(found[-1:], [(sequence, payload)])

    @given(payloads, payloads, st.integers(0), st.integers(1, 255))
    def test_one_bad_byte_costs_at_most_its_block(
        self, first: bytes, second: bytes, place: int, change: int
    ) -> None:
        """What comes out is a part of what went in, whichever byte was changed."""
        bad = bytearray(seal_frame(1, first))
        bad[place % len(bad)] ^= change
        parser = FrameParser()
        flush = bytes([SYNC_BYTE]) * FRAME_LIMIT
        found = parser.feed(bytes(bad) + seal_frame(2, second) + flush + seal_frame(3))
        self.assertIn(found, ([(2, second), (3, b"")], [(3, b"")]))
        self.assertTrue(parser.invalid_frames)

    def test_leading_syncs_are_ignored(self) -> None:
        parser = FrameParser()
        found = parser.feed(b"~~~" + seal_frame(5, b"x") + b"~" + seal_frame(6))
        self.assertEqual(found, [(5, b"x"), (6, b"")])
        self.assertEqual((parser.invalid_bytes, parser.invalid_frames), (0, 0))

    def test_wrong_upper_half_of_the_sequence(self) -> None:
        frame = bytearray(seal_frame(1))
        frame[1] = 0x21
        crc = checksum(bytes(frame[:2]))
        frame[2:4] = crc.to_bytes(2, "big")
        parser = FrameParser()
        self.assertEqual(parser.feed(bytes(frame)), [])
        self.assertEqual((parser.invalid_frames, parser.invalid_bytes), (1, 5))

    def test_hunting_goes_on_in_the_next_piece(self) -> None:
        """After bad bytes everything up to the next sync is skipped, wherever the pieces end."""
        parser = FrameParser()
        found = [parser.feed(piece) for piece in (b"\x01", seal_frame(1, b"lost"), seal_frame(2))]
        self.assertEqual(found, [[], [], [(2, b"")]])
        self.assertEqual((parser.invalid_bytes, parser.invalid_frames), (10, 1))

    def test_much_garbage_at_once(self) -> None:
        """More than the parser's buffer, without any sync."""
        parser = FrameParser()
        self.assertEqual(parser.feed(b"\x01" * 100_000 + b"~" + seal_frame(1)), [(1, b"")])
        self.assertEqual(parser.invalid_bytes, 100_001)
