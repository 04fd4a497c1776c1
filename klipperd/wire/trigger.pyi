from klipperd.wire.link import Link

class TriggerGroup:
    """The trsync objects of one homing move, which stop together.

    The message ids are those of C{trsync_state oid can_trigger trigger_reason clock},
    C{trsync_trigger oid reason} and C{trsync_set_timeout oid clock} in each MCU's dictionary.
    """

    def __init__(self, timeout: float) -> None:
        """
        @param timeout: s that a member goes on without a report of every member.
        """

    def add(self, link: Link, oid: int, *, state_id: int, trigger_id: int, timeout_id: int) -> None:
        """Add the trsync C{oid} of the MCU behind C{link}; up to 16, before L{arm}."""

    def arm(self, start_time: float) -> None:
        """Act on reports from now on: call this before any member is started, so that none is missed.

        @param start_time: system time at which the members start to report; each was given the timeout
            C{start_time + timeout}.
        """

    def trigger(self, reason: int) -> None:
        """Stop all members, on the host's request."""

    @property
    def reasons(self) -> list[int | None]:
        """The first trigger reason that each member told, in the order of L{add}."""

    def close(self) -> None:
        """Forget the members; afterwards no thread uses this object."""
