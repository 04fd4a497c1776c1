from typing import Literal

Record = (
    tuple[Literal["message"], bytes, float]
    | tuple[Literal["sent"], int, float]
    | tuple[Literal["closed"], str]
    | tuple[Literal["error"], str]
)

class Link:
    """One MCU's wire: a thread that sends, acknowledges, retransmits and receives.

    Times are seconds of the system's clock: CLOCK_MONOTONIC, or the scaled clock when there is a page.
    Clocks are 64-bit MCU ticks.  Commands wait in lanes: order within a lane is kept, among lanes the
    smallest C{req_clock} of the heads goes first.
    """

    def __init__(
        self,
        fd: int,
        *,
        clock_page: int | None = None,
        lease_slot: int | None = None,
        receive_window: int = 0,
        baud: int = 0,
    ) -> None:
        """
        @param fd: an open file descriptor, which stays its owner's: C{stop} before closing it.
        @param clock_page: address of the mapped clock page; it must stay mapped until C{stop}.
        @param lease_slot: this thread's slot in that page, 0..31.
        @param receive_window: bytes that the MCU can buffer (its RECEIVE_WINDOW); 0 = no limit.
        @param baud: speed of a serial line, for the times reported; 0 = not a serial line.
        """

    def start(self) -> None:
        """Start the thread; once."""

    def stop(self) -> None:
        """End the thread and wait for that (milliseconds).  What was not sent is dropped."""

    def reopen(self, fd: int) -> None:
        """Stop, forget all that is under way, start again on another descriptor; lanes and sink stay."""

    def sink_capsule(self) -> object:
        """PyCapsule C{klipperd.message_sink} for compiled senders; valid while this object lives."""

    @property
    def busy_until(self) -> int:
        """Latest clock until which a command that was sent keeps a move-queue slot."""

    def new_lane(self) -> int:
        """A new lane, for C{send} and the message sink.  Lane 0 is there from the start."""

    def send(
        self, payload: bytes, lane: int = 0, req_clock: int = 0, slot_until: int = 0, notify: int = 0
    ) -> None:
        """Queue one encoded command.

        @param req_clock: clock by which the MCU must have it; 0 = at once.
        @param slot_until: clock at which its move-queue slot is free again; 0 = it uses none.
        @param notify: if not 0, a record C{("sent", notify, sent_time)} follows once the MCU acknowledged it,
            and before any response to it.
        @raise LinkClosed: the link is closed.
        @raise LinkFull: the MCU takes nothing, and 200 000 commands wait.
        """

    def send_urgent(self, payload: bytes, notify: int = 0) -> None:
        """Queue one encoded command before all lanes, for emergencies."""

    @property
    def event_fd(self) -> int:
        """Readable while records wait."""

    def drain(self) -> list[Record]:
        """All records that wait: C{("message", payload, receive_time)}, C{("sent", notify, sent_time)},
        C{("error", text)}, and last of all C{("closed", reason)}."""

    def set_clock_estimate(self, freq: float, base_time: float, base_clock: int) -> None:
        """clock = base_clock + (time - base_time) * freq."""

    def set_move_count(self, move_count: int) -> None:
        """Slots of the MCU's move queue; 0 = not limited."""

    def set_receive_window(self, window: int) -> None:
        """Bytes that may be in flight; 0 = not limited."""

    def stats(self) -> dict[str, float | int | str]:
        """Counters: bytes_write, bytes_read, bytes_retransmit, bytes_invalid, blocks_write, blocks_read,
        blocks_retransmit, commands_write, strays, late_commands, late_worst (s), srtt, rttvar, rto (s),
        ready_bytes, upcoming_bytes, slots_used, phase."""

    @property
    def closed(self) -> bool: ...
