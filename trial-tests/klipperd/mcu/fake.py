"""A fake MCU behind a pseudo-terminal: speaks frames and keeps the rules of configuration, in plain Python.

It is verified: C{test_against_firmware.py} holds the same conversation with it and with the real firmware.
"""

import json
import os
import pty
import select
import threading
import time
import tty
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from klipperd.mcu.clock_estimate import extend_clock
from klipperd.wire.dictionary import IDENTIFY, IDENTIFY_RESPONSE, Dictionary
from klipperd.wire.frames import seal_frame

from ..wire.receiver import Receiver

FREQ = 1_000_000
REASONS = ["Command request", "Timer too close", "ADC out of range", "Pin is not available for this use"]

COMMANDS = [
    IDENTIFY,
    "get_config",
    "allocate_oids count=%c",
    "finalize_config crc=%u",
    "config_reset",
    "reset",
    "emergency_stop",
    "get_clock",
    "get_uptime",
    "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u",
    "set_digital_out_pwm_cycle oid=%c cycle_ticks=%u",
    "queue_digital_out oid=%c clock=%u on_ticks=%u",
    "update_digital_out oid=%c value=%c",
    "config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u",
    "queue_pwm_out oid=%c clock=%u value=%hu",
    "config_analog_in oid=%c pin=%u",
    "query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u bytes_per_report=%c"
    " min_value=%hu max_value=%hu range_check_count=%c",
    "config_buttons oid=%c button_count=%c",
    "buttons_add oid=%c pos=%c pin=%u pull_up=%c",
    "buttons_query oid=%c clock=%u rest_ticks=%u retransmit_count=%c invert=%c",
    "buttons_ack oid=%c count=%c",
    "config_counter oid=%c pin=%u pull_up=%c",
    "query_counter oid=%c clock=%u poll_ticks=%u sample_ticks=%u",
    "config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u",
    "queue_step oid=%c interval=%u count=%hu add=%hi",
    "set_next_step_dir oid=%c dir=%c",
    "reset_step_clock oid=%c clock=%u",
    "stepper_get_position oid=%c",
    "stepper_stop_on_trigger oid=%c trsync_oid=%c",
    "config_endstop oid=%c pin=%c pull_up=%c",
    "endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c"
    " trigger_reason=%c",
    "endstop_query_state oid=%c",
    "config_trsync oid=%c",
    "trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c",
    "trsync_set_timeout oid=%c clock=%u",
    "trsync_trigger oid=%c reason=%c",
]
RESPONSES = [
    IDENTIFY_RESPONSE,
    "config is_config=%c crc=%u is_shutdown=%c move_count=%hu",
    "clock clock=%u",
    "uptime high=%u clock=%u",
    "stats count=%u sum=%u sumsq=%u",
    "starting",
    "shutdown clock=%u static_string_id=%hu",
    "is_shutdown static_string_id=%hu",
    "analog_in_state oid=%c next_clock=%u values=%*s",
    "buttons_state oid=%c ack_count=%c state=%*s",
    "counter_state oid=%c next_clock=%u count=%u count_clock=%u",
    "stepper_position oid=%c pos=%i",
    "endstop_state oid=%c homing=%c next_clock=%u pin_value=%c",
    "trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u",
]
ALWAYS = {"identify", "get_config", "config_reset", "reset", "emergency_stop", "get_clock", "get_uptime"}


def make_entries(**constants: Any) -> dict[str, Any]:
    """The dictionary, with ids of one and two bytes, and negative ones."""
    ids = [1, *range(-20, -1), *range(2, 200)]
    return {
        "version": "v0-fake",
        "build_versions": "python",
        "app": "Fake",
        "config": {
            "CLOCK_FREQ": FREQ,
            "MCU": "fake",
            "ADC_MAX": 4095,
            "PWM_MAX": 255,
            "STATS_SUMSQ_BASE": 256,
            "RESERVE_PINS_console": "PD15",
            "STEPPER_STEP_BOTH_EDGE": 1,
        }
        | constants,
        "enumerations": {
            "pin": {f"P{port}0": [16 * i, 16] for i, port in enumerate("ABCD")},
            "static_string_id": {reason: i for i, reason in enumerate(REASONS)},
        },
        "commands": dict(zip(COMMANDS, ids, strict=False)),
        "responses": dict(zip(RESPONSES, [0, *range(200, 300)], strict=False)),
    }


@define(eq=False)
class FakeMcu:
    """Runs in a thread of its own; the test talks to it through methods.

    @ivar sent: all commands that it took, by name, with their values.
    @ivar deaf: it reads and answers nothing.
    @ivar refused_pins: numbers of pins that it shuts down for.
    """

    entries: dict[str, Any] = field(factory=make_entries)
    refused_pins: set[int] = field(factory=set)
    deaf: bool = False
    sent: list[tuple[str, dict[str, Any]]] = field(factory=list)
    resets: int = 0
    pins: dict[int, int] = field(factory=dict)
    """oid of an endstop -> level of its pin."""
    positions: dict[int, int] = field(factory=dict)
    path: str = field(init=False)
    _master: int = field(init=False)
    _slave: int = field(init=False)
    _change: threading.Condition = field(init=False, factory=threading.Condition)
    _receiver: Receiver = field(init=False)
    _outgoing: list[bytes] = field(init=False, factory=list)
    _wake: tuple[int, int] = field(init=False, factory=os.pipe)
    _thread: threading.Thread = field(init=False)
    _known: Dictionary = field(init=False)
    _talk: Dictionary = field(init=False)
    _image: bytes = field(init=False)
    _config: tuple[bool, int] = field(init=False, default=(False, 0))
    _oids: int | None = field(init=False, default=None)
    _shutdown: int | None = field(init=False, default=None)
    _boot: float = field(init=False, factory=time.monotonic)
    _triggers: dict[int, int | None] = field(init=False, factory=dict)
    _homing: dict[int, dict[str, Any]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._image = zlib.compress(json.dumps(self.entries).encode())
        # It decodes what a host encodes, and encodes what a host decodes.
        swapped = self.entries | {
            "commands": self.entries["responses"],
            "responses": self.entries["commands"],
            "enumerations": {},
        }
        self._talk = self._known = Dictionary.from_json(swapped, b"")
        self._receiver = Receiver(self._respond)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # ---- for tests ----

    def wait_for(self, condition: Callable[["FakeMcu"], Any], patience: float = 20.0) -> None:
        """Wait until it is as wanted."""
        with self._change:
            if not self._change.wait_for(lambda: condition(self), patience):
                raise AssertionError(f"waited in vain: {self.sent[-10:]}")

    def commands(self, name: str) -> list[dict[str, Any]]:
        """The values of all commands of a name that it took."""
        with self._change:
            return [values for sent, values in self.sent if sent == name]

    def say(self, name: str, **values: Any) -> None:
        """Send a message unasked."""
        with self._change:
            self._outgoing.append(self._encode(name, values))
        os.write(self._wake[1], b".")

    def shut_down(self, reason: str) -> None:
        """Shut down by itself."""
        with self._change:
            self._stop(REASONS.index(reason))

    def set_pin(self, oid: int, level: int) -> None:
        """Change the level at an endstop."""
        with self._change:
            self.pins[oid] = level
            self._look_at(oid)

    def reset(self) -> None:
        """Start anew, as after power-on."""
        self._config, self._oids, self._shutdown = (False, 0), None, None
        self._triggers, self._homing = {}, {}
        self._outgoing.clear()
        self._boot = time.monotonic()
        self.resets += 1
        self._receiver.expected = 0

    def unplug(self) -> None:
        """Vanish."""
        os.write(self._wake[1], b"q")
        self._thread.join(10)
        for fd in (self._master, self._slave, *self._wake):
            os.close(fd)
        self._master = -1

    def close(self) -> None:
        """Vanish, if it has not."""
        if self._master >= 0:
            self.unplug()

    # ---- wire ----

    def clock(self) -> int:
        return int((time.monotonic() - self._boot) * FREQ) + (1 << 32) - 2_000_000

    def _serve(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake[0]], [], [])
            if self._wake[0] in ready and b"q" in os.read(self._wake[0], 100):
                return
            with self._change:
                answer = b""
                if self._master in ready:
                    data = os.read(self._master, 4096)
                    if not self.deaf:
                        answer = self._receiver.feed(data)
                answer += self._unasked()
                self._change.notify_all()
            if answer and not self.deaf:
                os.write(self._master, answer)

    def _unasked(self) -> bytes:
        waiting, self._outgoing = self._outgoing, []
        return b"".join(seal_frame(self._receiver.expected, payload) for payload in waiting)

    def _encode(self, name: str, values: dict[str, Any]) -> bytes:
        text = next(text for text in self.entries["responses"] if text.split()[0] == name)
        return self._talk.command(text).encode(**values)

    def _respond(self, payload: bytes) -> list[bytes]:
        answers: list[bytes] = []
        for message in self._known.decode(payload):
            self.sent.append((message.name, dict(message.values)))
            if self._shutdown is not None and message.name not in ALWAYS:
                answers.append(self._encode("is_shutdown", {"static_string_id": self._shutdown}))
                continue
            serve = getattr(self, "_do_" + message.name, None)
            if serve is not None:
                answers += [self._encode(name, values) for name, values in serve(**message.values)]
            elif message.name.startswith("config_"):
                self._configure(dict(message.values))
        return answers

    # ---- commands ----

    def _stop(self, reason: int) -> None:
        if self._shutdown is None:
            self._shutdown = reason
            values = {"clock": self.clock() & 0xFFFFFFFF, "static_string_id": reason}
            self._outgoing.append(self._encode("shutdown", values))
            os.write(self._wake[1], b".")

    def _configure(self, values: dict[str, Any]) -> None:
        if self._config[0] or self._oids is None or values["oid"] >= self._oids:
            self._stop(0)
        if values.get("pin") in self.refused_pins:
            self._stop(REASONS.index("Pin is not available for this use"))

    def _do_identify(self, offset: int, count: int) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "identify_response", {"offset": offset, "data": self._image[offset : offset + count]}

    def _do_get_config(self) -> Iterator[tuple[str, dict[str, Any]]]:
        is_config, crc = self._config
        yield (
            "config",
            {
                "is_config": int(is_config),
                "crc": crc,
                "is_shutdown": int(self._shutdown is not None),
                "move_count": 16 if is_config else 0,
            },
        )

    def _do_allocate_oids(self, count: int) -> tuple[()]:
        self._oids = count
        return ()

    def _do_finalize_config(self, crc: int) -> tuple[()]:
        self._config = (True, crc)
        return ()

    def _do_config_reset(self) -> tuple[()]:
        if self._shutdown is None:
            self._stop(0)
        self._config, self._oids, self._shutdown = (False, 0), None, None
        self._outgoing.clear()
        self.resets += 1
        return ()

    def _do_reset(self) -> tuple[()]:
        self.reset()
        return ()

    def _do_emergency_stop(self) -> tuple[()]:
        self._stop(0)
        return ()

    def _do_get_clock(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "clock", {"clock": self.clock() & 0xFFFFFFFF}

    def _do_get_uptime(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "uptime", {"high": self.clock() >> 32, "clock": self.clock() & 0xFFFFFFFF}

    def _do_stepper_get_position(self, oid: int) -> Iterator[tuple[str, dict[str, Any]]]:
        yield "stepper_position", {"oid": oid, "pos": self.positions.get(oid, 0)}

    # ---- endstops and trsyncs ----

    def _do_endstop_query_state(self, oid: int) -> Iterator[tuple[str, dict[str, Any]]]:
        homing = self._homing.get(oid, {})
        yield (
            "endstop_state",
            {
                "oid": oid,
                "homing": int(bool(homing) and "seen" not in homing),
                "next_clock": (homing.get("seen", self.clock()) + homing.get("rest_ticks", 0)) & 0xFFFFFFFF,
                "pin_value": self.pins.get(oid, 0),
            },
        )

    def _do_endstop_home(self, oid: int, **values: Any) -> tuple[()]:
        if values["sample_count"]:
            self._homing[oid] = values
            self._look_at(oid)
        return ()

    def _look_at(self, oid: int) -> None:
        homing = self._homing.get(oid)
        if homing and "seen" not in homing and self.pins.get(oid, 0) == homing["pin_value"]:
            # It does not look before its time, but the answer need not wait for that.
            homing["seen"] = max(self.clock(), extend_clock(homing["clock"], self.clock()))
            self._trigger(homing["trsync_oid"], homing["trigger_reason"])

    def _do_trsync_start(self, oid: int, **values: Any) -> tuple[()]:
        self._triggers[oid] = None
        return ()

    def _do_trsync_trigger(self, oid: int, reason: int) -> tuple[()]:
        self._trigger(oid, reason)
        return ()

    def _trigger(self, oid: int, reason: int) -> None:
        if self._triggers.get(oid, reason) is None:
            self._triggers[oid] = reason
        told = {"oid": oid, "can_trigger": 0, "trigger_reason": self._triggers.get(oid, 0)}
        self._outgoing.append(self._encode("trsync_state", told | {"clock": self.clock() & 0xFFFFFFFF}))
        os.write(self._wake[1], b".")
