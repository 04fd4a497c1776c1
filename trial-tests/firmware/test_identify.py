"""The data dictionary: how it is read and what is in it."""

import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from .build import FIRMWARE, binary
from .case import DeviceTests, for_each_target

# What hosts in the field send and understand, letter by letter.
COMMANDS = """
allocate_oids count=%c
buttons_ack oid=%c count=%c
buttons_add oid=%c pos=%c pin=%u pull_up=%c
buttons_query oid=%c clock=%u rest_ticks=%u retransmit_count=%c invert=%c
clear_shutdown
config_analog_in oid=%c pin=%u
config_buttons oid=%c button_count=%c
config_counter oid=%c pin=%u pull_up=%c
config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u
config_endstop oid=%c pin=%c pull_up=%c
config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u
config_reset
config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u
config_trsync oid=%c
debug_nop
debug_ping data=%*s
debug_read order=%c addr=%u
debug_write order=%c addr=%u val=%u
emergency_stop
endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c trigger_reason=%c
endstop_query_state oid=%c
finalize_config crc=%u
get_clock
get_config
get_uptime
identify offset=%u count=%c
query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u bytes_per_report=%c min_value=%hu max_value=%hu range_check_count=%c
query_counter oid=%c clock=%u poll_ticks=%u sample_ticks=%u
queue_digital_out oid=%c clock=%u on_ticks=%u
queue_pwm_out oid=%c clock=%u value=%hu
queue_step oid=%c interval=%u count=%hu add=%hi
reset
reset_step_clock oid=%c clock=%u
set_digital_out pin=%u value=%c
set_digital_out_pwm_cycle oid=%c cycle_ticks=%u
set_next_step_dir oid=%c dir=%c
set_pwm_out pin=%u cycle_ticks=%u value=%hu
stepper_get_position oid=%c
stepper_stop_on_trigger oid=%c trsync_oid=%c
trsync_set_timeout oid=%c clock=%u
trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c
trsync_trigger oid=%c reason=%c
update_digital_out oid=%c value=%c
"""  # noqa: E501
BUS_COMMANDS = """
config_i2c oid=%c
config_spi oid=%c pin=%u cs_active_high=%c
config_spi_shutdown oid=%c spi_oid=%c shutdown_msg=%*s
config_spi_without_cs oid=%c
i2c_set_bus oid=%c i2c_bus=%u rate=%u address=%u
i2c_transfer oid=%c write=%*s read_len=%u
spi_send oid=%c data=%*s
spi_set_bus oid=%c spi_bus=%u mode=%u rate=%u
spi_transfer oid=%c data=%*s
"""
RESPONSES = """
analog_in_state oid=%c next_clock=%u values=%*s
buttons_state oid=%c ack_count=%c state=%*s
clock clock=%u
config is_config=%c crc=%u is_shutdown=%c move_count=%hu
counter_state oid=%c next_clock=%u count=%u count_clock=%u
debug_result val=%u
endstop_state oid=%c homing=%c next_clock=%u pin_value=%c
identify_response offset=%u data=%.*s
is_shutdown static_string_id=%hu
pong data=%*s
shutdown clock=%u static_string_id=%hu
starting
stats count=%u sum=%u sumsq=%u
stepper_position oid=%c pos=%i
trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u
uptime high=%u clock=%u
"""
BUS_RESPONSES = """
i2c_response oid=%c i2c_bus_status=%c response=%*s
spi_transfer_response oid=%c response=%*s
"""


def lines(text: str) -> set[str]:
    """The lines of a list."""
    return {line for line in text.split("\n") if line}


@for_each_target
class Dictionaries(DeviceTests):
    """What `identify` gives."""

    def test_messages(self) -> None:
        """All messages are there in the form that hosts know, under ids of their own."""
        json = self.device.dictionary.json
        buses = self.target.name == "linux"
        commands = COMMANDS + BUS_COMMANDS * buses
        responses = RESPONSES + BUS_RESPONSES * buses
        self.assertEqual(lines(commands) - set(json["commands"]), set())
        self.assertEqual(lines(responses) - set(json["responses"]), set())
        ids = [*json["commands"].values(), *json["responses"].values()]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertTrue(all(-32 <= number <= 95 for number in ids), "an id takes more than one byte")
        self.assertEqual(json["commands"]["identify offset=%u count=%c"], 1)
        self.assertEqual(json["responses"]["identify_response offset=%u data=%.*s"], 0)

    def test_constants(self) -> None:
        """The constants that hosts look for."""
        constants = self.device.dictionary.constants
        self.assertEqual(constants["MCU"], self.target.name)
        self.assertEqual(constants["CLOCK_FREQ"], {"linux": 50_000_000, "sim": 20_000_000}[self.target.name])
        self.assertEqual(constants["STATS_SUMSQ_BASE"], 256)
        self.assertEqual(constants["STEPPER_STEP_BOTH_EDGE"], 1)
        self.assertEqual(constants["ADC_MAX"], 4095)
        self.assertIn("PWM_MAX", constants)
        json = self.device.dictionary.json
        self.assertTrue({"app", "version", "license", "build_versions", "output"} < set(json))

    def test_pins(self) -> None:
        """Pins have names, and the two short forms of the first GPIO chip mean the same."""
        pins = {self.device.pin(name) for name in self.target[2:8]}
        self.assertEqual(len(pins), 6)
        if self.target.name == "linux":
            self.assertEqual(self.device.pin("gpio17"), self.device.pin("gpiochip0/gpio17"))

    def test_pieces(self) -> None:
        """Each piece is the one asked for; behind the end there is nothing."""
        whole = self.device.ask("identify_response", "identify", offset=0, count=40)["data"]
        part = self.device.ask("identify_response", "identify", offset=7, count=5)
        self.assertEqual((part["offset"], part["data"]), (7, whole[7:12]))
        for offset in (10**6, 2**32 - 1):
            beyond = self.device.ask("identify_response", "identify", offset=offset, count=40)
            self.assertEqual((beyond["offset"], beyond["data"]), (offset, b""))

    def test_more_than_fits(self) -> None:
        """A piece never grows beyond its block, whatever is asked for."""
        data = self.device.ask("identify_response", "identify", offset=0, count=255)["data"]
        self.assertTrue(40 <= len(data) <= 59)


class Builds(SynchronousTestCase):
    """How the dictionary is made."""

    def test_reproducible(self) -> None:
        """Neither time, nor order, nor place of the objects shows in the tables."""
        objects = sorted((Path(binary("linux")).parent / "obj").rglob("*.o"))
        sources = []
        for order in (objects, objects[::-1]):
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "generated.c"
                self.run_dictionary(out, *(str(path) for path in order))
                sources.append(out.read_text())
        self.assertEqual(*sources)

    def test_same_twice(self) -> None:
        """A declaration that contradicts another is an error that names both."""
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "wrong.c"
            source.write_text('#include "core/declare.h"\nDECL_CONSTANT("CLOCK_FREQ", 7);\n')
            includes = [f"-I{FIRMWARE}", f"-I{FIRMWARE}/targets/linux"]
            compile_it = ["gcc", "-c", *includes, "-o", f"{folder}/wrong.o"]
            subprocess.run([*compile_it, str(source)], check=True, timeout=60)
            objects = sorted((Path(binary("linux")).parent / "obj").rglob("*.o"))
            done = self.run_dictionary(
                Path(folder) / "x.c", f"{folder}/wrong.o", *(str(path) for path in objects), status=1
            )
        self.assertIn("CLOCK_FREQ", done.stderr)
        self.assertIn("declared twice", done.stderr)

    def run_dictionary(self, out: Path, *objects: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run the generator."""
        script = [sys.executable, str(FIRMWARE / "core" / "dictionary.py"), "--version", "v1"]
        options = ["--build-versions", "none", "--output", str(out)]
        done = subprocess.run([*script, *options, *objects], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done
