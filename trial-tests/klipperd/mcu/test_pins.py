"""Pins: their text, aliases, reservations and double use."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.errors import ConfigError, Place
from klipperd.mcu.pin_names import PinName, parse_pin
from klipperd.mcu.pins import Alias, ChipPins
from klipperd.objects import Pin

KNOWN = {f"PA{i}": i for i in range(16)} | {"ADC_TEMPERATURE": 254}


def pin(text: str, line: int = 1) -> Pin:
    return Pin(text, Place("printer.cfg", line))


class Text(SynchronousTestCase):
    def test_forms(self) -> None:
        for text, expected in {
            "PA3": PinName("mcu", "PA3"),
            "!PA3": PinName("mcu", "PA3", True),
            "^PA3": PinName("mcu", "PA3", False, 1),
            "~!zboard:PA3": PinName("zboard", "PA3", True, -1),
            "!^ zboard : PA3 ": PinName("zboard", "PA3", True, 1),
            "host:gpiochip0/gpio12": PinName("host", "gpiochip0/gpio12"),
            "probe:z_virtual_endstop": PinName("probe", "z_virtual_endstop"),
            "tmc2209_stepper_x:virtual_endstop": PinName("tmc2209_stepper_x", "virtual_endstop"),
        }.items():
            self.assertEqual(parse_pin(pin(text), can_pull=True), expected, text)

    def test_malformed(self) -> None:
        for text in ("", "!", "a:b:c", "PA3!", "mcu:", ":PA3", "PA^3", "!!PA3", "^~PA3"):
            error = self.assertRaises(ConfigError, parse_pin, pin(text, 7), can_pull=True)
            self.assertIn("printer.cfg:7: ", str(error))
            self.assertIn(repr(text), str(error))

    def test_marks_that_make_no_sense(self) -> None:
        self.assertIn("only inputs", str(self.assertRaises(ConfigError, parse_pin, pin("^PA3"))))
        error = self.assertRaises(ConfigError, parse_pin, pin("!PA3"), can_invert=False)
        self.assertIn("cannot be inverted", str(error))

    @given(st.text(max_size=12))
    def test_any_text(self, text: str) -> None:
        try:
            parsed = parse_pin(pin(text), can_pull=True)
        except ConfigError:
            return
        self.assertFalse(set(parsed.name) & set(":!^~"))
        self.assertTrue(parsed.name and parsed.name == parsed.name.strip())

    def test_shown(self) -> None:
        self.assertEqual((str(PinName("mcu", "PA3", True)), str(PinName("z", "PA3"))), ("PA3", "z:PA3"))


class Claims(SynchronousTestCase):
    def setUp(self) -> None:
        self.pins = ChipPins("mcu", KNOWN, {"PA11": "usb"}, frozenset({"PA9"}))

    def claim(self, text: str, line: int = 1, share: str | None = None) -> str:
        wanted = pin(text, line)
        return self.pins.claim(wanted, parse_pin(wanted, can_pull=True), share)

    def refused(self, text: str, line: int = 1, share: str | None = None) -> str:
        return str(self.assertRaises(ConfigError, self.claim, text, line, share))

    def test_unknown(self) -> None:
        self.assertEqual(
            self.refused("PA17", 4), "printer.cfg:4: 'PA17' is no pin of MCU 'mcu'; did you mean 'PA7'?"
        )

    def test_twice(self) -> None:
        self.assertEqual(self.claim("!PA3", 4), "PA3")
        self.assertEqual(
            self.refused("PA3", 9), "printer.cfg:9: pin 'PA3' is in use already, as !PA3 (printer.cfg:4)"
        )

    def test_shared(self) -> None:
        self.claim("PA3", 4, "enable")
        self.claim("PA3", 5, "enable")
        self.assertIn("in use", self.refused("PA3", 6, "endstop"))
        self.assertIn("in use", self.refused("PA3", 6))

    def test_override(self) -> None:
        self.claim("PA9")
        self.claim("PA9")

    def test_reserved_by_the_firmware(self) -> None:
        self.assertIn("uses it for usb", self.refused("PA11"))
        constants = {"usb": "PA11,PA12", "serial": "PA9"}
        expected = {"PA11": "usb", "PA12": "usb", "PA9": "serial"}
        self.assertEqual(ChipPins.reserved_pins(constants), expected)

    def test_aliases(self) -> None:
        place = Place("printer.cfg", 2)
        self.pins.add_aliases(
            [
                Alias("EXP1_1", "PA5", place),
                Alias("BEEPER", "EXP1_1", place),
                Alias("EXP1_9", "<GND>", place),
            ]
        )
        self.assertEqual(self.claim("BEEPER", 4), "PA5")
        self.assertIn("as BEEPER (printer.cfg:4)", self.refused("PA5", 5))
        self.assertIn("pin 'EXP1_9' is reserved for GND", self.refused("EXP1_9"))
        self.assertIn("did you mean 'EXP1_1'?", self.refused("EXP1_2"))

    def test_bad_aliases(self) -> None:
        place = Place("printer.cfg", 2)
        for aliases, complaint in (
            ([Alias("A", "PX5", place)], "printer.cfg:2: 'PX5' is no pin of MCU 'mcu'"),
            ([Alias("A", "B", place), Alias("B", "A", place)], "stands for itself"),
            ([Alias("A", "PA1", place), Alias("A", "PA2", place)], "is 'PA1' at printer.cfg:2 already"),
        ):
            pins = ChipPins("mcu", KNOWN, {})
            self.assertIn(complaint, str(self.assertRaises(ConfigError, pins.add_aliases, aliases)))
