"""Sections that bend the path of moves: meshes, tilt, skew, arcs, thermal expansion."""

import math
from collections.abc import Callable, Sequence

import orjson
from twisted.internet.defer import Deferred

from klipperd.gcode.moves import GcodeMove
from klipperd.motion.skew import Measured
from klipperd.objects import PrinterObject
from klipperd.printer.thermometer import NoOptions
from klipperd.printer.z_thermal_adjust import z_thermal_adjust

from ..gcode.planner import RecordingPlanner
from .fakes import FakePrinter, finish, reading_at
from .test_gcode_objects import BenchCase

MESH = """
[bed_mesh]
mesh_min: 10, 20
mesh_max: 100, 120
probe_count: 4, 3
{more}

[bed_mesh old]
version = 1
points =
  0.1, 0.3, -0.2, 0.0
  0.25, -0.1, 0.15, 0.05
  -0.3, 0.2, 0.35, 0.1
x_count = 4
y_count = 3
mesh_x_pps = 2
mesh_y_pps = 2
algo = lagrange
tension = 0.2
min_x = 10
max_x = 100
min_y = 20
max_y = 120
"""
POINTS = [[0.1, 0.3, -0.2, 0.0], [0.25, -0.1, 0.15, 0.05], [-0.3, 0.2, 0.35, 0.1]]


class Levelled(BenchCase):
    """With helpers to see where moves went."""

    def last(self) -> list[float]:
        return [round(value, 6) for value in self.bench.planner.moves[-1][0]]


class Meshes(Levelled):
    """[bed_mesh]."""

    CONFIG = MESH.format(more="")

    def test_nothing_without_a_mesh(self) -> None:
        self.say("G1 X10 Y20 Z1")
        self.assertEqual(self.last()[2], 1.0)
        self.assertEqual(self.say("BED_MESH_OUTPUT"), ["// Bed has not been probed"])
        status = self.bench.status("bed_mesh")
        self.assertEqual((status.profile_name, status.mesh_matrix), ("", [[]]))
        self.assertEqual(status.profiles["old"]["points"], POINTS)
        self.assertEqual(status.profiles["old"]["mesh_params"]["max_y"], 120.0)

    def test_profile(self) -> None:
        self.say("BED_MESH_PROFILE LOAD=old\nG1 X10 Y20 Z1")
        self.assertEqual(self.last()[2], 1.1)
        self.say("G1 X70 Y70")
        self.assertEqual(self.last()[2], 1.15)
        status = self.bench.status("bed_mesh")
        self.assertEqual(
            (status.profile_name, status.mesh_min, status.mesh_max), ("old", (10, 20), (100, 120))
        )
        self.assertEqual((len(status.mesh_matrix), len(status.mesh_matrix[0])), (7, 10))
        self.assertEqual([row[::3] for row in status.mesh_matrix[::3]], POINTS)
        self.say("BED_MESH_CLEAR\nM114\nG1 Z2")
        self.assertEqual(self.bench.output[-1], "X:70.000 Y:70.000 Z:1.150 E:0.000")
        self.assertEqual(self.last()[2], 2.0)
        self.assertIn("did you mean 'old'", self.refused("BED_MESH_PROFILE LOAD=olt"))

    def test_long_moves_are_split(self) -> None:
        self.say("BED_MESH_PROFILE LOAD=old\nG1 X10 Y70 Z1")
        before = len(self.bench.planner.moves)
        self.say("G1 X100")
        pieces = self.bench.planner.moves[before:]
        self.assertGreater(len(pieces), 8)
        xs = [position[0] for position, _ in pieces]
        self.assertEqual(xs, sorted(xs))

    def test_saving(self) -> None:
        self.assertIn("no mesh to save", self.refused("BED_MESH_PROFILE SAVE=new"))
        mesh = self.bench.built.objects["bed_mesh"]
        mesh.set_mesh(POINTS, (0.0, 0.0), (90.0, 90.0))
        self.say("BED_MESH_PROFILE SAVE=new\nBED_MESH_PROFILE REMOVE=old")
        changed = self.bench.status("configfile").save_config_pending_items
        self.assertEqual(set(changed), {"bed_mesh default", "bed_mesh new", "bed_mesh old"})
        self.assertIsNone(changed["bed_mesh old"])
        saved = changed["bed_mesh new"]
        self.assertEqual(
            set(saved),
            {"version", "points", "x_count", "y_count", "mesh_x_pps", "mesh_y_pps"}
            | {"algo", "tension", "min_x", "max_x", "min_y", "max_y"},
        )
        self.bench.configuration.save()
        with open(self.bench.path, encoding="utf-8") as source:
            text = source.read()
        again = self.start(text)
        self.successResultOf(again.begin("BED_MESH_PROFILE LOAD=new"))
        status = again.status("bed_mesh")
        self.assertEqual((status.probed_matrix, status.mesh_max), (POINTS, (90.0, 90.0)))

    def test_reports(self) -> None:
        self.say("BED_MESH_PROFILE LOAD=old")
        (line,) = self.say("BED_MESH_MAP")
        name, _, text = line.partition(" ")
        self.assertEqual(name, "mesh_map_output")
        self.assertEqual(
            orjson.loads(text), {"mesh_min": [10, 20], "mesh_max": [100, 120], "z_positions": POINTS}
        )
        lines = self.say("BED_MESH_OUTPUT PGP=1")
        self.assertEqual(
            lines[2:4], ["// 0 | (10.0, 20.0) | (10.0, 20.0)", "// 1 | (40.0, 20.0) | (40.0, 20.0)"]
        )
        self.assertEqual(lines[6], "// 4 | (100.0, 70.0) | (100.0, 70.0)")
        self.assertIn("// 0.100000 0.300000 -0.200000 0.000000", lines)
        dump = self.successResultOf(Deferred.fromCoroutine(self.bench.built.objects["bed_mesh"].dump_mesh()))
        self.assertEqual(dump["current_mesh"]["name"], "old")
        self.assertEqual(len(dump["calibration"]["points"]), 12)

    def test_offset(self) -> None:
        self.assertEqual(self.say("BED_MESH_OFFSET X=1"), ["// No mesh loaded to offset"])
        self.say("BED_MESH_PROFILE LOAD=old\nBED_MESH_OFFSET X=30\nBED_MESH_OFFSET Y=50\nG1 X10 Y20 Z1")
        self.assertEqual(self.last()[2], 0.9)

    def test_configuration(self) -> None:
        for options, text in (
            ("probe_count: 7, 3", "lagrange takes 6"),
            ("mesh_max: 5, 5", "above mesh_min"),
            ("round_probe_count: 4", "must be odd"),
            ("probe_count: 2", "minimum"),
            ("algorithm: bicubical", "did you mean 'bicubic'"),
        ):
            name = options.split(":")[0]
            lines = [line for line in MESH.format(more="").split("\n") if not line.startswith(name)]
            self.assertIn(
                text, self.problem("\n".join(lines).replace("[bed_mesh]", f"[bed_mesh]\n{options}"))
            )
        self.assertIn("mesh_radius", self.problem("[bed_mesh]\nspeed: 5\n"))
        self.assertIn("can't be used together", self.problem(self.CONFIG + "\n[bed_tilt]\n"))

    def test_round_bed(self) -> None:
        bench = self.start("[bed_mesh]\nmesh_radius: 75\nround_probe_count: 5\n")
        points = bench.built.objects["bed_mesh"].config.points()
        self.assertEqual(len(points), 13)
        self.assertTrue(all(math.hypot(*point) <= 75.0001 for point in points))


class Fading(Levelled):
    """[bed_mesh] with fade_end."""

    CONFIG = MESH.format(
        more="fade_start: 1\nfade_end: 10\nfade_target: 0\nzero_reference_position: 40, 20\n"
    )

    def test_fades(self) -> None:
        self.say("BED_MESH_PROFILE LOAD=old\nG1 X40 Y20 Z1")
        self.assertEqual(self.last()[2], 1.3)
        self.say("G1 Z5.5")
        self.assertEqual(self.last()[2], 5.65)
        self.say("G1 Z12\nM114")
        self.assertEqual(self.last()[2], 12.0)
        self.assertEqual(self.bench.output[-1], "X:40.000 Y:20.000 Z:12.000 E:0.000")

    def test_zero_reference(self) -> None:
        self.bench.built.objects["bed_mesh"].set_mesh(POINTS, (10.0, 20.0), (100.0, 120.0))
        self.say("G1 X40 Y20 Z1")
        self.assertEqual(self.last()[2], 1.0)
        self.assertAlmostEqual(self.bench.status("bed_mesh").probed_matrix[0][0], -0.2)

    def test_no_room_to_fade(self) -> None:
        steep = [[0.0, 0.0, 0.0, 0.0], [0.0, 9.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
        mesh = self.bench.built.objects["bed_mesh"]
        with self.assertRaisesRegex(Exception, "can't fade within fade_end - fade_start = 9.000"):
            mesh.set_mesh(steep, (10.0, 20.0), (100.0, 120.0))
        self.assertIsNone(mesh.mesh)


class Tilts(Levelled):
    """[bed_tilt]."""

    CONFIG = "[bed_tilt]\nx_adjust: 0.01\ny_adjust: -0.02\nz_adjust: 0.5\n"

    def test_tilt(self) -> None:
        self.say("G1 X10 Y20 Z1\nM114")
        self.assertEqual(self.last()[2], 1.2)
        self.assertEqual(self.bench.output[-1], "X:10.000 Y:20.000 Z:1.000 E:0.000")
        self.bench.built.objects["bed_tilt"].apply(0.0, 0.0, 0.1)
        self.say("M114\nG1 Z1")
        self.assertEqual(self.bench.output[-1], "X:10.000 Y:20.000 Z:1.100 E:0.000")
        self.assertEqual(self.last()[2], 1.1)


class Skews(Levelled):
    """[skew_correction]."""

    CONFIG = "[skew_correction]\n\n[skew_correction kept]\nxy_skew: 0.02\nxz_skew: 0\nyz_skew: -0.01\n"

    def test_measured(self) -> None:
        """Lengths of a square that was drawn with leaning axes give the lean."""
        for angle in (-0.1, -0.001, 0.0, 0.02):
            lean = (100.0 * math.sin(angle), 100.0 * math.cos(angle))
            ac = math.hypot(98.0 + lean[0], lean[1])
            bd = math.hypot(98.0 - lean[0], lean[1])
            self.assertAlmostEqual(Measured(ac, bd, 98.0).factor, math.tan(angle))
        self.assertRaises(ValueError, Measured, 100.0, 10.0, 200.0)

    def test_set_and_report(self) -> None:
        self.say("SET_SKEW XY=140.4,142.8,99.8")
        lines = self.say("GET_CURRENT_SKEW")
        angle = math.atan(Measured(140.4, 142.8, 99.8).factor)
        self.assertEqual(lines[1], f"// XY: {angle:.6f} radians, {math.degrees(angle):.2f} degrees")
        self.assertEqual(lines[2], "// XZ: 0.000000 radians, 0.00 degrees")
        self.assertEqual(
            self.say("CALC_MEASURED_SKEW AC=140.4 BD=142.8 AD=99.8"),
            [f"// Calculated Skew: {angle:.6f} radians, {math.degrees(angle):.2f} degrees"],
        )
        self.say("G1 X100 Y100")
        self.assertAlmostEqual(self.last()[0], 100.0 - 100.0 * math.tan(angle), places=5)
        self.say("SET_SKEW CLEAR=1\nG1 X50")
        self.assertEqual(self.last()[0], 50.0)
        self.assertIn("XZ: no square has", self.refused("SET_SKEW XZ=1,2,300"))

    def test_profiles(self) -> None:
        self.say("SKEW_PROFILE LOAD=kept\nG1 X10 Y100 Z50")
        self.assertEqual(self.last()[:2], [7.99, 100.5])
        self.assertEqual(self.bench.status("skew_correction").current_profile_name, "kept")
        self.say("SKEW_PROFILE SAVE=other\nSKEW_PROFILE REMOVE=kept")
        changed = self.bench.status("configfile").save_config_pending_items
        self.assertEqual(changed["skew_correction other"]["xy_skew"], "0.02")
        self.assertIsNone(changed["skew_correction kept"])
        self.assertIn("there is no profile 'kept'", self.refused("SKEW_PROFILE LOAD=kept"))


class Arcs(Levelled):
    """[gcode_arcs]."""

    CONFIG = "[gcode_arcs]\nresolution: 0.5\n"

    def test_arc(self) -> None:
        self.say("G1 X10 F600\nG2 X0 Y-10 I-10\nG18\nG3 X0 Z10 I-5 K5")
        self.assertEqual(self.last()[:3], [0.0, -10.0, 10.0])
        self.assertIn("Impossible arc: its centre", self.refused("G2 I0 K0"))

    def test_absent(self) -> None:
        self.bench = self.start("")
        self.assertEqual(self.say("G2 X5 I2"), ['// Unknown command:"G2"'])


class Expansion(Levelled):
    """[z_thermal_adjust]."""

    def printer(self, more: str = "") -> tuple[FakePrinter, Callable[[str], list[float]], RecordingPlanner]:
        planner = RecordingPlanner()

        def build_gcode_move(config: NoOptions) -> GcodeMove:
            return GcodeMove(planner)

        moves = PrinterObject("gcode_move", NoOptions, build_gcode_move, internal=True)
        text = "[z_thermal_adjust]\nsensor_type: Generic 3950\nsensor_pin: PC3\ntemp_coeff: 0.01\n" + more
        printer = FakePrinter(text, (moves, z_thermal_adjust)).ready()

        def say(script: str) -> Sequence[float]:
            finish(printer.dispatcher.run_script(script))
            return planner.moves[-1][0] if planner.moves else []

        return printer, say, planner

    def warm(self, printer: FakePrinter, celsius: float) -> None:
        adc = printer.board.adcs["PC3"]
        for _ in range(30):
            printer.run(1.0, lambda: adc.read(reading_at(celsius)))

    def test_follows_the_temperature_since_homing(self) -> None:
        printer, say, planner = self.printer("max_z_adjustment: 0.25\nz_adjust_off_above: 50\n")
        self.warm(printer, 25.0)
        self.assertEqual(say("G1 Z1")[2], 1.0)
        planner.displace([0.0, 0.0, 0.0, 0.0], [2])
        self.warm(printer, 35.0)
        self.assertAlmostEqual(say("G1 Z1")[2], 0.9, places=3)
        status = printer.status("z_thermal_adjust")
        self.assertAlmostEqual(status.current_z_adjust, -0.1, places=3)
        self.assertAlmostEqual(status.z_adjust_ref_temperature, 25.0, places=1)
        self.warm(printer, 75.0)
        self.assertAlmostEqual(say("G1 Z60")[2], 59.9, places=3)
        self.assertAlmostEqual(say("G1 Z5")[2], 4.75, places=3)
        say("SET_Z_THERMAL_ADJUST ENABLE=0")
        self.warm(printer, 25.0)
        self.assertAlmostEqual(say("G1 Z6")[2], 5.75, places=3)
        say("SET_Z_THERMAL_ADJUST ENABLE=1 REF_TEMP=20 TEMP_COEFF=0.02")
        self.assertAlmostEqual(say("G1 Z5")[2], 4.9, places=2)
        planner.displace([0.0, 0.0, 5.0, 0.0], [2])
        self.assertEqual(say("G1 Z6")[2], 6.0)
