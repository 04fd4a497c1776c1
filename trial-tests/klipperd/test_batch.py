"""Batch mode: a G-code file becomes commands; the same ones each time, and the right ones."""

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from klipperd.batch import offline
from klipperd.batch.clock import VirtualClock
from klipperd.batch.command import output_path, run_batch
from klipperd.batch.decode import Command, read_commands
from klipperd.batch.dictionaries import read_dictionaries, read_dictionary
from klipperd.batch.errors import BatchError
from klipperd.motion.toolhead import Toolhead

ROOT = Path(__file__).parents[2]
FREQ = 20_000_000

CONFIG = """
[mcu]
serial: /dev/none

[printer]
kinematics: cartesian
max_velocity: 200
max_accel: 2000
max_z_velocity: 20

[stepper_x]
step_pin: PA0
dir_pin: PA1
enable_pin: !PA2
microsteps: 16
rotation_distance: 40
endstop_pin: ^PC0
position_endstop: 0
position_max: 200

[stepper_y]
step_pin: PA3
dir_pin: !PA4
microsteps: 16
rotation_distance: 40
endstop_pin: ^PC1
position_endstop: 0
position_max: 200

[stepper_z]
step_pin: PA6
dir_pin: PA7
microsteps: 16
rotation_distance: 8
endstop_pin: ^PC2
position_endstop: 0
position_max: 200
homing_speed: 50

[extruder]
step_pin: PA9
dir_pin: PA10
microsteps: 16
rotation_distance: 33.5
nozzle_diameter: 0.4
filament_diameter: 1.75
heater_pin: PB0
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PF0
control: pid
pid_kp: 22.2
pid_ki: 1.08
pid_kd: 114
min_temp: 0
max_temp: 280

[fan]
pin: PB2

[force_move]
enable_force_move: True
"""

COMMANDS = """
allocate_oids count=%c
buttons_ack oid=%c count=%c
config_analog_in oid=%c pin=%u
config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u
config_endstop oid=%c pin=%c pull_up=%c
config_pwm_out oid=%c pin=%u cycle_ticks=%u value=%hu default_value=%hu max_duration=%u
config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u
config_trsync oid=%c
emergency_stop
endstop_home oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u pin_value=%c trsync_oid=%c trigger_reason=%c
endstop_query_state oid=%c
finalize_config crc=%u
get_clock
get_config
get_uptime
query_analog_in oid=%c clock=%u sample_ticks=%u sample_count=%c rest_ticks=%u min_value=%hu max_value=%hu range_check_count=%c
queue_digital_out oid=%c clock=%u on_ticks=%u
queue_pwm_out oid=%c clock=%u value=%hu
queue_step oid=%c interval=%u count=%hu add=%hi
reset_step_clock oid=%c clock=%u
set_digital_out_pwm_cycle oid=%c cycle_ticks=%u
set_next_step_dir oid=%c dir=%c
stepper_get_position oid=%c
stepper_stop_on_trigger oid=%c trsync_oid=%c
trsync_set_timeout oid=%c clock=%u
trsync_start oid=%c report_clock=%u report_ticks=%u expire_reason=%c
trsync_trigger oid=%c reason=%c
update_digital_out oid=%c value=%c
"""  # noqa: E501
RESPONSES = """
analog_in_state oid=%c next_clock=%u value=%hu
clock clock=%u
config is_config=%c crc=%u is_shutdown=%c move_count=%hu
endstop_state oid=%c homing=%c next_clock=%u pin_value=%c
is_shutdown static_string_id=%hu
shutdown clock=%u static_string_id=%hu
starting
stats count=%u sum=%u sumsq=%u
stepper_position oid=%c pos=%i
trsync_state oid=%c can_trigger=%c trigger_reason=%c clock=%u
uptime high=%u clock=%u
"""


def dictionary_json() -> str:
    """What an older board would tell: C{query_analog_in} has the form without C{bytes_per_report}."""
    commands = {"identify offset=%u count=%c": 1}
    commands |= {text: number for number, text in enumerate(COMMANDS.strip().splitlines(), 2)}
    responses = {"identify_response offset=%u data=%.*s": 0}
    responses |= {text: number for number, text in enumerate(RESPONSES.strip().splitlines(), 90)}
    pins = {f"P{port}0": [16 * number, 16] for number, port in enumerate("ABCDEF")}
    return json.dumps(
        {
            "version": "test",
            "build_versions": "",
            "app": "",
            "license": "",
            "commands": commands,
            "responses": responses,
            "config": {"CLOCK_FREQ": FREQ, "ADC_MAX": 4095, "PWM_MAX": 255, "STATS_SUMSQ_BASE": 256},
            "enumerations": {"pin": pins, "static_string_id": {}},
        }
    )


class BatchCase(SynchronousTestCase):
    timeout = 60

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.dictionary_path = self.put("mcu.dict", dictionary_json())
        self.config_path = self.put("printer.cfg", CONFIG)

    def put(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def batch(self, gcode: str, output: str = "out") -> str:
        """Run it; the path of what was written."""
        path = str(self.folder / output)
        dictionaries = read_dictionaries([self.dictionary_path])
        run_batch(self.config_path, self.put("print.gcode", gcode), path, dictionaries)
        return path

    def commands(self, gcode: str) -> list[Command]:
        return list(read_commands(self.batch(gcode), read_dictionary(self.dictionary_path)))


class Motor:
    """What a stepper does, from the commands to its oid alone: the arithmetic of the firmware."""

    def __init__(self, commands: list[Command], oid: int) -> None:
        self.position = 0
        self.steps: list[tuple[int, int]] = []
        """(clock, position after the step)."""
        direction, clock = -1, 0
        for command in commands:
            name, values = command.message.name, command.message.values
            if values.get("oid") != oid:
                continue
            if name == "reset_step_clock":
                clock = values["clock"]
            elif name == "set_next_step_dir":
                direction = 1 if values["dir"] else -1
            elif name == "queue_step":
                interval = values["interval"]
                for _ in range(values["count"]):
                    clock += interval
                    interval += values["add"]
                    self.position += direction
                    self.steps.append((clock, self.position))


def oids(commands: list[Command]) -> dict[str, int]:
    """Step pin -> oid."""
    return {c.message["step_pin"]: c.message["oid"] for c in commands if c.message.name == "config_stepper"}


MOVES = """SET_KINEMATIC_POSITION X=10 Y=20 Z=5
G1 X110 Y70 F6000
G1 X60 Y120
G1 Z7
G1 X50 Y130 E1
M106 S128
G4 P300
G1 X30 Y30 Z5
"""


class CommandTests(BatchCase):
    def test_motors_end_where_the_file_says(self) -> None:
        commands = self.commands(MOVES)
        ids = oids(commands)
        # 80 steps/mm in x and y (y reversed), 400 in z; sums of the moves
        self.assertEqual(Motor(commands, ids["PA0"]).position, (30 - 10) * 80)
        self.assertEqual(Motor(commands, ids["PA3"]).position, -(30 - 20) * 80)
        self.assertEqual(Motor(commands, ids["PA6"]).position, 0)
        self.assertEqual(Motor(commands, ids["PA9"]).position, round(3200 / 33.5))

    def test_a_single_move_steps_when_the_formula_says(self) -> None:
        commands = self.commands("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X100 F6000\n")
        steps = Motor(commands, oids(commands)["PA0"]).steps
        self.assertEqual(len(steps), 8000)
        # 100 mm/s at 2000 mm/s^2: 2.5 mm of speeding up in 0.05 s, 95 mm in 0.95 s, 2.5 mm of slowing down;
        # step n is due where half of it is passed.
        begin = steps[0][0] / FREQ - (2 * 0.5 / 80 / 2000) ** 0.5
        for number in (10, 100, 250, 4000, 7700, 7990):
            where = (number - 0.5) / 80
            if where < 2.5:
                due = (2 * where / 2000) ** 0.5
            elif where < 97.5:
                due = 0.05 + (where - 2.5) / 100
            else:
                due = 1.05 - (2 * (100 - where) / 2000) ** 0.5
            self.assertApproximates(steps[number - 1][0] / FREQ - begin, due, 60e-6)

    def test_commands_leave_in_order_of_their_times(self) -> None:
        begins = [c.begin for c in self.commands(MOVES) if c.message.name == "queue_step"]
        latest = 0
        for begin in begins:
            assert begin is not None
            self.assertGreater(begin, latest - FREQ * 0.5)
            latest = max(latest, begin)

    def test_the_fan_is_set_at_its_place(self) -> None:
        commands = self.commands(MOVES)
        fan = [c for c in commands if c.message.name == "queue_digital_out"][-1]
        z = Motor(commands, oids(commands)["PA6"]).steps
        self.assertTrue(z[799][0] < (fan.begin or 0) < z[800][0])

    def test_homing_goes_all_the_way(self) -> None:
        commands = self.commands("G28\nG1 X10 Y20 Z30 F6000\n")
        ids = oids(commands)
        homed = [c for c in commands if c.message.name == "endstop_home" and c.message["sample_count"]]
        self.assertEqual(len(homed), 6)
        # From the second approach's end, where the endstop is thought to be, to the coordinates.
        x = Motor(commands, ids["PA0"])
        self.assertEqual(x.position - min(at for _, at in x.steps), 10 * 80)
        z = Motor(commands, ids["PA6"])
        self.assertEqual(z.position - min(at for _, at in z.steps), 30 * 400)

    def test_heaters_do_not_keep_it_waiting(self) -> None:
        commands = self.commands("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nM109 S200\nG1 X10 E1 F600\n")
        last = max(c.end or 0 for c in commands if c.message.name == "queue_step")
        self.assertLess(last / FREQ, 5.0)

    def test_text_names_clocks(self) -> None:
        command = next(c for c in self.commands(MOVES) if c.message.name == "reset_step_clock")
        text = command.text(FREQ)
        self.assertRegex(text, r"^reset_step_clock oid=\d+ clock=\d+  # clock \d+, \d+\.\d{6} s$")


class DeterminismTests(BatchCase):
    def test_two_processes_write_the_same_bytes(self) -> None:
        path = self.put("print.gcode", "G28\nM109 S200\n" + MOVES)
        written = []
        for number, seed in enumerate(("1", "2")):
            output = str(self.folder / f"out{number}")
            subprocess.run(
                [sys.executable, "-m", "klipperd.cli", self.config_path, "-i", path, "-o", output,
                 "-d", self.dictionary_path, "-l", str(self.folder / "log"), "-v"],
                check=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=50,
            )  # fmt: skip
            written.append(Path(output).read_bytes())
        self.assertGreater(len(written[0]), 1000)
        self.assertEqual(*written)

    def test_it_does_not_matter_how_far_ahead_it_plans(self) -> None:
        far = self.commands(MOVES)
        self.patch(offline, "STRETCH", 3.0)
        near = self.commands(MOVES)
        for oid in oids(far).values():
            one, other = Motor(far, oid).steps, Motor(near, oid).steps
            self.assertEqual([at for _, at in one], [at for _, at in other])
            # Only where runs of steps are cut may differ, so each step stays within its window.
            for (clock, _), (again, _) in zip(one, other, strict=True):
                self.assertLessEqual(abs(clock - again), 26e-6 * FREQ)


class ErrorTests(BatchCase):
    def refused(self, gcode: str) -> str:
        return str(self.assertRaises(BatchError, self.batch, gcode))

    def test_a_move_out_of_range_is_named(self) -> None:
        text = self.refused("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 F600\n  G1 X500 ; too far\nG1 X1\n")
        self.assertIn(f"{self.folder}/print.gcode:3: Move out of range: x = 500.000", text)
        self.assertTrue(text.endswith("\n    G1 X500 ; too far"), text)

    def test_what_is_not_homed_does_not_move(self) -> None:
        self.assertIn("print.gcode:2: Must home axis", self.refused("M117 hello\nG1 X1\n"))

    def test_a_malformed_word_is_named(self) -> None:
        self.assertIn("print.gcode:2: ", self.refused("G90\nG1 X1.2.3\n"))

    def test_a_command_that_fails_is_named(self) -> None:
        text = self.refused("G90\n\nSET_HEATER_TEMPERATURE HEATER=extruder TARGET=999\n")
        self.assertIn("print.gcode:3: Requested temperature 999", text)

    def test_a_wait_for_ever_is_given_up(self) -> None:
        async def wait(_: Toolhead) -> None:
            await Deferred()

        self.patch(Toolhead, "wait_moves", wait)
        text = self.refused("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 F600\nM400\n")
        self.assertIn("print.gcode:3: it waits for what never happens", text)

    def test_a_shutdown_ends_it(self) -> None:
        text = self.refused("SET_KINEMATIC_POSITION X=0 Y=0 Z=0\nG1 X10 F600\nM112\nG1 X20\n")
        self.assertIn("the printer shut down: Shutdown due to M112", text)

    def test_configuration_errors_name_file_and_line(self) -> None:
        line = CONFIG[: CONFIG.index("max_accel")].count("\n") + 1
        self.config_path = self.put("printer.cfg", CONFIG.replace("max_accel: 2000", "max_accel: -1"))
        self.assertIn(f"printer.cfg:{line}: [printer] max_accel", self.refused("G90\n"))

    def test_pins_are_those_of_the_dictionary(self) -> None:
        self.config_path = self.put("printer.cfg", CONFIG.replace("step_pin: PA0", "step_pin: PZ0"))
        self.assertIn("'PZ0' is no pin of MCU 'mcu'", self.refused("G90\n"))

    def test_every_mcu_needs_a_dictionary(self) -> None:
        self.config_path = self.put("printer.cfg", CONFIG + "[mcu tool]\nserial: /dev/none\n")
        self.assertIn("-d tool=DICT", self.refused("G90\n"))

    def test_further_mcus_have_files_of_their_own(self) -> None:
        config = CONFIG + "[mcu tool]\nserial: /dev/none\n"
        self.config_path = self.put("printer.cfg", config.replace("step_pin: PA9\ndir_pin: PA10", TOOL))
        output = str(self.folder / "out")
        path = self.put("print.gcode", MOVES)
        both = read_dictionaries([self.dictionary_path, f"tool={self.dictionary_path}"])
        run_batch(self.config_path, path, output, both)
        commands = list(read_commands(output_path(output, "tool"), both["tool"]))
        self.assertEqual(list(oids(commands)), ["PA9"])
        self.assertEqual(Motor(commands, oids(commands)["PA9"]).position, round(3200 / 33.5))

    def test_files_that_are_missing(self) -> None:
        dictionaries = read_dictionaries([self.dictionary_path])
        missing = str(self.folder / "nothing.gcode")
        output = str(self.folder / "out")
        error = self.assertRaises(BatchError, run_batch, self.config_path, missing, output, dictionaries)
        self.assertIn("nothing.gcode", str(error))
        self.assertRaises(BatchError, read_dictionary, missing)


TOOL = "step_pin: tool:PA9\ndir_pin: tool:PA10"


class DictionaryTests(BatchCase):
    def test_compressed_is_as_good_as_plain(self) -> None:
        plain = self.batch(MOVES)
        packed = self.folder / "packed.dict"
        packed.write_bytes(zlib.compress(dictionary_json().encode()))
        self.dictionary_path = str(packed)
        self.assertEqual(Path(plain).read_bytes(), Path(self.batch(MOVES, "again")).read_bytes())

    def test_rubbish_is_refused_with_the_file_named(self) -> None:
        for number, text in enumerate(("{", "rubbish", '{"commands": 3}', "")):
            path = self.put(f"bad{number}.dict", text)
            error = self.assertRaises(BatchError, read_dictionary, path)
            self.assertIn(f"bad{number}.dict: no data dictionary", str(error))

    def test_a_command_that_the_mcu_lacks_is_an_error(self) -> None:
        text = dictionary_json().replace("config_stepper oid=%c step_pin", "config_motor oid=%c step_pin")
        self.dictionary_path = self.put("mcu.dict", text)
        error = self.assertRaises(BatchError, self.batch, "G90\n")
        self.assertIn("config_stepper", str(error))

    def test_the_same_mcu_twice(self) -> None:
        self.assertRaises(BatchError, read_dictionaries, [self.dictionary_path] * 2)

    def test_damage_is_noticed_when_it_is_read_back(self) -> None:
        path = Path(self.batch(MOVES))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x55
        path.write_bytes(data)
        dictionary = read_dictionary(self.dictionary_path)
        self.assertRaises(BatchError, list, read_commands(str(path), dictionary))


class CommandLineTests(BatchCase):
    def run_cli(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "klipperd.cli", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=50, check=False,
        )  # fmt: skip

    def test_exit_code_and_message(self) -> None:
        path = self.put("print.gcode", "G90\nG1 X5\n")
        output = str(self.folder / "out")
        ended = self.run_cli(self.config_path, "-i", path, "-o", output, "-d", self.dictionary_path)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("print.gcode:2: Must home axis", ended.stderr)

    def test_decode(self) -> None:
        ended = self.run_cli("--decode", self.batch(MOVES), "-d", self.dictionary_path)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertTrue(any(line.startswith("queue_step oid=") for line in ended.stdout.splitlines()))

    def test_options_that_belong_together(self) -> None:
        for arguments in (
            (),
            ("-i", "x", self.config_path),
            ("-o", "x", self.config_path),
            ("--decode", "x"),
        ):
            ended = self.run_cli(*arguments)
            self.assertEqual(ended.returncode, 2, arguments)


class VirtualClockTests(SynchronousTestCase):
    def test_time_is_that_of_the_next_call(self) -> None:
        clock, seen = VirtualClock(), []
        clock.callLater(5.0, lambda: seen.append(clock.seconds()))
        clock.callLater(2.0, lambda: clock.callLater(1.0, lambda: seen.append(clock.seconds())))
        while clock.turn():
            pass
        self.assertEqual(seen, [3.0, 5.0])
