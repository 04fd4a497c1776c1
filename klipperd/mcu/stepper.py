"""A stepper motor's driver at an MCU: its pins, and the commands that the motion code sends to it."""

from collections.abc import Iterable

from attrs import define, field

from klipperd.mcu.configuration import ConfigCommand
from klipperd.mcu.mcu import Mcu
from klipperd.mcu.pin_names import describe_pin
from klipperd.objects import Pin

__all__ = ["McuStepper"]


@define(eq=False, repr=False)
class McuStepper:
    """One driver.

    @ivar lane: the lane of the link for all of its step commands.
    @ivar inverted_dir: whether the direction pin is low in positive direction.
    @ivar pulse_duration: shortest time between two edges of the step pin, s; may be changed until the MCU is
        configured.
    @ivar both_edges: whether the driver steps on both edges of the step pin; may be changed likewise.
    """

    mcu: Mcu
    oid: int
    lane: int
    inverted_step: bool
    inverted_dir: bool
    pulse_duration: float | None = None
    both_edges: bool = False
    _step: tuple[Pin, str] = field(kw_only=True)
    _dir: tuple[Pin, str] = field(kw_only=True)

    @classmethod
    def configure(
        cls,
        mcu: Mcu,
        step: tuple[Pin, str, bool],
        direction: tuple[Pin, str, bool],
        pulse_duration: float | None = None,
    ) -> "McuStepper":
        """Have the MCU set up pins given as (pin, name, inverted)."""
        made = cls(
            mcu,
            mcu.configuration.new_oid(f"the motor at {describe_pin(step[0])}"),
            mcu.new_lane(),
            step[2],
            direction[2],
            pulse_duration,
            step=step[:2],
            dir=direction[:2],
        )
        mcu.configuration.add_later(made._commands)
        return made

    _DEFAULT_PULSE = 2e-6  # s
    _DEFAULT_PULSE_BOTH_EDGES = 100e-9

    @property
    def steps_on_both_edges(self) -> bool:
        """Whether driver and firmware agree to step on both edges."""
        constants = self.mcu.dictionary.constants
        able = constants.get("STEPPER_STEP_BOTH_EDGE") or constants.get("STEPPER_BOTH_EDGE")
        return self.both_edges and bool(able)

    def _commands(self) -> Iterable[ConfigCommand]:
        both = self.steps_on_both_edges
        pulse = self.pulse_duration
        if pulse is None:
            pulse = self._DEFAULT_PULSE_BOTH_EDGES if self.both_edges else self._DEFAULT_PULSE
        yield ConfigCommand.make(
            self.mcu.dictionary.command(
                "config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u"
            ),
            self.mcu.configuration.owner_of(self.oid),
            oid=self.oid,
            step_pin=self._step[1],
            dir_pin=self._dir[1],
            invert_step=-1 if both else int(self.inverted_step),
            # At full speed a driver that steps on both edges needs no pause between them beyond the steps'
            # own.
            step_pulse_ticks=0 if both and pulse <= 200e-9 else self.mcu.seconds_to_ticks(pulse),
        )

    @property
    def queue_step_id(self) -> int:
        """Message id of C{queue_step oid interval count add}."""
        return self.mcu.dictionary.command("queue_step oid=%c interval=%u count=%hu add=%hi").message_id

    @property
    def set_next_step_dir_id(self) -> int:
        """Message id of C{set_next_step_dir oid dir}."""
        return self.mcu.dictionary.command("set_next_step_dir oid=%c dir=%c").message_id

    @property
    def reset_step_clock_id(self) -> int:
        """Message id of C{reset_step_clock oid clock}."""
        return self.mcu.dictionary.command("reset_step_clock oid=%c clock=%u").message_id

    async def position(self) -> int:
        """Steps forward less steps backward, as the MCU has counted them (with the pin's sign)."""
        command = self.mcu.dictionary.command("stepper_get_position oid=%c")
        answer = await self.mcu.ask(command.encode(oid=self.oid), "stepper_position", self.oid)
        position: int = answer["pos"]
        return position

    def stop_on(self, trsync_oid: int) -> None:
        """Stop at once when that trsync of the same MCU triggers; once."""
        command = self.mcu.dictionary.command("stepper_stop_on_trigger oid=%c trsync_oid=%c")
        self.mcu.send(command.encode(oid=self.oid, trsync_oid=trsync_oid))
