"""Commands waiting for the wire, against a plain list that is searched from end to end."""

from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire.backlog import Backlog


@define
class SlowBacklog:
    """The rules of the backlog in the plainest form."""

    move_count: int
    lanes: dict[int, list[tuple[bytes, int, int]]] = field(factory=dict)
    headed: dict[int, int] = field(factory=dict)  # lane -> when its head got there
    slots: list[int] = field(factory=list)
    arrivals: int = 0

    def _head(self, lane: int) -> None:
        self.arrivals += 1
        self.headed[lane] = self.arrivals

    def put(self, lane: int, payload: bytes, req_clock: int, slot_until: int) -> None:
        queue = self.lanes.setdefault(lane, [])
        queue.append((payload, req_clock, slot_until))
        if len(queue) == 1:
            self._head(lane)

    def take(self, clock: int) -> bytes | None:
        self.slots = [until for until in self.slots if until > clock]
        full = self.move_count and len(self.slots) >= self.move_count
        ready = [
            (lane >= 0, queue[0][1] if lane >= 0 else 0, self.headed[lane], lane)
            for lane, queue in self.lanes.items()
            if queue and (lane < 0 or not (full and queue[0][2]))
        ]
        if not ready:
            return None
        lane = min(ready)[3]
        payload, _, slot_until = self.lanes[lane].pop(0)
        if self.lanes[lane]:
            self._head(lane)
        if slot_until and self.move_count:
            self.slots.append(slot_until)
        return payload


puts = st.tuples(st.integers(0, 4), st.integers(0, 20), st.one_of(st.just(0), st.integers(1, 60)))
takes = st.integers(0, 3)  # how far the clock goes on before


class Order(SynchronousTestCase):
    @settings(max_examples=500)
    @given(st.lists(st.one_of(puts, takes), max_size=80), st.integers(0, 4))
    def test_agrees_with_a_plain_list(
        self, actions: list[tuple[int, int, int] | int], move_count: int
    ) -> None:
        quick, slow, clock = Backlog(5, move_count), SlowBacklog(move_count), 0
        for number, action in enumerate(actions):
            if isinstance(action, int):
                clock += action
                self.assertEqual(quick.take(clock), slow.take(clock))
                self.assertEqual(quick.slots_used, len(slow.slots))
            else:
                lane, req_clock, slot_until = action
                payload = number.to_bytes(2, "big")
                quick.put(lane, payload, req_clock, slot_until)
                slow.put(lane, payload, req_clock, slot_until)
        while (payload_out := quick.take(clock)) is not None or quick.bytes_waiting:
            self.assertEqual(payload_out, slow.take(clock))
            clock += 1
        self.assertEqual(slow.take(clock), None)

    def test_urgent_goes_first(self) -> None:
        waiting = Backlog(1)
        for lane, payload in ((0, b"a"), (-1, b"b"), (0, b"c"), (-1, b"d")):
            waiting.put(lane, payload)
        self.assertEqual([waiting.take(0) for _ in range(5)], [b"b", b"d", b"a", b"c", None])

    def test_others_pass_what_waits_for_a_slot(self) -> None:
        waiting = Backlog(2, move_count=1)
        waiting.put(0, b"step 1", 10, 100)
        waiting.put(0, b"step 2", 20, 200)
        waiting.put(1, b"fan", 50)
        self.assertEqual([waiting.take(5), waiting.take(6), waiting.take(7)], [b"step 1", b"fan", None])
        self.assertEqual(waiting.blocked_until(), 100)
        self.assertEqual(waiting.take(100), b"step 2")

    def test_many_commands(self) -> None:
        """More than one piece of the pool, given back and used again."""
        waiting = Backlog(3)
        for _ in range(3):
            for i in range(2000):
                waiting.put(i % 3, i.to_bytes(2, "big"), i)
            taken = [waiting.take(0) for _ in range(2000)]
            self.assertEqual(taken, [i.to_bytes(2, "big") for i in range(2000)])

    def test_misuse(self) -> None:
        self.assertRaises(ValueError, Backlog(1).put, 1, b"a")
        self.assertRaises(ValueError, Backlog(1).put, 0, bytes(60))
