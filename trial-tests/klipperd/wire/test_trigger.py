"""Trigger groups over several links, without Python in between."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire import vlq
from klipperd.wire.frames import seal_frame
from klipperd.wire.link import Link
from klipperd.wire.trigger import TriggerGroup

from .peer import Peer, records_until
from .receiver import Receiver

STATE, TRIGGER, TIMEOUT, MARK = 300, -5, 7, 8
FREQ = 1e-6  # so slow that the clocks practically stand still
BASES = (1000, 2**32 - 1000, 500_000)
OID = 3


def message(*numbers: int) -> bytes:
    return b"".join(vlq.encode(number) for number in numbers)


def split(accepted: list[bytes]) -> list[list[int]]:
    """The commands of the blocks: each has an id and two numbers."""
    stream, position, found = b"".join(accepted), 0, []
    while position < len(stream):
        numbers = []
        for _ in range(3):
            number, position = vlq.decode(stream, position)
            numbers.append(number)
        found.append(numbers)
    return found


class Groups(SynchronousTestCase):
    def setUp(self) -> None:
        self.links: list[Link] = []
        self.peers: list[Peer] = []
        for base in BASES:
            peer = Peer(Receiver())
            link = Link(peer.near.fileno())
            self.addCleanup(peer.near.close)
            self.addCleanup(peer.hang_up)
            self.addCleanup(link.stop)
            link.start()
            peer.start()
            link.set_clock_estimate(FREQ, 0.0, base)
            self.links.append(link)
            self.peers.append(peer)
        self.group = TriggerGroup(25e6)
        for link in self.links:
            self.group.add(link, OID, state_id=STATE, trigger_id=TRIGGER, timeout_id=TIMEOUT)
        self.addCleanup(self.group.close)

    def tell(self, which: int, oid: int, can_trigger: int, reason: int, clock: int) -> None:
        peer = self.peers[which]
        peer.say(seal_frame(peer.receiver.expected, message(STATE, oid, can_trigger, reason, clock)))
        records_until(self.links[which], lambda found: any(record[0] == "message" for record in found))

    def commands(self, which: int) -> list[list[int]]:
        """All that a member was sent, up to now."""
        mark = message(MARK, len(self.peers[which].receiver.accepted), 0)
        self.links[which].send(mark)
        self.peers[which].wait_for(lambda receiver: b"".join(receiver.accepted).endswith(mark))
        return [numbers for numbers in split(self.peers[which].receiver.accepted) if numbers[0] != MARK]

    def test_one_stops_all_others(self) -> None:
        self.group.arm(0.0)
        self.tell(1, OID, 0, 2, 5)
        self.assertEqual(self.commands(0), [[TRIGGER, OID, 2]])
        self.assertEqual(self.commands(1), [])
        self.assertEqual(self.commands(2), [[TRIGGER, OID, 2]])
        self.assertEqual(self.group.reasons, [None, 2, None])
        self.tell(0, OID, 0, 2, 5)
        self.tell(2, OID, 0, 1, 5)
        self.assertEqual(self.group.reasons, [2, 2, 1])
        self.assertEqual(self.commands(1), [], "told once is enough")

    def test_only_its_own_trsync_counts(self) -> None:
        self.group.arm(0.0)
        self.tell(1, OID + 1, 0, 2, 5)
        self.assertEqual([self.commands(i) for i in range(3)], [[], [], []])

    def test_not_before_it_is_armed(self) -> None:
        self.tell(1, OID, 0, 2, 5)
        self.assertEqual((self.commands(0), self.group.reasons), ([], [None, None, None]))

    def test_timeouts_follow_the_slowest_member(self) -> None:
        """A report moves the deadline only when all others have reported as late."""
        self.group.arm(0.0)
        self.tell(0, OID, 1, 0, BASES[0] + 4)  # 4 Ms later by its own clock
        self.tell(1, OID, 1, 0, BASES[1] + 9)
        self.assertEqual(self.commands(0), [])
        self.tell(2, OID, 1, 0, BASES[2] + 6)
        # The slowest is at 4 Ms; 25 Ms more, in the ticks of each, modulo 2^32.
        expected = [[[TIMEOUT, OID, (base + 29) % 2**32]] for base in BASES]
        for which in range(3):
            [[name, oid, clock]] = self.commands(which)
            self.assertEqual([[name, oid, clock % 2**32]], expected[which])

    def test_no_extension_after_a_trigger(self) -> None:
        self.group.arm(0.0)
        self.tell(0, OID, 0, 1, 5)
        for which in (1, 2):
            self.tell(which, OID, 1, 0, BASES[which] + 50)
        self.assertEqual(self.commands(1), [[TRIGGER, OID, 1]])

    def test_stop_by_the_host(self) -> None:
        self.group.arm(0.0)
        self.group.trigger(3)
        self.group.trigger(3)
        self.assertEqual([self.commands(i) for i in range(3)], [[[TRIGGER, OID, 3]]] * 3)

    def test_closed_group(self) -> None:
        self.group.arm(0.0)
        self.group.close()
        self.tell(0, OID, 0, 1, 5)
        self.assertEqual(self.commands(1), [])

    def test_misuse(self) -> None:
        self.group.arm(0.0)
        self.assertRaises(
            ValueError, self.group.add, self.links[0], 1, state_id=1, trigger_id=2, timeout_id=3
        )
