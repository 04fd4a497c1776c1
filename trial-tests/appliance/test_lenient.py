"""C{appliance simulate} with the configurations of real printers: hardware, and what only others know."""

from klipperd.batch.errors import BatchError

from .test_simulate import CONFIG, EXTRUDER, START, SimulateCase, leg

FOREIGN = """
[mcu toolhead]
canbus_uuid: aabbccddeeff
[mcu rpi]
serial: /tmp/klipper_host_mcu
restart_method: rpi_usb
[adxl345]
cs_pin: rpi:None
[tmc2209 stepper_x]
uart_pin: toolhead:PC4
run_current: 0.8
[quad_gantry_level]
gantry_corners:
    -60,-10
    360,370
[fan]
pin: toolhead:PA8
[heater_fan hotend]
pin: expander:P0
heater: no_such
"""
CAN = "[mcu]\ncanbus_uuid: 1b2c3d4e5f60\n"
MACRO = """
[gcode_macro GO]
gcode:
    {% if not printer.quad_gantry_level.applied %}
    QUAD_GANTRY_LEVEL
    {% endif %}
    G1 X100 F6000
"""


class LenientTests(SimulateCase):
    def test_what_is_not_known_is_told_and_ignored(self) -> None:
        config = CONFIG.replace("[mcu]\nserial: /dev/none\n", CAN) + FOREIGN + MACRO
        made = self.simulate(START + "GO\n", config)
        self.assertApproximates(made.print_time, leg(100, 100, 1000), 1e-9)
        told = "\n".join(made.warnings)
        path = self.folder / "printer.cfg"
        for section in ("adxl345", "tmc2209 stepper_x", "quad_gantry_level", "heater_fan hotend"):
            line = config.splitlines().index(f"[{section}]") + 1
            self.assertRegex(told, rf"(?m)^{path}:(?:{line}|{line + 2}): \[{section}\]: ignored \(")
        self.assertIn('Unknown command:"QUAD_GANTRY_LEVEL"', told)
        # MCUs need no device, pins no chip: nothing is missing that the print depends on.
        for section in ("[mcu", "[fan]", "[stepper"):
            self.assertNotIn(section, told)

    def test_endstops_may_be_drivers_and_probes(self) -> None:
        config = CONFIG.replace("endstop_pin: ^PX2", "endstop_pin: tmc2209_stepper_x:virtual_endstop")
        config = config.replace(
            "endstop_pin: ^ar3\nposition_endstop: 0", "endstop_pin: probe:z_virtual_endstop"
        )
        made = self.simulate("G28\nG1 Z10 F600\n", config)
        self.assertEqual(made.warnings, [])
        # Three axes, each with two approaches and a retraction between, and the move.
        self.assertGreaterEqual(made.moves, 10)

    def test_heaters_may_have_any_sensor_and_control(self) -> None:
        strange = EXTRUDER.replace("EPCOS 100K B57560G104F", "MAX31865").replace("watermark", "mpc")
        strange += "spi_bus: spi1\nrtd_nominal_r: 1000\n"
        made = self.simulate("M109 S200\n", CONFIG + strange)
        usual = self.simulate("M109 S200\n", CONFIG + EXTRUDER)
        self.assertEqual(made.heating_time, usual.heating_time)
        self.assertGreater(made.heating_time, 10.0)
        named = [text.partition("[extruder] ")[2].partition(":")[0] for text in made.warnings]
        self.assertEqual(sorted(named), ["control", "rtd_nominal_r", "sensor_type", "spi_bus"])

    def test_mistakes_in_what_motion_depends_on_are_errors(self) -> None:
        bad = {
            "max_accel: 1000": "max_accel: fast",
            "rotation_distance: 8": "",
            "position_max: 200": "position_max: -5",
            "kinematics: cartesian": "kinematics: cartesean",
        }
        for right, wrong in bad.items():
            error = self.assertRaises(
                BatchError, self.simulate, START, CONFIG.replace(right, wrong) + FOREIGN
            )
            self.assertRegex(str(error), r"printer\.cfg:\d+: \[(printer|stepper_\w)\]", wrong)
            self.assertNotIn("adxl345", str(error))
        error = self.assertRaises(
            BatchError, self.simulate, START, CONFIG + EXTRUDER + "pressure_advance: -1\n"
        )
        self.assertIn("[extruder] pressure_advance", str(error))

    def test_unknown_options_of_motion_are_told(self) -> None:
        made = self.simulate(START, CONFIG.replace("max_accel: 1000", "max_accel: 1000\nmax_acel: 3"))
        (told,) = made.warnings
        self.assertRegex(
            told, r"\[printer\] max_acel: ignored \(unknown option; did you mean 'max_accel'\?\)"
        )
