"""Why an MCU shut down, in words that help: what the firmware's reason means, and what to do.

The reasons are texts of the firmware's dictionary (C{static_string_id}), the same in all generations.
"""

from collections.abc import Mapping
from difflib import get_close_matches

from attrs import frozen

__all__ = ["Circumstances", "explain_shutdown"]

_LATE = "the MCU got a command after the time at which it was to act"
_BUSY = "the MCU could not keep up with its own schedule"

_MEANINGS: Mapping[str, str] = {
    "Timer too close": _LATE,
    "Rescheduled timer in the past": _BUSY,
    "Stepper too far in past": _BUSY,
    "No next step": "a motor's steps came too late: the motion ran ahead of the host",
    "Missed scheduling of next digital out event": "the host did not refresh an output (a heater, say) in"
    " time, so the MCU switched it off",
    "Missed scheduling of next hard pwm event": "the host did not refresh a PWM output in time, so the MCU"
    " switched it off",
    "ADC out of range": "a temperature sensor read outside of its limits several times in a row",
    "Command request": "the host asked for an emergency stop",
    "Watchdog timer!": "the MCU hung and was reset by its watchdog",
    "Move queue overflow": "the host sent more moves than the MCU has room for; please report this",
    "Can't reset time when stepper active": "the host began a move before the last one had ended; please"
    " report this",
    "Pin is not available for this use": "the configuration uses a pin for something that it cannot do",
    "Not a valid ADC pin": "the configuration reads a pin that is no analog input",
    "Not a valid input pin": "the configuration uses a pin as an input that is none",
    "Not an output pin": "the configuration uses a pin as an output that is none",
    "Not a valid PWM pin": "the configuration asks for hardware PWM at a pin without it: set"
    " hardware_pwm: False",
    "Already finalized": "the MCU was configured twice; use FIRMWARE_RESTART",
}

_ADVICE: Mapping[str, str] = {
    _LATE: "This happens when the host computer is overloaded or swaps, when the line loses data, or when the"
    " board's clock is unsteady.",
    _BUSY: "There were too many steps a second, or the board (or the host MCU's process) did not get to run:"
    " lower microsteps or speed, and look for what else keeps it busy.",
}


@frozen
class Circumstances:
    """What was known of the link when the MCU shut down.

    @ivar late_commands: commands that left the host after their time.
    @ivar late_worst: by how much, s.
    @ivar bytes_retransmit: bytes that had to be sent again.
    @ivar round_trip: smoothed round-trip time, s.
    @ivar awake: share of time that the MCU was busy, 0 to 1.
    """

    late_commands: int = 0
    late_worst: float = 0.0
    bytes_retransmit: int = 0
    bytes_write: int = 0
    round_trip: float = 0.0
    awake: float = 0.0

    def describe(self) -> list[str]:
        """What of it is out of the ordinary."""
        found = []
        if self.late_commands:
            found.append(
                f"{self.late_commands} commands left the host late, by up to {self.late_worst * 1000:.1f} ms:"
                " the host was too slow, not the board"
            )
        if self.bytes_write and self.bytes_retransmit > 0.001 * self.bytes_write:
            share = 100 * self.bytes_retransmit / self.bytes_write
            found.append(f"{share:.1f} % of all bytes had to be sent again: check the cable and its shield")
        if self.round_trip > 0.010:
            found.append(f"an answer takes {self.round_trip * 1000:.0f} ms: the line or the host is slow")
        if self.awake > 0.5:
            found.append(f"the MCU is busy {100 * self.awake:.0f} % of the time")
        return found


def explain_shutdown(
    mcu: str, reason: str, circumstances: Circumstances, details: list[str] | None = None
) -> str:
    """The text for the user.

    @param details: what the owners of the MCU's objects know about it, such as which sensor it was.
    """
    lines = [f"MCU {mcu!r} shutdown: {reason}"]
    meaning = _find(reason)
    if meaning is not None:
        advice = _ADVICE.get(meaning)
        lines.append(f"That means: {meaning}." + (f" {advice}" if advice else ""))
    lines += details or []
    if meaning in _ADVICE or meaning is None:
        lines += [f"Note: {note}." for note in circumstances.describe()]
    return "\n".join(lines)


def _find(reason: str) -> str | None:
    if reason in _MEANINGS:
        return _MEANINGS[reason]
    close = get_close_matches(reason, _MEANINGS, n=1, cutoff=0.9)
    return _MEANINGS[close[0]] if close else None
