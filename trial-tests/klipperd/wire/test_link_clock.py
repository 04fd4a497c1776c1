"""The link's thread as a participant of the scaled clock."""

import ctypes
import mmap
import struct
import time

from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire.frames import seal_frame
from klipperd.wire.link import Link

from .peer import PATIENCE, Peer, records_until
from .receiver import Receiver

LEASES = 64  # offset of the leases in the page, bytes


class Page:
    """A clock page of the seam's layout in anonymous memory."""

    def __init__(self, speed: float) -> None:
        self.memory = mmap.mmap(-1, 4096)
        self.anchor = time.monotonic()
        struct.pack_into("<QQddd", self.memory, 0, 0x314B4C434D49534B, 0, self.anchor, self.anchor, speed)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))

    def lease(self, slot: int) -> float:
        value: float = struct.unpack_from("<d", self.memory, LEASES + 8 * slot)[0]
        return value

    def set_lease(self, slot: int, time: float) -> None:
        struct.pack_into("<d", self.memory, LEASES + 8 * slot, time)


class ScaledClock(SynchronousTestCase):
    def connect(self, page: Page, **options: int) -> tuple[Link, Peer]:
        peer = Peer(Receiver())
        link = Link(peer.near.fileno(), clock_page=page.address, **options)
        self.addCleanup(peer.near.close)
        self.addCleanup(peer.hang_up)
        self.addCleanup(link.stop)
        link.start()
        return link, peer

    def test_reported_times_are_virtual(self) -> None:
        page = Page(1000.0)
        link, peer = self.connect(page)
        peer.say(seal_frame(1, b"a"))
        [first] = records_until(link, len)
        real = time.monotonic()
        peer.say(seal_frame(1, b"b"))
        [second] = records_until(link, len)
        self.assertGreater(first[2] - page.anchor, 0.0)
        self.assertGreaterEqual(second[2] - page.anchor, (real - page.anchor) * 1000.0 * 0.999)

    def test_a_late_participant_holds_the_clock(self) -> None:
        page = Page(1000.0)
        page.set_lease(20, page.anchor + 0.25)
        link, peer = self.connect(page)
        peer.say(seal_frame(1, b"a"))
        [message] = records_until(link, len)
        self.assertLessEqual(message[2], page.anchor + 0.25)

    def test_keeps_its_lease_fresh(self) -> None:
        """The clock runs on though nothing happens on the wire."""
        page = Page(50.0)
        link, _ = self.connect(page, lease_slot=3)
        until = time.monotonic() + PATIENCE
        while page.lease(3) < page.anchor + 2.0 and time.monotonic() < until:
            time.sleep(0.001)
        self.assertGreaterEqual(page.lease(3), page.anchor + 2.0)
        link.stop()
        self.assertEqual(page.lease(3), 0.0)

    def test_gives_its_lease_back_when_the_wire_breaks(self) -> None:
        page = Page(1.0)
        link, peer = self.connect(page, lease_slot=3)
        self.assertGreater(page.lease(3), page.anchor)
        peer.hang_up()
        records_until(link, len)
        link.stop()
        self.assertEqual(page.lease(3), 0.0)

    def test_lease_slot_out_of_range(self) -> None:
        self.assertRaises(ValueError, Link, 0, clock_page=Page(1.0).address, lease_slot=32)
