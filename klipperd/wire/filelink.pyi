"""A wire that ends in a file: the commands of a batch run, in blocks just as an MCU would get them."""

from klipperd.wire.link import Link

RATES_PER_DOUBLING: int
"""Bins of C{stepper()["rates"]} from one rate to the double of it; bin 0 begins at 1 step a second."""

class FileLink(Link):
    """Commands wait in their lanes, and leave by the clocks at which the MCU must have them."""

    def __init__(self, fd: int) -> None:
        """@param fd: an open file, which stays its owner's; -1 to write nothing."""
    def follow_steppers(
        self, freq: float, queue_step: int, set_next_step_dir: int, reset_step_clock: int
    ) -> None:
        """Keep account of steppers; C{freq}: ticks a second; the others are message ids."""
    def take_urgent(self) -> list[bytes]:
        """What was sent before all lanes since the last call; it goes to the file as it is taken."""
    def receive(self, payload: bytes) -> None:
        """Tell those who watch the link (trigger groups) what an MCU would have said."""
    def write(self, until: int | None = None) -> None:
        """Write commands with clocks up to C{until} (ticks), or all of them. @raise OSError: it fails."""
    def stepper(self, oid: int) -> dict[str, int | list[int]]:
        """What was sent to a stepper: C{position}, C{steps}, C{clock} of the last step (ticks; low 32 bits at
        a reset), C{shortest} interval (ticks; 0 = none), C{rates}: steps by rate, see L{RATES_PER_DOUBLING}.
        """
    @property
    def written(self) -> tuple[int, int, int]:
        """Commands, blocks and bytes written."""
