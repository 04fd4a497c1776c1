"""An endstop switch at an MCU, which stops motors when it triggers while they are homed."""

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pin_names import describe_pin
from klipperd.mcu.stepper import McuStepper
from klipperd.mcu.trsync import HomingFailed, Trigger, TriggerReason
from klipperd.objects import Pin

__all__ = ["Endstop"]

_SAMPLE_TIME = 15e-6
"""s between the samples that must agree."""
_SAMPLE_COUNT = 4


@define(eq=False, repr=False)
class Endstop:
    """One switch (or anything that looks like one, such as a probe)."""

    mcu: Mcu
    oid: int
    name: str
    inverted: bool
    trigger: Trigger
    _trsync: int
    _rest_ticks: int = field(init=False, default=0)

    @classmethod
    def configure(
        cls, mcu: Mcu, pin: Pin, name: str, *, inverted: bool, pull_up: int, clock: IReactorTime
    ) -> "Endstop":
        """Have the MCU set up the pin C{name}."""
        owner = describe_pin(pin)
        trigger = Trigger(pin.text, clock)
        made = cls(mcu, mcu.configuration.new_oid(owner), pin.text, inverted, trigger, trigger.watch_at(mcu))
        mcu.configuration.add(
            mcu.dictionary.command("config_endstop oid=%c pin=%c pull_up=%c"),
            owner,
            oid=made.oid,
            pin=name,
            pull_up=pull_up,
        )
        return made

    def add_stepper(self, stepper: McuStepper) -> None:
        """Have this motor stopped by the switch, while objects are built."""
        self.trigger.add_stepper(stepper)

    @property
    def steppers(self) -> tuple[McuStepper, ...]:
        """All motors that it stops."""
        return self.trigger.steppers

    async def query(self) -> bool:
        """Whether it is triggered now."""
        command = self.mcu.dictionary.command("endstop_query_state oid=%c")
        answer = await self.mcu.ask(command.encode(oid=self.oid), "endstop_state", self.oid)
        return bool(answer["pin_value"]) != self.inverted

    def home_start(self, print_time: float, rest_time: float, *, triggered: bool = True) -> None:
        """Watch the switch from C{print_time} on, at least a tenth of a second from now. Queue the move
        then, and call L{home_wait}.

        @param rest_time: s between two looks at the switch: the time of a step or so.
        @param triggered: stop when it is triggered, or when it is not any more.
        """
        mcu = self.mcu
        self._rest_ticks = max(1, mcu.seconds_to_ticks(rest_time))
        self.trigger.arm(print_time)
        self._send_home(print_time, _SAMPLE_COUNT, int(triggered != self.inverted))

    def _send_home(self, print_time: float, sample_count: int, value: int) -> None:
        mcu = self.mcu
        command = mcu.dictionary.command(
            "endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c"
            " trsync_oid=%c trigger_reason=%c"
        )
        mcu.send(
            command.encode(
                oid=self.oid,
                clock=mcu.print_time_to_clock(print_time) & 0xFFFFFFFF,
                sample_ticks=mcu.seconds_to_ticks(_SAMPLE_TIME),
                sample_count=sample_count,
                rest_ticks=self._rest_ticks,
                pin_value=value,
                trsync_oid=self._trsync,
                trigger_reason=TriggerReason.HIT,
            )
        )

    async def home_wait(self, end_print_time: float) -> float:
        """Wait until the motors stand; returns the print time at which the switch triggered.

        @param end_print_time: the end of the move.
        @raise HomingFailed: it did not trigger, or an MCU lost the others.
        """
        reason = await self.trigger.wait(end_print_time)
        self._send_home(0.0, 0, 0)
        if reason is TriggerReason.COMMUNICATION:
            raise HomingFailed(
                f"Communication timeout during homing with {self.name}: the host or a line was too slow",
                reason,
            )
        if reason is not TriggerReason.HIT:
            raise HomingFailed(f"No trigger on {self.name} after full movement", reason)
        command = self.mcu.dictionary.command("endstop_query_state oid=%c")
        answer = await self.mcu.ask(command.encode(oid=self.oid), "endstop_state", self.oid)
        # The firmware leaves the time of the look after the one that saw it.
        clock = self.mcu.extend_clock(answer["next_clock"]) - self._rest_ticks
        return self.mcu.clock_to_print_time(clock)
