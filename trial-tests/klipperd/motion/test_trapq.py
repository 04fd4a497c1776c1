"""The motion queue: positions over time, jumps, history."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.trapq import MotionQueue

ZERO = (0.0, 0.0, 0.0)


def add(queue: MotionQueue, begin: float, start=ZERO, end=(10.0, 0.0, 0.0)) -> float:
    """10 mm in 2 s: 0.5 s up to 20/3 mm/s, 1 s, 0.5 s down."""
    v = 20 / 3
    return queue.append(begin, start, end, (0, v, 0), (0.5, 1.0, 0.5), v / 0.5)


class Queue(SynchronousTestCase):
    timeout = 30

    def test_position_and_velocity(self) -> None:
        queue = MotionQueue()
        self.assertEqual(add(queue, 1.0), 3.0)
        expected = ((0.5, 0, 0), (1.25, 5 / 12, 10 / 3), (2.0, 5, 20 / 3), (3.0, 10, 0), (9.0, 10, 0))
        for time, x, speed in expected:
            self.assertAlmostEqual(queue.position_at(time)[0], x)
            self.assertAlmostEqual(queue.velocity_at(time)[0], speed)
        self.assertEqual(queue.position_at(3.0), (10.0, 0.0, 0.0), "exactly")

    def test_jump(self) -> None:
        queue = MotionQueue()
        add(queue, 1.0)
        queue.set_position(2.0, (7.0, 8.0, 9.0))
        self.assertAlmostEqual(queue.position_at(1.999)[0], 5.0, places=1)
        self.assertEqual(queue.position_at(2.0), (7.0, 8.0, 9.0))
        self.assertEqual(queue.end_position, (7.0, 8.0, 9.0))
        add(queue, 2.5, (7.0, 8.0, 9.0), (17.0, 8.0, 9.0))
        self.assertEqual(queue.position_at(2.2), (7.0, 8.0, 9.0))

    def test_jump_before_what_was_planned(self) -> None:
        queue = MotionQueue()
        add(queue, add(queue, 5.0), (10.0, 0.0, 0.0), ZERO)
        queue.set_position(2.0, (1.0, 1.0, 1.0))
        for time in (2.0, 6.0, 8.0, 100.0):
            self.assertEqual(queue.position_at(time), (1.0, 1.0, 1.0))
        self.assertEqual(queue.end_time, 2.0)

    def test_expire_keeps_the_rest_position(self) -> None:
        queue = MotionQueue(history=1.0)
        at = 0.0
        for _ in range(1000):
            at = add(queue, at)
            at = add(queue, at, (10.0, 0.0, 0.0), ZERO)
            queue.expire(at)
            self.assertLess(len(queue), 4)
        queue.expire(at + 100)
        self.assertEqual((len(queue), queue.position_at(at)), (1, ZERO))

    def test_dump(self) -> None:
        queue = MotionQueue()
        add(queue, add(queue, 1.0), (10.0, 0.0, 0.0), (10.0, 10.0, 0.0))
        phases = queue.dump(0.0, 100.0)
        self.assertEqual([p[0] for p in phases], [1.0, 1.5, 2.5, 3.0, 3.5, 4.5])
        self.assertEqual([p[5] for p in phases[2:4]], [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
        self.assertEqual(queue.dump(1.2, 2.0), phases[1:2])
        self.assertEqual(len(queue.dump(0.0, 100.0, limit=3)), 3)

    def test_refused(self) -> None:
        queue = MotionQueue()
        add(queue, 1.0)
        self.assertRaises(ValueError, add, queue, 2.0)
        self.assertRaises(ValueError, queue.append, 5.0, ZERO, ZERO, (0, 1, 0), (-1, 1, 1), 1.0)
        self.assertEqual(len(queue), 1)
