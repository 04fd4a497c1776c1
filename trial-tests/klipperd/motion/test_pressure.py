"""Smoothed pressure advance after a long rest."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.motion.trapq import MotionQueue

from .machine import make_motor


class LongRest(SynchronousTestCase):
    timeout = 60

    def test_idle_for_a_day(self) -> None:
        """After a day at rest steps are as exact as at the start."""
        queue = MotionQueue()
        motor = make_motor(queue, (0, 0, 0, 1), 0.01)
        motor.stepper.follow_extruder(queue, 0.04)
        queue.append(86400.0, (0, 0, 0), (1, 0, 0), (0, 10, 0), (0.05, 0.05, 0.05), 200.0, 0.05)
        motor.stepper.generate(86399.0)
        self.assertEqual(motor.sink.take(), [])
        motor.stepper.generate(86401.0)
        steps = motor.log.feed(motor.sink.take()).steps
        self.assertEqual(sum(step.direction for step in steps), 100)
        self.assertAlmostEqual(motor.stepper.commanded, 1.0, places=9)
