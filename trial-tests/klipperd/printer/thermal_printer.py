"""A printer whose heaters and sensors are joined by simulated parts."""

from attrs import define, field

from ..thermal.plant import Plant
from .fakes import OFFSET, FakePrinter, reading_at

__all__ = ["BED_SECTION", "HEATER_SECTION", "Joined", "bed_printer"]

BED_SECTION = """
[heater_bed]
heater_pin: PA1
sensor_type: Generic 3950
sensor_pin: PC1
control: pid
pid_Kp: 28.3
pid_Ki: 0.42
pid_Kd: 479
min_temp: 0
max_temp: 130
"""

HEATER_SECTION = """
[heater_generic chamber]
heater_pin: PA2
sensor_type: ATC Semitec 104GT-2
sensor_pin: PC2
control: pid
pid_Kp: 20.2
pid_Ki: 2.08
pid_Kd: 49
min_temp: 0
max_temp: 250
gcode_id: C
"""


@define(eq=False)
class Joined:
    """Steps plants and reports their sensors: C{parts} are (heater pin, sensor pin, sensor kind, plant)."""

    printer: FakePrinter
    parts: list[tuple[str, str, str, Plant]]
    broken: set[str] = field(factory=set)

    def step(self) -> None:
        """One reading's time."""
        board, now = self.printer.board, self.printer.clock.seconds() + OFFSET
        for heater, sensor, kind, plant in self.parts:
            power = 0.0 if heater in self.broken else board.outputs[heater].at(now)
            board.adcs[sensor].read(reading_at(plant.run(power, 0.3), kind))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        self.printer.run(seconds, self.step)


def bed_printer(plant: Plant, text: str = BED_SECTION) -> Joined:
    """A ready printer with a bed."""
    printer = FakePrinter(text).ready()
    joined = Joined(printer, [("PA1", "PC1", "Generic 3950", plant)])
    joined.run(2.0)
    return joined
