"""Threads that solve and compress steps outside the GIL, while the reactor does other work."""

from klipperd.motion.stepper import StepperMotion
from klipperd.motion.trapq import MotionQueue

class Workers:
    """Each motor is one job, which any thread may take; a motor's commands are the same whoever did it.

    While they work, changes of the queues and looks at the motors wait. Sinks must bear being called
    by several threads, for different motors at the same time.
    """

    def __init__(self, count: int) -> None:
        """@param count: threads, at most 8; 0: all is done at once by who asks for it."""
    def add(self, stepper: StepperMotion) -> None:
        """Solve this motor's steps from now on."""
    def watch(self, queue: MotionQueue) -> None:
        """Changes of a queue wait for the workers; for those that its motors follow that is so by itself."""
    def start(self, until: float, must_send: float) -> None:
        """Have each motor generated as by L{StepperGroup.generate}.

        @raise klipperd.motion.errors.StepsLost: what the last work met with.
        """
    def finish(self) -> None:
        """Wait for the work. @raise klipperd.motion.errors.StepsLost: what it met with."""
    @property
    def busy(self) -> bool:
        """Whether work is under way."""
    def stop(self) -> None:
        """Finish the work and end the threads; later work is done by who asks for it."""
