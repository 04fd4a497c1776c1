"""Filament switch sensors: events, and what is none."""

from twisted.trial.unittest import SynchronousTestCase

from klipperd.objects import Call, command
from klipperd.printer.idle_timeout import IdleTimeoutStatus

from .fakes import FakePrinter

SECTION = "[filament_switch_sensor spool]\nswitch_pin: PD1\n"


class Recorder:
    """Serves PAUSE and MARK."""

    name = "recorder"

    def __init__(self) -> None:
        self.ran: list[str] = []

    @command("PAUSE", "MARK")
    async def record(self, call: Call) -> None:
        """Remember the command"""
        self.ran.append(call.raw)


class FilamentSensorTests(SynchronousTestCase):
    timeout = 60

    def start(self, options: str = "", printing: bool = True, loaded: bool = True) -> None:
        self.printer = FakePrinter(SECTION + options)
        self.recorder = Recorder()
        self.printer.dispatcher.add(self.recorder)
        state = "Printing" if printing else "Ready"
        idle = self.printer.built.objects["idle_timeout"]
        self.patch(type(idle), "status", lambda self, eventtime: IdleTimeoutStatus(state, 0.0, 600.0))
        self.printer.ready()
        self.switch(loaded)
        self.printer.run(3.0)

    def switch(self, closed: bool) -> None:
        self.printer.board.switches["PD1"].on_change(self.printer.clock.seconds(), (closed,))

    def detected(self) -> bool:
        return bool(self.printer.status("filament_switch_sensor spool").filament_detected)

    def test_runout_pauses_and_then_runs_the_gcode(self) -> None:
        self.start("runout_gcode: MARK 1\n")
        self.switch(False)
        self.assertEqual(self.recorder.ran, ["PAUSE"])
        self.printer.run(0.6)
        self.assertEqual(self.recorder.ran, ["PAUSE", "MARK 1"])
        self.assertFalse(self.detected())

    def test_first_report_is_no_event(self) -> None:
        self.start(loaded=False, options="insert_gcode: MARK 2\n")
        self.assertEqual(self.recorder.ran, [])

    def test_no_pause_without_a_print(self) -> None:
        self.start(printing=False)
        self.switch(False)
        self.assertEqual(self.recorder.ran, [])

    def test_no_pause_when_told_so(self) -> None:
        self.start("pause_on_runout: False\nrunout_gcode: MARK 1\n")
        self.switch(False)
        self.assertEqual(self.recorder.ran, ["MARK 1"])

    def test_insertion(self) -> None:
        self.start("insert_gcode: MARK 2\n", printing=False, loaded=False)
        self.switch(True)
        self.assertEqual(self.recorder.ran, ["MARK 2"])

    def test_event_delay(self) -> None:
        self.start()
        for _ in range(3):
            self.switch(False)
            self.printer.run(0.6)
            self.switch(True)
        self.assertEqual(self.recorder.ran, ["PAUSE"])
        self.printer.run(3.0)
        self.switch(False)
        self.assertEqual(self.recorder.ran, ["PAUSE", "PAUSE"])

    def test_debouncing(self) -> None:
        self.start("debounce_delay: 0.6\n")
        self.switch(False)
        self.printer.run(0.3)
        self.switch(True)
        self.printer.run(3.0)
        self.assertEqual(self.recorder.ran, [])
        self.switch(False)
        self.printer.run(0.9)
        self.assertEqual(self.recorder.ran, ["PAUSE"])

    def test_disabled(self) -> None:
        self.start()
        self.printer.do("SET_FILAMENT_SENSOR SENSOR=spool ENABLE=0")
        self.switch(False)
        self.assertEqual(self.recorder.ran, [])
        self.assertFalse(self.printer.status("filament_switch_sensor spool").enabled)
        self.assertFalse(self.detected())

    def test_query(self) -> None:
        self.start()
        self.printer.do("QUERY_FILAMENT_SENSOR SENSOR=spool")
        self.assertIn("// Filament Sensor spool: filament detected", self.printer.lines)

    def test_shutdown_ends_what_it_does(self) -> None:
        self.start("runout_gcode: MARK 1\n")
        self.switch(False)
        self.printer.host.shutdown("test")
        self.printer.run(3.0)
        self.assertEqual(self.recorder.ran, ["PAUSE"])


class QueryAdcTests(SynchronousTestCase):
    timeout = 60

    def test_names_and_values(self) -> None:
        printer = FakePrinter("[temperature_sensor a]\nsensor_type: Generic 3950\nsensor_pin: PC3\n").ready()
        printer.do("QUERY_ADC")
        printer.board.adcs["PC3"].read(0.5)
        printer.do('QUERY_ADC NAME="temperature_sensor a" PULLUP=4700')
        self.assertEqual(
            printer.lines[-3:],
            [
                '// Available ADC objects: "temperature_sensor a"',
                '// ADC object "temperature_sensor a" has value 0.500000',
                "// resistance 4700.000 (with 4700 pullup)",
            ],
        )
