"""The link's thread against a peer on a socket pair."""

import contextlib
import itertools
import os
import pty
import random
import socket
import threading
import time
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire.errors import LinkClosed, LinkFull
from klipperd.wire.frames import FrameParser, seal_frame
from klipperd.wire.link import Link

from .peer import PATIENCE, Peer, records_until
from .receiver import Receiver


def command(lane: int, number: int) -> bytes:
    """A command of four bytes that tells where it belongs."""
    return bytes([lane]) + number.to_bytes(3, "big")


def commands_of(receiver: Receiver) -> list[bytes]:
    stream = b"".join(receiver.accepted)
    return [stream[i : i + 4] for i in range(0, len(stream), 4)]


class LinkCase(SynchronousTestCase):
    def connect(
        self,
        respond: Callable[[bytes], list[bytes]] = lambda payload: [],
        spoil: Callable[[bytes], bytes] = lambda data: data,
        **options: int,
    ) -> tuple[Link, Peer]:
        peer = Peer(Receiver(respond), spoil)
        link = Link(peer.near.fileno(), **options)
        self.addCleanup(peer.near.close)
        self.addCleanup(peer.hang_up)
        self.addCleanup(link.stop)
        link.start()
        return link, peer


class Sending(LinkCase):
    def test_in_order_and_packed(self) -> None:
        link, peer = self.connect()
        peer.start()
        wanted = [command(0, i) for i in range(2000)]
        for payload in wanted:
            link.send(payload)
        peer.wait_for(lambda receiver: len(commands_of(receiver)) == 2000)
        self.assertEqual(commands_of(peer.receiver), wanted)
        self.assertLess(len(peer.receiver.accepted), 1000, "several commands share a block")

    def test_over_a_bad_line(self) -> None:
        """Everything arrives exactly once and in order, though a tenth of all writes is damaged or lost."""
        chance = random.Random(1)

        def spoil(data: bytes) -> bytes:
            fate = chance.random()
            if fate < 0.05 and len(peer.receiver.accepted) > 1:
                return b""
            if fate < 0.10 and data:
                place = chance.randrange(len(data))
                return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
            return data

        link, peer = self.connect(spoil=spoil)
        peer.start()
        wanted = [command(0, i) for i in range(3000)]
        for payload in wanted:
            link.send(payload)
        peer.wait_for(lambda receiver: len(commands_of(receiver)) >= 3000)
        self.assertEqual(commands_of(peer.receiver), wanted)
        self.assertGreater(int(link.stats()["blocks_retransmit"]), 0)

    def test_lanes_by_clock(self) -> None:
        """While nothing can leave, the most urgent gathers at the front."""
        link, peer = self.connect()
        lanes = [link.new_lane() for _ in range(3)]
        self.assertEqual(lanes, [1, 2, 3])
        link.send(command(0, 0))
        peer.far.recv(1, socket.MSG_PEEK)  # it left, and is not answered
        for i in range(30):
            for lane in lanes:
                link.send(command(lane, i), lane, 1000 * (i + 1) - lane)
        link.send_urgent(command(9, 9))
        peer.start()
        peer.wait_for(lambda receiver: len(commands_of(receiver)) == 92)
        got = commands_of(peer.receiver)
        self.assertEqual(got[:2], [command(0, 0), command(9, 9)])
        self.assertEqual(got[2:], [command(lane, i) for i in range(30) for lane in (3, 2, 1)])

    def test_receive_window(self) -> None:
        """Never more bytes in flight than the MCU can buffer."""
        link, peer = self.connect(receive_window=192)
        most = 0
        parser = FrameParser()
        link.send(bytes(59))
        [(sequence, _)] = parser.feed(peer.far.recv(4096))
        expected = 0
        peer.say(seal_frame(expected))  # adopt 0
        parser.feed(peer.far.recv(4096))
        for _ in range(20):
            link.send(bytes(50))
        while expected < 21:
            expected += 1
            peer.say(seal_frame(expected))
            if expected < 21:
                peer.far.settimeout(10)
                most = max(most, len(peer.far.recv(4096)))
        self.assertEqual(sequence, 1)
        self.assertLessEqual(most, 192)

    def test_many_threads(self) -> None:
        link, peer = self.connect()
        peer.start()
        lanes = [link.new_lane() for _ in range(4)]

        def post(lane: int) -> None:
            for i in range(3000):
                link.send(command(lane, i), lane)
                if i % 100 == 0:
                    link.stats()
                    link.set_clock_estimate(1e6 + i, 0.0, i)

        threads = [threading.Thread(target=post, args=(lane,)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        peer.wait_for(lambda receiver: len(commands_of(receiver)) == 12000)
        got = commands_of(peer.receiver)
        for lane in lanes:
            self.assertEqual([c for c in got if c[0] == lane], [command(lane, i) for i in range(3000)])

    def test_misuse(self) -> None:
        link, _ = self.connect()
        for payload, lane in ((b"", 0), (bytes(60), 0), (b"x", 1), (b"x", -1)):
            self.assertRaises(ValueError, link.send, payload, lane)

    def test_an_mcu_that_takes_nothing(self) -> None:
        link, _ = self.connect()
        with self.assertRaises(LinkFull):
            for _ in range(200_200):
                link.send(b"step")
        link.send_urgent(b"stop")


class MoveQueue(LinkCase):
    def test_slots(self) -> None:
        link, peer = self.connect()
        peer.start()
        link.set_clock_estimate(1e-6, 0.0, 0)  # a clock that practically stands at 0
        link.set_move_count(4)
        steps = link.new_lane()
        for i in range(10):
            link.send(command(1, i), steps, 100 + i, 1000 + i)
        link.send(command(2, 0), 0, 5000)
        peer.wait_for(lambda receiver: command(2, 0) in commands_of(receiver))
        self.assertEqual(
            [c for c in commands_of(peer.receiver) if c[0] == 1], [command(1, i) for i in range(4)]
        )
        link.set_clock_estimate(1e-6, 0.0, 1003)
        link.send(command(2, 1), 0, 5000)
        peer.wait_for(lambda receiver: command(2, 1) in commands_of(receiver))
        self.assertEqual(
            [c for c in commands_of(peer.receiver) if c[0] == 1], [command(1, i) for i in range(8)]
        )

    def test_wakes_when_a_slot_becomes_free(self) -> None:
        """Nothing but the clock itself lets the second command go."""
        self.assertGreaterEqual(self.wait_for_a_slot(lambda link: None), 0.1)

    def test_a_slot_is_not_free_before_its_time(self) -> None:
        """However often the thread looks."""

        def bother(link: Link) -> None:
            link.send(b"nop!")
            time.sleep(0.0005)

        self.assertGreaterEqual(self.wait_for_a_slot(bother), 0.1)

    def wait_for_a_slot(self, meanwhile: Callable[[Link], None]) -> float:
        """Two commands for one slot, which is free after 0.1 s; when the second leaves, s."""
        link, peer = self.connect()
        peer.start()
        link.set_move_count(1)
        link.send(b"ask1", notify=1)
        [(_, _, begin)] = records_until(link, len)
        link.set_clock_estimate(1e6, begin, 0)
        link.send(command(1, 1), 0, 1, 100_000)
        link.send(command(1, 2), link.new_lane(), 2, 200_000, notify=2)
        found: list[tuple[str, int, float]] = []
        until = time.monotonic() + PATIENCE
        while not found and time.monotonic() < until:
            meanwhile(link)
            found = link.drain()  # type: ignore[assignment]
        [(_, _, sent)] = found
        return sent - begin

    def test_late_commands_are_counted(self) -> None:
        link, peer = self.connect()
        peer.start()
        link.set_clock_estimate(1e-6, 0.0, 5000)
        link.send(command(0, 1), 0, 4000, notify=1)
        link.send(command(0, 2), 0, 6000, notify=1)
        records_until(link, lambda found: len(found) == 2)
        self.assertEqual(link.stats()["late_commands"], 1)


class Receiving(LinkCase):
    def test_sent_then_answer(self) -> None:
        link, peer = self.connect(lambda payload: [b"answer " + payload])
        peer.start()
        for number in range(1, 50):
            link.send(b"question", notify=number)
            sent, message = records_until(link, lambda found: len(found) == 2)
            self.assertEqual(sent[:2], ("sent", number))
            self.assertEqual(message[:2], ("message", b"answer question"))
            self.assertLessEqual(sent[2], message[2])

    def test_unasked_messages(self) -> None:
        link, peer = self.connect()
        peer.say(b"garbage~" + seal_frame(3, b"starting"))
        [message] = records_until(link, len)
        self.assertEqual(message[:2], ("message", b"starting"))
        link.send(b"x", notify=1)
        peer.receiver.expected = 3
        peer.start()
        records_until(link, len)
        self.assertEqual(peer.receiver.accepted, [b"x"])
        self.assertEqual(link.stats()["bytes_invalid"], 8)

    def test_a_reader_that_does_not_come(self) -> None:
        """Memory is bounded: what is too much is dropped, and the reader learns how much."""
        link, peer = self.connect()
        block = seal_frame(1, b"news") * 100
        for _ in range(1010):
            peer.say(block)
        peer.hang_up()
        until = time.monotonic() + PATIENCE
        while not link.closed and time.monotonic() < until:
            time.sleep(0.001)
        found = link.drain()
        self.assertIn("1000 messages of the MCU were dropped", found[0][1])
        self.assertEqual(found[-1][0], "closed")
        self.assertEqual(len(found), 100_002)


class Closing(LinkCase):
    def test_end_of_file(self) -> None:
        link, peer = self.connect()
        peer.hang_up()
        [closed] = records_until(link, len)
        self.assertEqual(closed[0], "closed")
        self.assertIn("end of file", closed[1])
        self.assertTrue(link.closed)
        self.assertRaises(LinkClosed, link.send, b"x")
        self.assertRaises(LinkClosed, link.send_urgent, b"x")

    def test_hang_up_of_a_tty(self) -> None:
        master, slave = pty.openpty()
        self.addCleanup(os.close, slave)
        link = Link(slave)
        self.addCleanup(link.stop)
        link.start()
        os.close(master)
        [closed] = records_until(link, len)
        self.assertEqual(closed[0], "closed")

    def test_hang_up_while_sending(self) -> None:
        link, peer = self.connect()
        until = time.monotonic() + PATIENCE
        with self.assertRaises(LinkClosed):
            for i in itertools.count():
                # On a busy machine the thread may see the end only after all room is taken.
                with contextlib.suppress(LinkFull):
                    link.send(b"step")
                if i == 1000:
                    peer.hang_up()
                self.assertLess(time.monotonic(), until)

    def test_stop(self) -> None:
        link, _ = self.connect()
        link.send(b"x")
        link.stop()
        link.stop()
        self.assertRaises(LinkClosed, link.send, b"x")
        self.assertRaises(RuntimeError, link.start)

    def test_reopened(self) -> None:
        """A restarted MCU counts from the beginning; nothing of before is sent to it."""
        link, peer = self.connect()
        lane = link.new_lane()
        peer.receiver.expected = 5
        peer.start()
        link.send(command(0, 0), notify=1)
        records_until(link, len)
        link.set_move_count(1)
        link.set_clock_estimate(1e-6, 0.0, 0)
        for i in range(3):
            link.send(command(1, i), lane, 1, 1000 + i)
        self.assertEqual(link.busy_until, 1002)
        peer.hang_up()
        records_until(link, lambda found: found and found[-1][0] == "closed")
        again = Peer(Receiver())
        self.addCleanup(again.near.close)
        self.addCleanup(again.hang_up)
        again.start()
        link.reopen(again.near.fileno())
        for i in range(3):
            link.send(command(2, i), lane, 0, 1000 + i, notify=i + 1)
        records_until(link, lambda found: len(found) == 3)
        self.assertEqual(commands_of(again.receiver), [command(2, i) for i in range(3)])
        link.stop()

    def test_never_started(self) -> None:
        left, right = os.pipe()
        self.addCleanup(os.close, left)
        self.addCleanup(os.close, right)
        link = Link(left)
        link.send(b"x")
        self.assertEqual(link.drain(), [])
        link.stop()

    def test_the_descriptor_stays_its_owners(self) -> None:
        link, peer = self.connect()
        link.stop()
        del link
        peer.near.setblocking(True)
        peer.say(b"still open")
        self.assertEqual(peer.near.recv(100), b"still open")
