"""C{[static_digital_output NAME]}: outputs that are set once and stay."""

from attrs import define, frozen

from klipperd.mcu.board import Board
from klipperd.objects import Pin, PrinterObject, option

__all__ = ["StaticDigitalOutput", "StaticDigitalOutputConfig", "build_static_digital_output"]


@frozen(kw_only=True)
class StaticDigitalOutputConfig:
    """C{[static_digital_output NAME]}."""

    pins: tuple[Pin, ...] = option(doc="outputs to set high; a leading ! sets one low")


@define(eq=False, repr=False)
class StaticDigitalOutput:
    """Outputs that never change."""

    pins: tuple[Pin, ...]


def build_static_digital_output(config: StaticDigitalOutputConfig, board: Board) -> StaticDigitalOutput:
    """Set the outputs up."""
    for pin in config.pins:
        board.digital_out(pin, max_duration=0.0, start=1.0, shutdown=1.0)
    return StaticDigitalOutput(config.pins)


static_digital_output = PrinterObject(
    "static_digital_output *", StaticDigitalOutputConfig, build_static_digital_output
)
