"""C{appliance simulate}: times against arithmetic by hand, and what it tells of a print."""

import json
import math
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from appliance.simulate import simulate
from appliance.simulate.heat import AMBIENT, FirstOrderHeat, full_power_rate
from appliance.simulate.markers import read_markers
from appliance.simulate.result import SimulationResult
from appliance.simulate.table import duration, render
from klipperd.batch.errors import BatchError

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "gcode"
KINEMATICS = ROOT / "config" / "kinematics"

CONFIG = """
[mcu]
serial: /dev/none
[printer]
kinematics: cartesian
max_velocity: 200
max_accel: 1000
minimum_cruise_ratio: 0
[stepper_x]
step_pin: PX0
dir_pin: PX1
microsteps: 16
rotation_distance: 32
endstop_pin: ^PX2
position_endstop: 0
position_max: 200
[stepper_y]
step_pin: gpio1
dir_pin: gpio2
microsteps: 16
rotation_distance: 32
endstop_pin: ^gpio3
position_endstop: 0
position_max: 200
[stepper_z]
step_pin: ar1
dir_pin: ar2
microsteps: 16
rotation_distance: 8
endstop_pin: ^ar3
position_endstop: 0
position_max: 200
[force_move]
enable_force_move: True
"""
EXTRUDER = """
[extruder]
step_pin: PE0
dir_pin: PE1
microsteps: 16
rotation_distance: 32
nozzle_diameter: 0.4
filament_diameter: 1.75
heater_pin: PE2
sensor_type: EPCOS 100K B57560G104F
sensor_pin: PE3
control: watermark
min_temp: 0
max_temp: 275
"""
START = "SET_KINEMATIC_POSITION X=0 Y=0 Z=0\n"
SLICED = (
    START
    + """M83
;TYPE:Skirt
G1 X100 F6000
;LAYER_CHANGE
;Z:0.3
;TYPE:Perimeter
G1 X100 Y100 E2
;TYPE:Infill
G1 X0 Y100
G1 E1 F600
;LAYER_CHANGE
;Z:0.6
G1 X0 Y50 F6000
"""
)


def leg(distance: float, speed: float, accel: float) -> float:
    """Seconds from rest to rest."""
    if speed * speed / accel >= distance:
        return 2.0 * math.sqrt(distance / accel)
    return distance / speed + speed / accel


class SimulateCase(SynchronousTestCase):
    timeout = 100

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def put(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def simulate(self, gcode: str, config: str = CONFIG, **options: bool) -> SimulationResult:
        return simulate(self.put("print.gcode", gcode), self.put("printer.cfg", config), **options)


class TimeTests(SimulateCase):
    def test_one_move(self) -> None:
        made = self.simulate(START + "G1 X100 F6000\n")
        self.assertApproximates(made.print_time, leg(100, 100, 1000), 1e-9)
        self.assertEqual((made.moves, made.top_speed, made.top_accel), (1, 100.0, 1000.0))
        self.assertEqual(made.axis_speed, [100.0, 0.0, 0.0])

    def test_a_square_with_stops_in_between(self) -> None:
        # Reversals stop: each leg goes from rest to rest; the short one never reaches its speed.
        made = self.simulate(START + "G1 X100 F12000\nG1 X50\nG1 X52\n")
        wanted = leg(100, 200, 1000) + leg(50, 200, 1000) + leg(2, 200, 1000)
        self.assertApproximates(made.print_time, wanted, 1e-9)
        self.assertApproximates(made.moving_time, wanted, 1e-9)

    def test_dwelling_is_no_motion(self) -> None:
        made = self.simulate(START + "G1 X100 F6000\nG4 P1500\n")
        self.assertApproximates(made.print_time, leg(100, 100, 1000) + 1.5, 1e-9)
        self.assertApproximates(made.other_time, 1.5, 1e-9)

    def test_limits_name_what_binds(self) -> None:
        made = self.simulate(START + "G1 X100 F6000\nG1 X100 Y100\nG1 X0 F60000\n")
        cruising, speeding = made.limits.cruising, made.limits.accelerating
        self.assertEqual(set(speeding), {"acceleration"})
        self.assertEqual(set(cruising), {"asked_speed", "max_velocity"})
        self.assertEqual(made.limits.junctions, {"corner_velocity": 2})
        self.assertApproximates(sum(cruising.values()) + sum(speeding.values()), made.moving_time, 1e-9)

    def test_sections_add_up(self) -> None:
        made = self.simulate(SLICED, CONFIG + EXTRUDER)
        features = {feature.name: feature for feature in made.features}
        self.assertEqual(set(features), {"Skirt", "Perimeter", "Infill"})
        self.assertApproximates(features["Perimeter"].filament, 2.0, 1e-9)
        self.assertApproximates(features["Infill"].filament, 1.0, 1e-9)
        self.assertApproximates(features["Infill"].distance, 150.0, 1e-9)
        self.assertEqual([(at.number, at.height) for at in made.layers], [(1, 0.3), (2, 0.6)])
        self.assertApproximates(made.layers[1].time, leg(50, 100, 1000), 1e-9)
        self.assertApproximates(sum(f.time for f in made.features), made.moving_time, 1e-9)
        self.assertApproximates(made.print_time, made.moving_time, 1e-9)
        self.assertEqual(made.extent, [(100.0, 100.0), (0.0, 100.0), (0.0, 0.0)])

    def test_motors_count_steps(self) -> None:
        made = self.simulate(START + "G1 X100 Y50 F6000\nG1 X0\n")
        motors = {motor.name: motor for motor in made.motors}
        self.assertEqual(motors["stepper_x"].steps, 2 * 100 * 100)
        self.assertEqual(motors["stepper_y"].steps, 50 * 100)
        self.assertEqual(sum(count for _, count in motors["stepper_x"].rates), 20000)
        # 100 mm/s along x at 100 steps/mm; an interval may be shorter by half of itself at most
        self.assertTrue(1e4 <= motors["stepper_x"].peak_rate < 2e4, motors["stepper_x"].peak_rate)
        self.assertEqual(motors["stepper_z"].steps, 0)


class HeatTests(SimulateCase):
    def test_a_wait_takes_as_long_as_the_model_says(self) -> None:
        made = self.simulate(START + "M109 S200\nG1 X10 F6000\n", CONFIG + EXTRUDER)
        clock = Clock()
        heat = FirstOrderHeat("extruder", made.heaters[0].rate, 275.0, 1.0, clock)
        heat.aim(200.0)
        while not heat.settled:
            clock.advance(1.0)  # as often as the command looks
        self.assertApproximates(made.heating_time, clock.seconds(), 1e-6)
        self.assertApproximates(made.print_time, made.heating_time + made.moving_time, 0.3)
        self.assertEqual(made.heaters[0].highest_target, 200.0)

    def test_the_model_rises_and_falls_without_overshoot(self) -> None:
        clock = Clock()
        heat = FirstOrderHeat("extruder", 2.0, 275.0, 1.0, clock)
        self.assertEqual((heat.temperature, heat.settled), (AMBIENT, True))
        heat.aim(200.0)
        before = heat.temperature
        for _ in range(300):
            clock.advance(1.0)
            self.assertTrue(before <= heat.temperature <= 200.0)
            before = heat.temperature
        self.assertTrue(heat.settled)
        heat.aim(0.0)
        clock.advance(1e5)
        self.assertApproximates(heat.temperature, AMBIENT, 1e-3)

    def test_pid_values_tell_the_rate(self) -> None:
        class Control:
            pid_kp, pid_ki = 22.2, 1.08

        class Config:
            control = Control()

        gain, period = 22.2 / 255 / 0.6, 2 * 22.2 / 1.08
        self.assertApproximates(full_power_rate("extruder", Config()), 2 * math.pi / gain / period, 1e-12)
        self.assertEqual(full_power_rate("extruder1", object_without_pid()), 2.0)


def object_without_pid() -> object:
    class Config:
        control = object()

    return Config()


class ErrorTests(SimulateCase):
    def test_the_line_is_named(self) -> None:
        error = self.assertRaises(BatchError, self.simulate, START + "G1 X10 F600\nG1 X999\n")
        self.assertIn("print.gcode:3: Move out of range: x = 999.000", str(error))

    def test_unknown_commands_are_warnings(self) -> None:
        made = self.simulate(START + "PRINT_STARTS\nG1 X10 F600\nPRINT_STARTS\n")
        self.assertEqual(made.warnings, ['Unknown command:"PRINT_STARTS"'])

    def test_an_empty_file(self) -> None:
        made = self.simulate("")
        self.assertEqual((made.print_time, made.moves, made.layers), (0.0, 0, []))
        render(made)


class MarkerTests(SimulateCase):
    def test_slicers(self) -> None:
        for text, wanted in (
            (";LAYER_CHANGE\n;Z:0.2\n;TYPE:Perimeter\n", [(1, 0.2, ""), (1, 0.2, "Perimeter")]),
            (";LAYER:0\n;TYPE:WALL-OUTER\n;LAYER:1\n", [(1, None, ""), (1, None, "WALL-OUTER"),
                                                       (2, None, "WALL-OUTER")]),
            ("; CHANGE_LAYER\n; Z_HEIGHT: 0.4\n; FEATURE: Outer wall\n",
             [(1, 0.4, ""), (1, 0.4, "Outer wall")]),
            ("; layer 1, Z = 0.25\n; feature infill\n", [(1, 0.25, ""), (1, 0.25, "infill")]),
            ("G1 X1 ; TYPE:no\n", []),
        ):  # fmt: skip
            found = read_markers(self.put("marked.gcode", text))
            self.assertEqual([(m.layer, m.height, m.feature) for m in found], wanted, text)


class OutputTests(SimulateCase):
    def test_json_and_table(self) -> None:
        made = self.simulate(SLICED, CONFIG + EXTRUDER)
        text = render(made)
        self.assertIn("Perimeter", text)
        self.assertIn(duration(made.print_time), text)
        again = json.loads(json.dumps(made.as_json()))
        self.assertEqual(again["print_time"], made.print_time)
        self.assertNotIn("moves_data", again)

    def test_durations(self) -> None:
        self.assertEqual(
            [duration(t) for t in (0.25, 12.34, 59.96, 75.0, 3599.96, 7384.5)],
            ["0.25 s", "12.3 s", "1 min 00.0 s", "1 min 15.0 s", "1 h 00 min 00.0 s", "2 h 03 min 04.5 s"],
        )

    def test_command_line(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "appliance.cli", "simulate", self.put("p.gcode", SLICED), "--json",
             "--config", self.put("p.cfg", CONFIG + EXTRUDER)],
            cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(json.loads(ended.stdout)["moves"], 5)

    def test_nobody_reads_on(self) -> None:
        path = self.put("two.gcode", "G28\nG1 X20 F6000\n")
        command = [sys.executable, "-m", "appliance.cli", "simulate", path]
        command += ["--config", self.put("p.cfg", CONFIG)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            assert running.stdout is not None and running.stderr is not None
            running.stdout.close()
            self.assertEqual(running.stderr.read(), b"")

    def test_plots(self) -> None:
        try:
            import matplotlib  # noqa: F401

            from appliance.simulate.plots import write_plots
        except ImportError as error:
            raise SkipTest(f"matplotlib is an extra: {error}") from None
        paths = write_plots(self.simulate(SLICED, CONFIG + EXTRUDER, keep_moves=True), self.folder / "plots")
        self.assertEqual(len(paths), 6)
        for path in paths:
            head = path.read_bytes()[:64]
            self.assertTrue(head.startswith((b"\x89PNG", b"<?xml")), path)


class SharedFileTests(SimulateCase):
    """The three sliced files on every kinematics; each example's work space holds them."""

    timeout = 200

    def print_everywhere(self, name: str) -> None:
        path = SHARED / name
        if not path.exists():
            raise SkipTest(f"there is no {path}")
        alone = simulate(str(path))
        self.assertGreater(len(alone.layers), 10)
        for config in sorted(KINEMATICS.glob("*.cfg")):
            made = simulate(str(path), str(config))
            self.assertEqual(made.warnings, [], config.name)
            self.assertApproximates(made.filament, alone.filament, 1e-6, config.name)
            for (low, high), (wanted_low, wanted_high) in zip(made.extent, alone.extent, strict=True):
                self.assertApproximates(low, wanted_low, 1e-6, config.name)
                self.assertApproximates(high, wanted_high, 1e-6, config.name)
            self.assertEqual(len(made.layers), len(alone.layers))
            if made.kinematics != "none":
                self.assertGreater(sum(motor.steps for motor in made.motors), 100_000, config.name)
            self.assertApproximates(
                made.print_time,
                made.moving_time + made.heating_time + made.other_time,
                1e-6,
                config.name,
            )

    def test_vase(self) -> None:
        self.print_everywhere("vase.gcode")

    def test_bracket(self) -> None:
        self.print_everywhere("bracket.gcode")

    def test_gears(self) -> None:
        self.print_everywhere("gears.gcode")
