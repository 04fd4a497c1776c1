"""Steppers of the rig's printers, driven by raw commands."""

from .rawmcu import RawMcu
from .rig import FREQ, Rig

__all__ = ["ENDSTOP_X", "ENDSTOP_Y", "PROBE", "TRSYNC", "Motors", "ramp"]

PULSE = 40  # ticks, 2 us
TRSYNC, ENDSTOP_X, ENDSTOP_Y, PROBE = 8, 9, 10, 11
PINS = {0: ("PA0", "PA1"), 1: ("PA3", "PA4"), 2: ("PA6", "PA7"), 3: ("PA8", "PA9")}


def ramp(steps: int, first: int, last: int) -> list[tuple[int, int, int]]:
    """One queue_step (interval, count, add) that goes from an interval of C{first} to about C{last}."""
    return [(first, steps, round((last - first) / max(1, steps - 1)))]


class Motors:
    """oids 0..3: x (or a), y (or b), z, e. Endstops and probe stop motors through one trsync."""

    def __init__(self, rig: Rig, enable: bool = True) -> None:
        self.rig = rig
        self.mcu: RawMcu = rig.mcu
        mcu = self.mcu
        commands = [
            mcu.encode(
                "config_stepper",
                oid=oid,
                step_pin=mcu.pin(step),
                dir_pin=mcu.pin(direction),
                invert_step=0,
                step_pulse_ticks=PULSE,
            )
            for oid, (step, direction) in PINS.items()
        ]
        commands.append(mcu.encode("config_trsync", oid=TRSYNC))
        for oid, pin in ((ENDSTOP_X, "PC0"), (ENDSTOP_Y, "PC1"), (PROBE, "PC2")):
            commands.append(mcu.encode("config_endstop", oid=oid, pin=mcu.pin(pin), pull_up=1))
        mcu.configure(*commands)
        if enable:
            self.enable(True)

    def enable(self, on: bool) -> None:
        for pin in ("PA2", "PA5"):
            self.mcu.send("set_digital_out", pin=self.mcu.pin(pin), value=not on)

    def encode(self, oid: int, start: int, way: int, moves: list[tuple[int, int, int]]) -> list[bytes]:
        """Commands for moves whose first step is C{moves[0]} interval after the clock C{start}."""
        mcu = self.mcu
        return [
            mcu.encode("reset_step_clock", oid=oid, clock=start & 0xFFFFFFFF),
            mcu.encode("set_next_step_dir", oid=oid, dir=int(way > 0)),
            *(
                mcu.encode("queue_step", oid=oid, interval=interval, count=count, add=add)
                for interval, count, add in moves
            ),
        ]

    def move(self, oid: int, way: int, moves: list[tuple[int, int, int]], lead: float = 0.02) -> int:
        """Send moves that start C{lead} virtual seconds from now; returns that clock."""
        start = self.rig.mcu_clock(lead)
        self.mcu.send_many(self.encode(oid, start, way, moves))
        return start

    def home(self, endstop: int, pin_value: int, oids: tuple[int, ...]) -> None:
        """Stop the motors when C{endstop} shows C{pin_value}: sampled each 100 us, 4 times."""
        clock = self.rig.mcu_clock(0.01)
        mcu = self.mcu
        mcu.send("trsync_start", oid=TRSYNC, report_clock=clock, report_ticks=FREQ // 10, expire_reason=2)
        mcu.send("trsync_set_timeout", oid=TRSYNC, clock=(clock + 60 * FREQ) & 0xFFFFFFFF)
        for oid in oids:
            mcu.send("stepper_stop_on_trigger", oid=oid, trsync_oid=TRSYNC)
        mcu.send(
            "endstop_home",
            oid=endstop,
            clock=clock,
            sample_ticks=FREQ // 100000,
            sample_count=4,
            rest_ticks=FREQ // 10000,
            pin_value=pin_value,
            trsync_oid=TRSYNC,
            trigger_reason=1,
        )
