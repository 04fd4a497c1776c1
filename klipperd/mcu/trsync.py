"""Stopping motors of several MCUs together (Multi_MCU_Homing.md): the trsyncs of one endstop or probe."""

from enum import IntEnum

from attrs import define, field
from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.stepper import McuStepper
from klipperd.wire.codec import Message
from klipperd.wire.trigger import TriggerGroup

__all__ = ["HomingFailed", "Trigger", "TriggerReason"]

_STATE = "trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u"
_TIMEOUT_ALONE = 0.250
"""s that the motors go on without a word from the host, which relays for them."""
_TIMEOUT_SEVERAL = 0.025
"""The same where several MCUs are involved: how far a motor may overshoot depends on it."""
_TIMEOUT_SCALED = 1.0
"""With a scaled clock, in its seconds: participants may lag by a tenth of one each."""
_REPORTS = 0.3
"""Interval of reports, as a share of the time-out."""
_ANSWER_TIME = 2.0  # s


class TriggerReason(IntEnum):
    """Why the motors stopped."""

    HIT = 1
    """The endstop or probe triggered."""
    COMMUNICATION = 2
    """An MCU heard nothing of the others for too long."""
    HOST = 3
    """The host asked for it."""
    PAST_END = 4
    """The move was over."""


class HomingFailed(CommandError):
    """The motors stopped for another reason than the trigger."""

    def __init__(self, text: str, reason: TriggerReason) -> None:
        super().__init__(text)
        self.reason = reason


@define(eq=False, repr=False)
class _Member:
    """One MCU's trsync."""

    mcu: Mcu
    oid: int
    steppers: list[McuStepper] = field(factory=list)
    reason: int | None = None


@define(eq=False, repr=False)
class Trigger:
    """What stops the motors of a homing or probing move, over all MCUs involved.

    The first member belongs to the MCU that watches the endstop or probe.
    """

    name: str
    _clock: IReactorTime
    _members: list[_Member] = field(init=False, factory=list)
    _group: TriggerGroup | None = field(init=False, default=None)
    _done: "Deferred[None] | None" = field(init=False, default=None)

    def watch_at(self, mcu: Mcu) -> int:
        """The trsync's oid at that MCU; makes one where there is none yet, while objects are built."""
        for member in self._members:
            if member.mcu is mcu:
                return member.oid
        member = _Member(mcu, mcu.configuration.new_oid(f"the trigger of {self.name}"))
        self._members.append(member)
        dictionary = mcu.dictionary
        dictionary.response(_STATE)
        mcu.configuration.add(
            dictionary.command("config_trsync oid=%c"), f"the trigger of {self.name}", oid=member.oid
        )
        mcu.on_message("trsync_state", lambda message, _: self._take(member, message), member.oid)
        mcu.on_death(self._end)
        return member.oid

    def add_stepper(self, stepper: McuStepper) -> None:
        """Have this motor stopped too, while objects are built."""
        oid = self.watch_at(stepper.mcu)
        for member in self._members:
            if member.oid == oid and member.mcu is stepper.mcu and stepper not in member.steppers:
                member.steppers.append(stepper)

    @property
    def steppers(self) -> tuple[McuStepper, ...]:
        """All motors that it stops."""
        return tuple(stepper for member in self._members for stepper in member.steppers)

    @property
    def _timeout(self) -> float:
        if self._members[0].mcu.pace != 1.0:
            return _TIMEOUT_SCALED
        return _TIMEOUT_ALONE if len(self._members) == 1 else _TIMEOUT_SEVERAL

    def arm(self, print_time: float) -> None:
        """Begin at a print time, at least a tenth of a second from now."""
        if self._group is not None:
            raise CommandError(f"{self.name} is being homed already")
        timeout = self._timeout
        group = self._group = TriggerGroup(timeout)
        self._done = Deferred()
        for member in self._members:
            member.reason = None
            dictionary = member.mcu.dictionary
            group.add(
                member.mcu.link,
                member.oid,
                state_id=dictionary.response(_STATE).message_id,
                trigger_id=dictionary.command("trsync_trigger oid=%c reason=%c").message_id,
                timeout_id=dictionary.command("trsync_set_timeout oid=%c clock=%u").message_id,
            )
        group.arm(self._members[0].mcu.host_time(print_time))
        for number, member in enumerate(self._members):
            stagger = _REPORTS * timeout * number / len(self._members)
            self._start(member, print_time, timeout, stagger)

    def _start(self, member: _Member, print_time: float, timeout: float, stagger: float) -> None:
        mcu, dictionary = member.mcu, member.mcu.dictionary
        start = dictionary.command("trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c")
        mcu.send(
            start.encode(
                oid=member.oid,
                report_clock=mcu.print_time_to_clock(print_time + stagger) & 0xFFFFFFFF,
                report_ticks=mcu.seconds_to_ticks(_REPORTS * timeout),
                expire_reason=TriggerReason.COMMUNICATION,
            )
        )
        for stepper in member.steppers:
            stepper.stop_on(member.oid)
        expiry = mcu.print_time_to_clock(print_time + timeout) & 0xFFFFFFFF
        set_timeout = dictionary.command("trsync_set_timeout oid=%c clock=%u")
        mcu.send(set_timeout.encode(oid=member.oid, clock=expiry))

    def _take(self, member: _Member, message: Message) -> None:
        if self._done is None or message["can_trigger"] or member.reason is not None:
            return
        member.reason = message["trigger_reason"]
        if all(m.reason is not None for m in self._members):
            self._end()

    def _end(self) -> None:
        if self._done is not None and not self._done.called:
            self._done.callback(None)

    async def wait(self, end_print_time: float) -> TriggerReason:
        """Wait until all motors stand: triggered, or because the move is over at C{end_print_time}.

        @raise CommandError: an MCU does not tell.
        """
        assert self._done is not None and self._group is not None
        try:
            left = end_print_time - self._members[0].mcu.print_time_now()
            await self._waited(max(left, 0.0) + 0.001)
            if not self._done.called:
                self._group.trigger(TriggerReason.PAST_END)
                await self._waited(_ANSWER_TIME * self._members[0].mcu.pace)
            self._group.trigger(TriggerReason.HOST)  # in case that one of them died
            return self._outcome()
        finally:
            self._group.close()
            self._group = self._done = None

    async def _waited(self, seconds: float) -> None:
        """Wait for the end, but no longer than that."""
        assert self._done is not None
        if self._done.called:
            return
        waiting: Deferred[None] = Deferred()
        self._done.addCallback(lambda _: None if waiting.called else waiting.callback(None))
        try:
            await waiting.addTimeout(seconds, self._clock)
        except TimeoutError:
            return

    def _outcome(self) -> TriggerReason:
        for member in self._members:
            if not member.mcu.alive:
                raise HomingFailed(
                    f"Homing of {self.name}: MCU {member.mcu.name!r} is gone: {member.mcu.cause_of_death}",
                    TriggerReason.COMMUNICATION,
                )
        silent = [member.mcu.name for member in self._members if member.reason is None]
        if silent:
            raise HomingFailed(
                f"Homing of {self.name}: MCU {', '.join(silent)} did not confirm that its motors stand",
                TriggerReason.COMMUNICATION,
            )
        reasons = [TriggerReason(member.reason) for member in self._members if member.reason is not None]
        # Whatever stopped the others, a trigger that was seen is one.
        return TriggerReason.HIT if TriggerReason.HIT in reasons else max(reasons, key=_severity)

    def stop(self) -> None:
        """Stop all motors now, on the host's request."""
        if self._group is not None:
            self._group.trigger(TriggerReason.HOST)


def _severity(reason: TriggerReason) -> int:
    return (TriggerReason.PAST_END, TriggerReason.HOST, TriggerReason.COMMUNICATION).index(reason)
