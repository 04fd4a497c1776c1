"""The fakes take what the real classes take."""

import inspect

from twisted.trial.unittest import SynchronousTestCase

from klipperd.mcu.board import Board
from klipperd.mcu.outputs import DigitalOut, PwmOut
from klipperd.motion.toolhead import Toolhead

from .fakes import FakePrinter
from .thermal_printer import BED_SECTION


def keywords(function: object) -> set[str]:
    return set(inspect.signature(function).parameters)  # type: ignore[arg-type]


class FakeTests(SynchronousTestCase):
    timeout = 60

    def test_outputs(self) -> None:
        for kind in (DigitalOut, PwmOut):
            self.assertEqual(len(keywords(kind.set)), 3)

    def test_board_takes_what_is_asked_of_the_fake(self) -> None:
        fan = "[fan]\npin: PA5\ntachometer_pin: PC5\nenable_pin: PA6\n"
        board = FakePrinter(BED_SECTION + fan).board
        self.assertLessEqual(set(board.outputs["PA1"].options), keywords(Board.pwm_out))
        self.assertLessEqual(set(board.outputs["PA5"].options), keywords(Board.pwm_out))
        self.assertLessEqual(set(board.outputs["PA6"].options), keywords(Board.digital_out))
        self.assertLessEqual({*board.adcs["PC1"].options, "on_reading"}, keywords(Board.adc_in))
        self.assertLessEqual({"poll_interval", "report_time", "on_count"}, keywords(Board.pulse_counter))

    def test_toolhead(self) -> None:
        self.assertIn("callback", keywords(Toolhead.on_print_time))
