"""Numbers, message formats, encoders, decoders and the dictionary."""

import json
import zlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.wire import vlq
from klipperd.wire.codec import Encoder
from klipperd.wire.dictionary import IDENTIFY, IDENTIFY_RESPONSE, OUTPUT, Dictionary
from klipperd.wire.enumerations import Enumeration
from klipperd.wire.errors import DictionaryError, EncodeError, ProtocolError
from klipperd.wire.formats import KINDS, parse_format

ENTRIES: dict[str, Any] = {
    "version": "v0.1-test",
    "build_versions": "gcc: 12",
    "app": "Test",
    "license": "GPL",
    "config": {
        "CLOCK_FREQ": 20000000,
        "MCU": "sim",
        "RESERVE_PINS_serial": "PA0,PA1",
        "RECEIVE_WINDOW": "192",
    },
    "enumerations": {
        "pin": {"PA0": [0, 16], "PB0": [16, 8], "ADC_TEMPERATURE": 254},
        "static_string_id": {"Timer too close": 2, "ADC out of range": 5},
        "i2c_bus": {"i2c1": 0},
        "i2c_bus_status": {"SUCCESS": 0, "NACK": 1},
    },
    "commands": {
        IDENTIFY: 1,
        "queue_step oid=%c interval=%u count=%hu add=%hi": 5,
        "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u": 6,
        "config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u": -4,
        "spi_send oid=%c data=%*s": 300,
        "query_analog_in oid=%c clock=%u rest_ticks=%u": 7,
    },
    "responses": {
        IDENTIFY_RESPONSE: 0,
        "shutdown clock=%u static_string_id=%hu": 70,
        "stepper_position oid=%c pos=%i": -7,
        "i2c_response oid=%c i2c_bus_status=%c response=%*s": 700,
    },
    "output": {"The value of %u is %s with size %hi.": 71},
}


def dictionary(**changes: Any) -> Dictionary:
    return Dictionary.from_json(ENTRIES | changes, b"")


class Numbers(SynchronousTestCase):
    @given(st.integers(vlq.SMALLEST, vlq.LARGEST), st.binary(max_size=3), st.binary(max_size=3))
    def test_round_trip(self, value: int, before: bytes, after: bytes) -> None:
        encoded = vlq.encode(value)
        decoded, position = vlq.decode(before + encoded + after, len(before))
        self.assertEqual(position, len(before) + len(encoded))
        self.assertEqual(decoded & vlq.LARGEST, value & vlq.LARGEST)
        if value <= 0x7FFFFFFF:
            self.assertEqual(decoded, value)

    def test_documented_sizes(self) -> None:
        """Protocol.md's table: each limit, and one beyond it."""
        table = [(-32, 95), (-4096, 12287), (-524288, 1572863), (-67108864, 201326591), (-(2**31), 2**31 - 1)]
        for size, limits in enumerate(table, 1):
            for limit in limits:
                self.assertEqual(len(vlq.encode(limit)), size, limit)
        for size, (low, high) in enumerate(table[:-1], 1):
            self.assertEqual((len(vlq.encode(low - 1)), len(vlq.encode(high + 1))), (size + 1, size + 1))

    def test_cut_short(self) -> None:
        for data in (b"", b"\x81", b"\xff\xff"):
            self.assertRaises(ProtocolError, vlq.decode, data, 0)

    def test_endless(self) -> None:
        error = self.assertRaises(ProtocolError, vlq.decode, b"\x81" * 9 + b"\x01", 0)
        self.assertIn("10 bytes", str(error))

    @given(st.binary(max_size=20))
    def test_any_bytes(self, data: bytes) -> None:
        try:
            value, position = vlq.decode(data, 0)
        except ProtocolError:
            return
        self.assertTrue(vlq.SMALLEST <= value <= vlq.LARGEST and 0 < position <= len(data))


class Formats(SynchronousTestCase):
    def test_parts(self) -> None:
        parsed = parse_format("a_b x=%c y=%.*s z=%hi")
        self.assertEqual(parsed.name, "a_b")
        parts = [(p.name, p.kind.conversion) for p in parsed.parameters]
        self.assertEqual(parts, [("x", "%c"), ("y", "%.*s"), ("z", "%hi")])

    def test_unknown_conversion(self) -> None:
        error = self.assertRaises(DictionaryError, parse_format, "x y=%d")
        self.assertIn("'y=%d'", str(error))
        self.assertIn("'x y=%d'", str(error))

    def test_empty(self) -> None:
        self.assertRaises(DictionaryError, parse_format, " ")


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kinds = draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=6))
    values: dict[str, Any] = {}
    for i, conversion in enumerate(kinds):
        kind = KINDS[conversion]
        values[f"p{i}"] = draw(
            st.binary(max_size=6) if kind.is_buffer else st.integers(kind.minimum, kind.maximum)
        )
    return " ".join(["any", *(f"p{i}={kind}" for i, kind in enumerate(kinds))]), values


class Coding(SynchronousTestCase):
    @given(messages(), st.integers(-100, 20000))
    def test_round_trip(self, message: tuple[str, dict[str, Any]], message_id: int) -> None:
        """What a host encodes, an MCU with the same dictionary reads, and the other way round."""
        text, values = message
        both = Dictionary.from_json({"commands": {text: message_id}, "responses": {text: message_id}}, b"")
        payload = both.command(text).encode(**values)
        self.assertEqual(payload, both.command(text).encode_fast(*values.values()))
        [decoded] = both.decode(payload)
        for parameter in parse_format(text).parameters:
            self.assertEqual(decoded[parameter.name], values[parameter.name])

    @given(st.binary(max_size=59))
    def test_any_payload(self, payload: bytes) -> None:
        try:
            decoded = dictionary().decode(payload)
        except ProtocolError:
            return
        self.assertTrue(decoded or not payload)

    def test_example_of_the_documentation(self) -> None:
        encoder = dictionary().command("queue_step oid=%c interval=%u count=%hu add=%hi")
        self.assertEqual(
            encoder.encode(oid=7, interval=7458, count=10, add=331), bytes([5, 7, 0xBA, 0x22, 10, 0x82, 0x4B])
        )

    def test_negative_and_long_ids(self) -> None:
        offered = dictionary()
        stepper = offered.command(
            "config_stepper oid=%c step_pin=%c dir_pin=%c invert_step=%c step_pulse_ticks=%u"
        )
        self.assertEqual(
            stepper.encode(oid=1, step_pin="PA1", dir_pin=2, invert_step=-1, step_pulse_ticks=0),
            bytes([0x7C, 1, 1, 2, 0x7F, 0]),
        )
        self.assertEqual(
            offered.command("spi_send oid=%c data=%*s").encode(oid=1, data=b"\x90\x01"),
            b"\x82\x2c\x01\x02\x90\x01",
        )
        [message] = offered.decode(vlq.encode(-7) + bytes([3]) + vlq.encode(-100000))
        self.assertEqual((message.name, message.values), ("stepper_position", {"oid": 3, "pos": -100000}))

    def test_enumerations(self) -> None:
        [message] = dictionary().decode(vlq.encode(70) + vlq.encode(2**32 - 1) + b"\x02")
        self.assertEqual(message.values, {"clock": 2**32 - 1, "static_string_id": "Timer too close"})
        [message] = dictionary().decode(vlq.encode(70) + b"\x00\x09")
        self.assertEqual(message["static_string_id"], 9, "a number without a name stays a number")
        [message] = dictionary().decode(vlq.encode(700) + b"\x01\x01\x00")
        self.assertEqual(message.values, {"oid": 1, "i2c_bus_status": "NACK", "response": b""})

    def test_output(self) -> None:
        [message] = dictionary().decode(bytes([71, 5, 2]) + b"ab" + vlq.encode(-3))
        self.assertEqual((message.name, message["text"]), (OUTPUT, "The value of 5 is ab with size -3."))

    def test_several_messages(self) -> None:
        self.assertEqual(len(dictionary().decode(bytes([70, 1, 2]) * 3)), 3)


class Complaints(SynchronousTestCase):
    def refused(self, **values: Any) -> str:
        encoder = dictionary().command(
            "config_digital_out oid=%c pin=%u value=%c default_value=%c max_duration=%u"
        )
        good: dict[str, Any] = {"oid": 1, "pin": "PA3", "value": 0, "default_value": 0, "max_duration": 0}
        wanted = {name: value for name, value in (good | values).items() if value is not None}
        return str(self.assertRaises(EncodeError, encoder.encode, **wanted))

    def test_out_of_range(self) -> None:
        self.assertEqual(self.refused(value=256), "config_digital_out value=256: %c takes at most 255")
        self.assertEqual(
            self.refused(max_duration=-1), "config_digital_out max_duration=-1: %u takes at least 0"
        )

    def test_unknown_pin(self) -> None:
        self.assertEqual(
            self.refused(pin="PB9"), "config_digital_out pin: 'PB9' is no pin; did you mean 'PB7'?"
        )

    def test_wrong_type(self) -> None:
        self.assertIn("max_duration=1.5: not an integer", self.refused(max_duration=1.5))
        self.assertIn("value='on': not an integer", self.refused(value="on"))

    def test_parameters(self) -> None:
        complaint = self.refused(max_durration=1)
        self.assertIn("has no parameter 'max_durration'; did you mean 'max_duration'?", complaint)
        self.assertIn("lacks pin, value", self.refused(pin=None, value=None))

    def test_too_long(self) -> None:
        encoder = dictionary().command("spi_send oid=%c data=%*s")
        error = self.assertRaises(EncodeError, encoder.encode, oid=1, data=bytes(60))
        self.assertIn("64 bytes long, of at most 59", str(error))

    def test_not_bytes(self) -> None:
        encoder = dictionary().command("spi_send oid=%c data=%*s")
        self.assertIn("not bytes", str(self.assertRaises(EncodeError, encoder.encode, oid=1, data=5)))

    def test_unknown_id(self) -> None:
        error = self.assertRaises(ProtocolError, dictionary().decode, bytes([99 & 0x7F, 1]))
        self.assertIn("not in the dictionary of firmware 'v0.1-test'", str(error))


class Offers(SynchronousTestCase):
    OLD = "query_analog_in oid=%c clock=%u rest_ticks=%u"
    NEW = "query_analog_in oid=%c clock=%u rest_ticks=%u bytes_per_report=%c"

    def test_first_that_is_offered(self) -> None:
        encoder = dictionary().command(self.NEW, self.OLD)
        self.assertEqual(encoder.format.text, self.OLD)
        self.assertNotIn("bytes_per_report", encoder)
        both = dictionary(commands={self.NEW: 9}).command(self.NEW, self.OLD)
        self.assertIn("bytes_per_report", both)

    def test_declared_size_does_not_matter(self) -> None:
        self.assertIsInstance(dictionary().find_command("spi_send oid=%u data=%.*s"), Encoder)

    def test_another_form(self) -> None:
        error = self.assertRaises(DictionaryError, dictionary().command, self.NEW)
        self.assertIn("has another form of the command query_analog_in", str(error))
        self.assertIn(self.OLD, str(error))

    def test_absent(self) -> None:
        error = self.assertRaises(DictionaryError, dictionary().command, "queue_stop oid=%c")
        self.assertIn("'v0.1-test' has no command 'queue_stop'; did you mean 'queue_step'?", str(error))
        self.assertIs(dictionary().find_command("queue_stop oid=%c"), None)

    def test_responses(self) -> None:
        self.assertEqual(dictionary().response("stepper_position oid=%c pos=%i").message_id, -7)
        self.assertRaises(DictionaryError, dictionary().response, "trsync_state oid=%c")


class Constants(SynchronousTestCase):
    def test_integers(self) -> None:
        self.assertEqual(dictionary().integer("CLOCK_FREQ"), 20_000_000)
        self.assertEqual(dictionary().integer("RECEIVE_WINDOW"), 192, "a number in quotes")
        self.assertEqual(dictionary().integer("STEPPER_STEP_BOTH_EDGE", 0), 0)
        error = self.assertRaises(DictionaryError, dictionary().integer, "CLOCK_FREK")
        self.assertIn("did you mean 'CLOCK_FREQ'?", str(error))
        self.assertRaises(DictionaryError, dictionary().integer, "MCU")

    def test_prefixed(self) -> None:
        self.assertEqual(dictionary().prefixed("RESERVE_PINS_"), {"serial": "PA0,PA1"})


class Reading(SynchronousTestCase):
    def test_from_identify(self) -> None:
        text = json.dumps(ENTRIES).encode()
        read = Dictionary.from_identify(zlib.compress(text))
        self.assertEqual((read.version, read.raw), ("v0.1-test", text))

    @given(st.integers(0), st.integers(1, 255))
    def test_damaged(self, place: int, change: int) -> None:
        data = bytearray(zlib.compress(json.dumps(ENTRIES).encode()))
        data[place % len(data)] ^= change
        try:
            Dictionary.from_identify(bytes(data))
        except DictionaryError as error:
            self.assertIn("dictionary", str(error))

    def test_cut_short(self) -> None:
        data = zlib.compress(json.dumps(ENTRIES).encode())
        self.assertRaises(DictionaryError, Dictionary.from_identify, data[:-5])
        self.assertRaises(DictionaryError, Dictionary.from_identify, b"")

    def test_bomb(self) -> None:
        """A dictionary that unpacks to 100 MB is refused, not unpacked."""
        bomb = zlib.compress(b"{" + b" " * 100_000_000 + b"}")
        self.assertRaises(DictionaryError, Dictionary.from_identify, bomb)

    def test_wrong_shapes(self) -> None:
        for changes in (
            {"commands": []},
            {"commands": {"x y=%q": 3}},
            {"commands": {"x": "3"}},
            {"enumerations": {"pin": {"PA": [0, 4]}}},
            {"enumerations": {"pin": {"PA0": [0, 1 << 30]}}},
            {"enumerations": {"pin": {"PA0": "x"}}},
        ):
            self.assertRaises(DictionaryError, dictionary, **changes)

    def test_before_identify(self) -> None:
        known = Dictionary.before_identify()
        self.assertEqual(known.command(IDENTIFY).encode(offset=40, count=40), bytes([1, 40, 40]))
        [message] = known.decode(b"\x00\x28\x02ab")
        self.assertEqual(message.values, {"offset": 40, "data": b"ab"})
        self.assertRaises(ProtocolError, known.decode, b"\x05")

    def test_range_does_not_begin_with_zero(self) -> None:
        pins = Enumeration.from_dictionary("pin", {"gpiochip0/gpio4": [10, 3]})
        self.assertEqual(pins.numbers, {"gpiochip0/gpio4": 10, "gpiochip0/gpio5": 11, "gpiochip0/gpio6": 12})
