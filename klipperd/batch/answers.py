"""What an MCU would answer, where there is none: all is well, and whatever is waited for has happened.

An endstop has triggered at the end of the move that looks for it; a stepper is where its commands brought
it.  Questions that nothing is known about are answered with zeros.
"""

from collections.abc import Callable
from typing import Any

from attrs import define, field

from klipperd.wire import vlq
from klipperd.wire.codec import Decoder, Message
from klipperd.wire.dictionary import Dictionary
from klipperd.wire.filelink import FileLink
from klipperd.wire.formats import MessageFormat

__all__ = ["HEARD_COMMANDS", "McuAnswers"]

_MOVES = 1024
"""Length of the move queue that it claims to have."""
HEARD_COMMANDS = (
    "finalize_config crc=%u",
    "endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c"
    " trsync_oid=%c trigger_reason=%c",
    "trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c",
    "trsync_trigger oid=%c reason=%c",
)
"""Commands that make a difference to the answers."""
_HEARD = {text.partition(" ")[0] for text in HEARD_COMMANDS}


class _ZeroElse(dict[str, Any]):
    """The values of an answer, zero where nothing is known."""

    def __missing__(self, name: str) -> int:
        return 0


@define(eq=False, repr=False)
class McuAnswers:
    """One MCU as far as a host can tell. C{clock}: its present clock (ticks)."""

    _dictionary: Dictionary
    _link: FileLink
    _clock: Callable[[], int]
    _heard: dict[int, Decoder] = field(init=False)
    _crc: int | None = field(init=False, default=None)
    _rest_ticks: dict[int, int] = field(init=False, factory=dict)
    _watched: dict[int, int] = field(init=False, factory=dict)
    """trsync -> the reason that its endstop has."""
    _armed: set[int] = field(init=False, factory=set)

    @_heard.default
    def _find_heard(self) -> dict[int, Decoder]:
        found = {}
        for spec in self._dictionary.commands:
            if spec.name in _HEARD:
                number = self._dictionary.command(spec.text).message_id
                found[number] = Decoder(spec, number, (None,) * len(spec.parameters))
        return found

    def hear(self, payload: bytes) -> None:
        """Take in a command."""
        number, position = vlq.decode(payload, 0)
        decoder = self._heard.get(number)
        if decoder is None:
            return
        values = decoder.decode(payload, position)[0].values
        match decoder.format.name:
            case "finalize_config":
                self._crc = values["crc"]
            case "trsync_start":
                self._armed.add(values["oid"])
            case "endstop_home":
                self._rest_ticks[values["oid"]] = values["rest_ticks"]
                if values["sample_count"]:
                    self._watched[values["trsync_oid"]] = values["trigger_reason"]

    @property
    def armed(self) -> bool:
        """Whether a move is under way that something may stop."""
        return bool(self._armed)

    def stopped(self) -> list[bytes]:
        """What the MCU says about moves that the host has ended since the last call."""
        said = []
        for payload in self._link.take_urgent():
            number, position = vlq.decode(payload, 0)
            decoder = self._heard.get(number)
            if decoder is None or decoder.format.name != "trsync_trigger":
                continue
            values = decoder.decode(payload, position)[0].values
            oid = values["oid"]
            if oid in self._armed:
                self._armed.discard(oid)
                reason = self._watched.pop(oid, values["reason"])
                clock = self._clock() & vlq.LARGEST
                said.append(
                    self._say("trsync_state", oid=oid, can_trigger=0, trigger_reason=reason, clock=clock)
                )
        return said

    def _say(self, name: str, **values: int) -> bytes:
        decoder = self._response(name)
        parts = [vlq.encode(decoder.message_id)]
        parts.extend(vlq.encode(values[p.name]) for p in decoder.format.parameters)
        return b"".join(parts)

    def _response(self, name: str) -> Decoder:
        spec = next((r for r in self._dictionary.responses if r.name == name), None)
        return self._dictionary.response(spec.text if spec is not None else name)

    def answer(self, response: str, oid: int | None) -> Message:
        """The answer to a question. @raise klipperd.wire.errors.DictionaryError: no MCU says that."""
        spec: MessageFormat = self._response(response).format
        known = self._known(response, oid)
        values = _ZeroElse(known)
        for parameter in spec.parameters:
            empty: Any = b"" if parameter.kind.is_buffer else 0
            values[parameter.name] = known.get(parameter.name, empty)
        return Message(response, values)

    def _known(self, response: str, oid: int | None) -> dict[str, int]:
        if response == "config":
            return {"is_config": int(self._crc is not None), "crc": self._crc or 0, "move_count": _MOVES}
        values = {"oid": oid if oid is not None else 0}
        if oid is None:
            return values
        if response == "stepper_position":
            values["pos"] = int(self._link.stepper(oid)["position"])  # type: ignore[arg-type]
        elif response == "endstop_state":
            values["next_clock"] = (self._clock() + self._rest_ticks.get(oid, 0)) & vlq.LARGEST
        return values
