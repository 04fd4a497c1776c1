"""A link to a file: what is written depends on the commands alone, and steppers are followed."""

import os
import random
import threading

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.stepper import StepperMotion
from klipperd.motion.trapq import MotionQueue
from klipperd.wire import vlq
from klipperd.wire.filelink import FileLink
from klipperd.wire.frames import FRAME_LIMIT, FrameParser

QUEUE_STEP, DIRECTION, RESET = 5, 6, 7


def command(*values: int) -> bytes:
    return b"".join(vlq.encode(value) for value in values)


class FileLinkTests(SynchronousTestCase):
    timeout = 20

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.fd = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        self.addCleanup(os.close, self.fd)
        self.link = FileLink(self.fd)
        self.link.follow_steppers(1e6, QUEUE_STEP, DIRECTION, RESET)

    def payloads(self) -> list[bytes]:
        """The payloads of all blocks; every byte belongs to one, and sequences count up."""
        parser = FrameParser()
        with open(self.path, "rb") as source:
            blocks = parser.feed(source.read())
        self.assertEqual(parser.invalid_bytes, 0)
        self.assertEqual([sequence for sequence, _ in blocks], [i & 15 for i in range(1, len(blocks) + 1)])
        return [payload for _, payload in blocks]

    def test_clocks_order_lanes_and_lanes_keep_theirs(self) -> None:
        sent = []
        for lane in range(4):
            number = self.link.new_lane()
            clock = 0
            for i in range(200):
                clock += random.Random(lane * 1000 + i).randrange(50)
                sent.append((clock, number, i, bytes((number, i & 0x1F))))
        shuffled = random.Random(1)
        queues = {n: [s for s in sent if s[1] == n] for n in {s[1] for s in sent}}
        while queues:
            number = shuffled.choice(sorted(queues))
            clock, lane, _, payload = queues[number].pop(0)
            self.link.send(payload, lane, clock)
            if not queues[number]:
                del queues[number]
        self.link.write()
        wanted = b"".join(payload for _, _, _, payload in sorted(sent, key=lambda s: (s[0], s[1], s[2])))
        self.assertEqual(b"".join(self.payloads()), wanted)

    def test_nothing_leaves_before_its_time(self) -> None:
        for clock in (10, 20, 30):
            self.link.send(bytes((clock,)), 0, clock)
        self.link.write(20)
        self.assertEqual(self.link.written[0], 2)
        self.link.write()
        self.assertEqual(b"".join(self.payloads()), bytes((10, 20, 30)))

    def test_blocks_are_filled(self) -> None:
        for i in range(100):
            self.link.send(bytes((i % 32,)) * 7, 0, i)
        self.link.write()
        self.assertEqual({len(p) for p in self.payloads()[:-1]}, {56})
        commands, blocks, size = self.link.written
        self.assertEqual((commands, blocks, size), (100, 13, 700 + 13 * 5))
        self.assertLessEqual(size, blocks * FRAME_LIMIT)

    def test_steppers_are_followed(self) -> None:
        for payload in (
            command(RESET, 3, 1000),
            command(DIRECTION, 3, 1),
            command(QUEUE_STEP, 3, 100, 10, 0),
            command(DIRECTION, 3, 0),
            command(QUEUE_STEP, 3, 200, 4, -10),
            command(QUEUE_STEP, 4, 100, 3, 0),
            command(99, 3, 1),
        ):
            self.link.send(payload)
        known = self.link.stepper(3)
        self.assertEqual((known["position"], known["steps"]), (6, 14))
        self.assertEqual(known["clock"], 1000 + 1000 + 200 + 190 + 180 + 170)
        self.assertEqual(known["shortest"], 100)
        assert isinstance(known["rates"], list)
        self.assertEqual(sum(known["rates"]), 14)
        self.assertEqual(self.link.stepper(4)["position"], -3)

    def test_threads_may_fill_lanes_at_once(self) -> None:
        motors = []
        for oid in range(4):
            queue = MotionQueue()
            queue.set_position(0.0, (0.0, 0.0, 0.0))
            motor = StepperMotion(self.link, oid, 0.01, QUEUE_STEP, DIRECTION, RESET, self.link.new_lane())
            motor.follow(queue, (1.0, 0.0, 0.0))
            for i in range(50):
                ends = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))[:: 1 if i % 2 == 0 else -1]
                queue.append(1.0 + i, *ends, (0.0, 1.0 / 0.7, 0.0), (0.2, 0.5, 0.2), 5.0 / 0.7)
            motors.append(motor)
        threads = [threading.Thread(target=motor.generate, args=(60.0,)) for motor in motors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.link.write()
        first = self.link.stepper(0)
        for oid in range(4):
            known = self.link.stepper(oid)
            self.assertEqual(known["position"], motors[oid].mcu_position)
            self.assertEqual(known["rates"], first["rates"])

    def test_misuse(self) -> None:
        self.assertRaises(ValueError, self.link.send, b"", 0)
        self.assertRaises(ValueError, self.link.send, bytes(60), 0)
        self.assertRaises(ValueError, self.link.send, b"x", 7)
        self.assertRaises(ValueError, self.link.stepper, 256)

    def test_a_full_disk_is_told(self) -> None:
        with open("/dev/full", "wb") as full:
            link = FileLink(full.fileno())
            link.send(b"x")
            self.assertRaises(OSError, link.write)
