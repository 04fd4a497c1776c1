"""An extruder's heater, M104 and M109."""

from typing import Annotated, Any

from attrs import define, frozen
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import CommandError
from klipperd.objects import Identity, Named, PrinterObject, group
from klipperd.printer.fitter import Fitter
from klipperd.printer.hotend import Hotend, HotendConfig, build_hotend
from klipperd.printer.thermometer import SensorType

from ..thermal.plant import HOTEND
from .fakes import FakePrinter, reading_at
from .thermal_printer import Joined

SECTION = """
[extruder]
heater_pin: PA2
sensor_type: ATC Semitec 104GT-2
sensor_pin: PC2
control: pid
pid_Kp: 20.2
pid_Ki: 2.08
pid_Kd: 49
min_temp: 0
max_temp: 280
"""
SECOND = SECTION.replace("[extruder]", "[extruder1]").replace("PA2", "PA3").replace("PC2", "PC3")
KIND = "ATC Semitec 104GT-2"


@frozen(kw_only=True)
class _Config:
    heater: HotendConfig = group()


@define(eq=False)
class _Extruder:
    """An extruder without the motion half."""

    heater: Hotend

    def ready(self) -> None:
        self.heater.ready()

    def shutdown(self, reason: str) -> None:
        self.heater.shutdown(reason)


def _build(
    config: _Config,
    identity: Identity,
    fitter: Fitter,
    sensor_type: Annotated[SensorType, Named("sensor_type")],
) -> _Extruder:
    return _Extruder(build_hotend(config.heater, identity, fitter, sensor_type))


EXTRUDER = PrinterObject("extruder#", _Config, _build, parts={Hotend: "heater"})


class Active:
    """What the tool head says of its extruder."""

    def __init__(self, name: str) -> None:
        self.name = name


class HotendTests(SynchronousTestCase):
    timeout = 60

    def printer(self, text: str = SECTION) -> FakePrinter:
        return FakePrinter(text, extra=(EXTRUDER,)).ready()

    def hotend(self, printer: FakePrinter, name: str = "extruder") -> Any:
        return printer.built.objects[name].heater

    def test_m104_and_m109(self) -> None:
        printer = self.printer()
        joined = Joined(printer, [("PA2", "PC2", KIND, HOTEND())])
        joined.run(2.0)
        printer.do("M104 S150")
        self.assertEqual(self.hotend(printer).target, 150.0)
        done = printer.gcode("M109 S210")
        joined.run(10.0)
        self.assertNoResult(done)
        joined.run(200.0)
        self.successResultOf(done)
        self.assertApproximates(self.hotend(printer).temperature, 210.0, 1.0)
        self.assertEqual(printer.host.reasons, [])
        self.assertIn("T0:", printer.lines[-1])

    def test_index(self) -> None:
        printer = self.printer(SECTION + SECOND)
        printer.do("M104 T1 S100")
        self.assertEqual(self.hotend(printer, "extruder1").target, 100.0)
        self.assertEqual(self.hotend(printer).target, 0.0)
        printer.toolhead.extruder = Active("extruder1")  # type: ignore[assignment]
        printer.do("M104 S120")
        self.assertEqual(self.hotend(printer, "extruder1").target, 120.0)
        printer.do("M104 T0 S90")
        self.assertEqual(self.hotend(printer).target, 90.0)
        error = self.assertRaises(CommandError, printer.do, "M104 T5 S100")
        self.assertIn("T5 is not configured (there is: T0, T1)", str(error))
        report = printer.built.objects["heaters"].temperature_report()
        self.assertRegex(report, r"^T0:0\.0 /90\.0 T1:0\.0 /120\.0$")

    def test_can_extrude(self) -> None:
        printer = self.printer()
        hotend, adc = self.hotend(printer), printer.board.adcs["PC2"]
        self.assertFalse(hotend.can_extrude)
        for celsius, can in ((169.0, False), (171.0, True)):
            printer.run(3.0, lambda c=celsius: adc.read(reading_at(c, KIND)))  # type: ignore[misc]
            self.assertEqual(hotend.can_extrude, can)
            self.assertEqual(hotend.hotend_status().can_extrude, can)
        printer.run(6.0)
        self.assertFalse(hotend.can_extrude, "no readings")

    def test_min_extrude_temp(self) -> None:
        printer = self.printer(SECTION + "min_extrude_temp: 0\n")
        hotend, adc = self.hotend(printer), printer.board.adcs["PC2"]
        printer.run(1.0, lambda: adc.read(reading_at(20.0, KIND)))
        self.assertTrue(hotend.can_extrude)

    def test_out_of_limits(self) -> None:
        error = self.assertRaises(CommandError, self.printer().do, "M109 S300")
        self.assertIn("300 for [extruder] is above its max_temp 280", str(error))
