"""PID_CALIBRATE on whole printers."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError

from ..thermal.plant import BED
from .thermal_printer import bed_printer


class PidCalibrateTests(SynchronousTestCase):
    timeout = 120

    def test_finds_and_records_gains(self) -> None:
        joined = bed_printer(BED())
        done = joined.printer.gcode("PID_CALIBRATE HEATER=heater_bed TARGET=60")
        joined.run(1500.0)
        self.successResultOf(done)
        self.assertEqual(joined.printer.host.reasons, [], "verify_heater must not mind")
        [line] = [line for line in joined.printer.lines if "pid_Kp" in line]
        self.assertRegex(line, r"// PID parameters: pid_Kp=\d+\.\d{3} pid_Ki=\d+\.\d{3} pid_Kd=\d+\.\d{3}")
        pending = joined.printer.configuration.pending
        self.assertIn("pid_kp", str(pending))
        self.assertIn("heater_bed", str(pending))
        self.assertEqual(joined.printer.status("heater_bed").target, 0.0)

    def test_heater_goes_on_with_its_old_control(self) -> None:
        joined = bed_printer(BED())
        heater = joined.printer.built.objects["heater_bed"].heater
        control = heater.control
        done = joined.printer.gcode("PID_CALIBRATE HEATER=heater_bed TARGET=60")
        joined.run(3.0)
        self.assertIsNot(heater.control, control)
        joined.printer.dispatcher.interrupt("cancelled")
        joined.run(0.6)
        self.failureResultOf(done, CommandError)
        self.assertIs(heater.control, control)
        self.assertEqual(heater.target, 0.0)

    def test_switching_off_interrupts_it(self) -> None:
        joined = bed_printer(BED())
        done = joined.printer.gcode("PID_CALIBRATE HEATER=heater_bed TARGET=60")
        joined.run(3.0)
        joined.printer.built.objects["heater_bed"].heater.set_target(0.0)
        joined.run(1.5)
        error = self.failureResultOf(done, CommandError)
        self.assertIn("was interrupted", str(error.value))
        self.assertNotIn("heater_bed", str(joined.printer.configuration.pending))

    def test_refusals(self) -> None:
        joined = bed_printer(BED())
        for command, words in (
            ("PID_CALIBRATE HEATER=heater_bad TARGET=60", "did you mean 'heater_bed'?"),
            ("PID_CALIBRATE HEATER=heater_bed", "TARGET is missing"),
            ("PID_CALIBRATE HEATER=heater_bed TARGET=400", "max_temp 130"),
        ):
            error = self.assertRaises(CommandError, joined.printer.do, command)
            self.assertIn(words, str(error))
