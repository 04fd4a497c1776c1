"""Write starting points for the fuzzer: sequences of commands, in the form that fuzz.c's run_commands reads.

Usage: fuzz_seeds.py DICTIONARY.json FOLDER
"""

import json
import sys
from pathlib import Path

SOON = (130, 60)  # a time some hundred ticks from now
CONFIG = [
    ("allocate_oids", 14),
    ("config_stepper", 0, 1, 2, 0, 3),
    ("config_stepper", 1, 3, 4, 0, 0),
    ("config_trsync", 2),
    ("config_endstop", 3, 5, 1),
    ("config_digital_out", 4, 6, 0, 0, 0),
    ("config_pwm_out", 5, 7, 9, 0, 0, 15),
    ("config_analog_in", 6, 8),
    ("config_buttons", 7, 2),
    ("buttons_add", 7, 0, 9, 0),
    ("config_counter", 8, 10, 0),
    ("config_spi", 9, 11, 0),
    ("config_spi_shutdown", 10, 9, 3),
    ("config_i2c", 11),
    ("config_digital_out", 12, 12, 1, 1, 15),
    ("finalize_config", 1),
]
SCRIPTS = {
    "steps": [
        ("set_next_step_dir", 0, 1),
        ("reset_step_clock", 0, SOON),
        ("queue_step", 0, 15, 15, 2),
        ("queue_step", 0, 9, 15, 0),
        ("reset_step_clock", 1, SOON),
        ("queue_step", 1, 15, 9, 0),
        200,
        ("stepper_get_position", 0),
        255,
    ],
    "homing": [
        ("trsync_start", 2, SOON, 15, 3),
        ("trsync_set_timeout", 2, (130, 200)),
        ("stepper_stop_on_trigger", 0, 2),
        ("reset_step_clock", 0, SOON),
        ("queue_step", 0, 15, 15, 0),
        ("endstop_home", 3, SOON, 3, 2, 15, 1, 2, 1),
        100,
        ("set_digital_out", 5, 1),
        200,
        ("endstop_query_state", 3),
        ("trsync_trigger", 2, 4),
    ],
    "outputs": [
        ("set_digital_out_pwm_cycle", 4, 15),
        ("queue_digital_out", 4, SOON, 7),
        ("queue_pwm_out", 5, SOON, 9),
        ("queue_digital_out", 12, SOON, 0),
        ("update_digital_out", 12, 1),
        ("set_pwm_out", 13, 9, 9),
        250,
        ("clear_shutdown",),
        ("queue_digital_out", 4, SOON, 7),
        250,
    ],
    "inputs": [
        ("query_analog_in", 6, SOON, 3, 4, 15, 4, 0, 15, 2),
        ("buttons_query", 7, SOON, 15, 3, 0),
        ("query_counter", 8, SOON, 5, 15),
        100,
        ("set_digital_out", 9, 1),
        ("set_digital_out", 10, 1),
        100,
        ("buttons_ack", 7, 1),
        ("emergency_stop",),
        200,
    ],
    "buses": [
        ("spi_set_bus", 9, 0, 3, 15),
        ("spi_transfer", 9, 5),
        ("spi_send", 9, 5),
        ("i2c_set_bus", 11, 1, 1, 9),
        ("i2c_transfer", 11, 3, 9),
        ("debug_read", 2, 9),
        ("emergency_stop",),
        ("config_reset",),
        ("allocate_oids", 3),
        ("reset",),
        ("get_config",),
    ],
}


def main() -> None:
    """Write one file for each script, as it is and with the configuration before it."""
    commands = json.loads(Path(sys.argv[1]).read_text())["commands"]
    index = {text.split()[0]: (number - 1, text.count("=")) for text, number in commands.items()}

    def encode(script: list) -> bytes:
        out = b""
        for step in script:
            if isinstance(step, int):
                out += bytes([step])
                continue
            number, count = index[step[0]]
            values = [value if isinstance(value, tuple) else (value, 0) for value in step[1:]]
            assert len(values) == count, step
            out += bytes([number, *(byte for value in values for byte in value)])
        return out

    for name, script in SCRIPTS.items():
        seed = bytes([3]) + encode(CONFIG) + encode(script) + bytes([200])
        (Path(sys.argv[2]) / f"seed-{name}").write_bytes(seed)


main()
