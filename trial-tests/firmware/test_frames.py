"""Blocks: what is accepted, what is refused, and what is answered."""

import random

from . import wire
from .case import DeviceTests, for_each_target


def damaged(block: bytes) -> bytes:
    """The block with a wrong CRC; no byte of it but the last is a sync."""
    return block[:-3] + bytes(byte ^ 0x01 for byte in block[-3:-1]) + block[-1:]


@for_each_target
class FirstContact(DeviceTests):
    """Before a host knows anything."""

    identified = False

    def test_expects_zero(self) -> None:
        """After power-on sequence 0 is expected: its empty block is acknowledged with a 1."""
        self.device.write(wire.block(0))
        self.assertEqual(self.device.acknowledgement(), 1)

    def test_host_starts_at_one(self) -> None:
        """A host that starts elsewhere learns the sequence from the first answer, each time."""
        for sequence in (1, 7, 15, 1):
            self.device.write(wire.block(sequence))
            self.assertEqual(self.device.acknowledgement(), 0)
        self.device.write(wire.block(0))
        self.assertEqual(self.device.acknowledgement(), 1)

    def test_known_bytes(self) -> None:
        """The answer to the empty block of sequence 15 is the published test vector."""
        for sequence in range(15):
            self.device.write(wire.block(sequence))
            self.assertEqual(self.device.acknowledgement(), sequence + 1)
        self.device.write(wire.block(15))
        self.assertEqual(self.device.block(), bytes.fromhex("05109e817e"))

    def test_identify_before_all(self) -> None:
        """The first piece of the dictionary looks like zlib, and its block bears the next sequence."""
        self.device.write(wire.block(0, wire.vlq(1) + wire.vlq(0) + wire.vlq(40)))
        reply = self.device.block()
        while reply[2:-3] != b"" and reply[2] != 0:  # `starting` may come unasked
            reply = self.device.block()
        self.assertEqual(reply[1], 0x11)
        self.assertEqual(reply[2:5], bytes([0, 0, 40]))
        self.assertEqual(reply[5] & 0x0F, 8)
        self.assertEqual(self.device.acknowledgement(), 1)


@for_each_target
class Blocks(DeviceTests):
    """Good blocks and bad ones, on a connection that is in step."""

    def ping(self, data: bytes) -> bytes:
        """A block with a debug_ping, of the sequence that is next."""
        return wire.block(self.device.sequence, self.device.dictionary.encode("debug_ping", data=data))

    def assert_in_step(self) -> None:
        """The next good block is executed once, and nothing else comes."""
        self.device.write(self.ping(b"in step"))
        self.device.sequence = self.device.sequence + 1 & 15
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assertEqual(self.device.pongs(1)[0], b"in step")
        self.device.silence()

    def test_response_before_acknowledgement(self) -> None:
        """The response comes first, and both bear the sequence that is expected next."""
        self.device.write(self.ping(b"x"))
        response = self.device.block()
        while self.device.dictionary.decode(response[2:-3])[0] != "pong":
            response = self.device.block()
        self.assertEqual(response[1] & 15, self.device.sequence + 1 & 15)
        self.assertEqual(self.device.block(), wire.block(self.device.sequence + 1))

    def test_one_response_a_block(self) -> None:
        """Several commands in a block: as many responses, each in a block, and one acknowledgement."""
        encode = self.device.dictionary.encode
        pings = [encode("debug_ping", data=bytes([65 + i])) for i in range(12)]
        self.assertEqual(self.device.transmit(b"".join(pings)), self.device.sequence)
        for i in range(12):
            self.assertEqual(self.device.pongs(1)[0], bytes([65 + i]))
        self.device.silence()

    def test_largest(self) -> None:
        """A block of 64 bytes, and its echo."""
        content = self.device.dictionary.encode("debug_ping", data=bytes(range(57)))
        self.assertEqual(len(wire.block(0, content)), 64)
        self.assertEqual(self.device.transmit(content), self.device.sequence)
        self.assertEqual(self.device.pongs(1)[0], bytes(range(57)))

    def test_sequence_wraps(self) -> None:
        """Forty blocks, each with its own number, all executed in order."""
        for i in range(40):
            reply = self.device.ask("pong", "debug_ping", data=bytes([i]))
            self.assertEqual(reply["data"], bytes([i]))

    def test_window(self) -> None:
        """Blocks sent without waiting are executed in order and each is acknowledged."""
        start = self.device.sequence
        stream = b""
        for i in range(10):
            stream += self.ping(bytes([i]))
            self.device.sequence = self.device.sequence + 1 & 15
        self.device.write(stream)
        answers = [self.device.acknowledgement() for _ in range(10)]
        self.assertEqual(answers, [start + i & 15 for i in range(1, 11)])
        self.assertEqual(self.device.pongs(10), [bytes([i]) for i in range(10)])

    def test_byte_by_byte(self) -> None:
        """How the bytes are grouped on their way makes no difference."""
        for byte in self.ping(b"slow"):
            self.device.write(bytes([byte]))
        self.device.sequence = self.device.sequence + 1 & 15
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assertEqual(self.device.pongs(1)[0], b"slow")

    def test_leading_syncs(self) -> None:
        """Any number of 0x7e before a block is no fault."""
        for count in (1, 2, 63, 64, 65, 200):
            self.device.write(b"\x7e" * count)
            self.assert_in_step()

    def test_sync_inside(self) -> None:
        """0x7e is an ordinary byte within a block."""
        reply = self.device.ask("pong", "debug_ping", data=b"\x7e" * 50)
        self.assertEqual(reply["data"], b"\x7e" * 50)

    def test_wrong_crc(self) -> None:
        """One NAK, nothing executed; the same block intact then is."""
        self.device.write(damaged(self.ping(b"damaged")))
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assert_in_step()

    def test_each_byte_matters(self) -> None:
        """A flipped bit anywhere in a block keeps it from being executed."""
        whole = self.ping(b"each byte")
        for at in range(1, len(whole)):
            changed = bytearray(self.ping(b"each byte"))
            changed[at] ^= 0x04
            # The syncs make the firmware look up even if the last byte, its own sync, was hit.
            self.device.write(bytes(changed) + b"\x7e\x7e")
            self.assertEqual(self.device.acknowledgement(), self.device.sequence, f"byte {at}")
            self.assert_in_step()

    def test_one_nak_until_a_good_block(self) -> None:
        """Any number of damaged blocks brings one NAK; after a good one, the next again."""
        for _ in range(2):
            self.device.write(damaged(self.ping(b"damaged")) * 7)
            self.assertEqual(self.device.acknowledgement(), self.device.sequence)
            self.assert_in_step()

    def test_good_block_right_behind_a_damaged_one(self) -> None:
        """The damaged block's own sync is where reading resumes."""
        self.device.write(damaged(self.ping(b"damaged")) + self.ping(b"good"))
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.device.sequence = self.device.sequence + 1 & 15
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assertEqual(self.device.pongs(1)[0], b"good")

    def test_sizes_that_cannot_be(self) -> None:
        """A length byte out of 5..64 is refused at once, up to the next sync."""
        for length in (0, 1, 4, 65, 100, 125, 127, 128, 255):
            body = bytes([length, 0x10 | self.device.sequence]) + b"z" * max(0, length - 3) + b"\x7e"
            self.device.write(body)
            self.assertEqual(self.device.acknowledgement(), self.device.sequence, f"length {length}")
            self.assert_in_step()

    def test_oversized_and_well_formed(self) -> None:
        """Even with a right CRC a block of more than 64 bytes isn't executed."""
        content = self.device.dictionary.encode("debug_ping", data=b"o" * 58)
        self.assertEqual(len(wire.block(0, content)), 65)
        self.device.write(wire.block(self.device.sequence, content))
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assert_in_step()

    def test_undersized_and_well_formed(self) -> None:
        """A block of four bytes can't hold a CRC of its own."""
        self.device.write(bytes([4, 0x10 | self.device.sequence, 0x81, 0x7E]))
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assert_in_step()

    def test_wrong_mark(self) -> None:
        """The upper half of the sequence byte is 1, and nothing else."""
        for mark in (0x00, 0x20, 0x30, 0x90, 0xF0):
            checked = bytes([5, mark | self.device.sequence])
            self.device.write(checked + wire.crc16(checked).to_bytes(2, "big") + b"\x7e")
            self.assertEqual(self.device.acknowledgement(), self.device.sequence)
            self.assert_in_step()

    def test_cut_short(self) -> None:
        """A block that loses its end takes the start of the next with it, and then all is well."""
        self.device.write(self.ping(b"cut short, with some length")[:-6] + self.ping(b"next"))
        self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assert_in_step()

    def test_replayed(self) -> None:
        """A block that was already executed is answered, not executed again."""
        encode = self.device.dictionary.encode
        again = self.ping(b"once")
        self.device.transmit(encode("debug_ping", data=b"once"))
        self.assertEqual(self.device.pongs(1)[0], b"once")
        for _ in range(5):
            self.device.write(again)
            self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.device.silence()

    def test_skipped(self) -> None:
        """Blocks from the future are answered with the sequence that is missing, and not executed."""
        encode = self.device.dictionary.encode
        for ahead in range(1, 15):
            self.device.write(wire.block(self.device.sequence + ahead, encode("debug_ping", data=b"early")))
            self.assertEqual(self.device.acknowledgement(), self.device.sequence)
        self.assert_in_step()

    def test_lost_block_is_sent_again(self) -> None:
        """The way of a host: a block is lost, those behind it come too early, all are sent once more."""
        encode = self.device.dictionary.encode
        start = self.device.sequence
        blocks = [wire.block(start + i, encode("debug_ping", data=bytes([i]))) for i in range(6)]
        self.device.write(blocks[0] + b"".join(blocks[2:]))
        answers = [self.device.acknowledgement() for _ in range(5)]
        self.assertEqual(answers, [start + 1 & 15] * 5)
        self.device.write(b"".join(blocks[1:]))
        answers = [self.device.acknowledgement() for _ in range(5)]
        self.assertEqual(answers, [start + i & 15 for i in range(2, 7)])
        self.device.sequence = start + 6 & 15
        self.assertEqual(self.device.pongs(6), [bytes([i]) for i in range(6)])
        self.device.silence()

    def test_garbage(self) -> None:
        """Whatever comes, in whatever amount: no crash, nothing executed, and then back in step."""
        chance = random.Random(20260801)
        for size in (1, 5, 63, 64, 65, 300, 3000, 20000):
            garbage = bytes(chance.choice((chance.randrange(256), 0x7E, 5, 0x10, 64)) for _ in range(size))
            self.device.write(garbage)
            # Long enough to end any block that the garbage pretends to have begun.
            self.device.write(b"\x7e" * 70)
            self.assertEqual(self.resume(), [], "garbage was executed")
            self.assert_in_step()

    def resume(self) -> list[str]:
        """Send a good block until it is acknowledged; the names of responses on the way, but for its own."""
        self.device.write(self.ping(b"resume"))
        self.device.sequence = self.device.sequence + 1 & 15
        self.device.await_acknowledgement()
        names = []
        while (message := self.device.message("pong", timeout=0))["data"] != b"resume":
            names.append(message.name)
        return names

    def test_damage_anywhere(self) -> None:
        """Good blocks with bytes lost, changed and put in: retransmitting gets all across, once."""
        chance = random.Random(41)
        for turn in range(30):
            data = bytes([turn, *chance.randbytes(chance.randrange(40))])
            stream = bytearray(self.ping(data))
            for _ in range(chance.randrange(1, 4)):
                at = chance.randrange(len(stream))
                stream[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
            if bytes(stream) == self.ping(data):
                continue
            self.device.write(bytes(stream) + b"\x7e" * 70)
            self.device.write(self.ping(data))
            self.device.sequence = self.device.sequence + 1 & 15
            self.device.await_acknowledgement()
            self.assertEqual(self.device.pongs(1)[0], data)
            self.device.silence()


@for_each_target
class Contents(DeviceTests):
    """Blocks that are intact, with contents that make no sense."""

    def test_unknown_command(self) -> None:
        """An id that isn't in the dictionary shuts down, and the block is acknowledged."""
        for number in (0, 95, 96, -1, -32, 12287, 2**31, 2**32 - 1):
            self.device.transmit(wire.vlq(number))
            self.assertEqual(self.device.shutdown_reason(), "Invalid command")
            self.device.send("clear_shutdown")

    def test_cut_off_parameters(self) -> None:
        """Missing parameters, numbers without end and buffers that reach beyond the block."""
        encode = self.device.dictionary.encode
        ping = encode("debug_ping", data=b"")[:-1]
        identify = encode("identify", offset=0, count=0)[:-1]
        buffers = (ping, ping + b"\x05abcd", ping + b"\xff\xff\xff\x7f")
        for content in (identify, *buffers, b"\x81\x80\x80\x80\x80\x00"):
            self.device.transmit(content)
            self.assertEqual(self.device.shutdown_reason(), "Command parser error")
            self.device.send("clear_shutdown")

    def test_commands_before_the_fault(self) -> None:
        """What comes before the fault in a block is done, what comes behind isn't."""
        encode = self.device.dictionary.encode
        first, second = (encode("debug_ping", data=data) for data in (b"before", b"behind"))
        self.device.transmit(first + wire.vlq(95) + second)
        self.assertEqual(self.device.pongs(1)[0], b"before")
        self.device.shutdown_reason()
        self.device.silence()
