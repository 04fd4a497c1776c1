"""Lines become the commands, words and parameters that they say, or an error that names the word."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.gcode.errors import MalformedGcode
from klipperd.gcode.lexer import COMMAND, MOVE, NOTHING, BlockReader, Line, parse_line, split_lines

NUMBERS = st.from_regex(r"\A[-+]?([0-9]{1,18}(\.[0-9]{0,12})?|\.[0-9]{1,12})\Z").filter(lambda t: len(t) < 40)
KEYS = st.from_regex(r"\A[A-Z_]{1,8}\Z")
COMMANDS = st.sampled_from(["G1 X1", "M117 a*b*7", "M110", "SET_PIN PIN=a VALUE=1", ""])
LETTERS = st.sampled_from("ABCDEFHIJKPQRSUVWXYZ")


def read(text: str) -> Line:
    return parse_line(text.encode())


class Moves(SynchronousTestCase):
    """G0 and G1."""

    @given(st.lists(st.tuples(LETTERS, NUMBERS), max_size=8), st.sampled_from(["", " ", "  ", "\t"]))
    @settings(max_examples=300, deadline=None)
    def test_values_are_those_of_float(self, words: list[tuple[str, str]], space: str) -> None:
        line = read("G1" + space + space.join(letter + number for letter, number in words))
        self.assertTrue(line.is_move)
        wanted = {letter: float(number) for letter, number in words}
        self.assertEqual({letter: line.word(letter) for letter in wanted}, wanted)
        self.assertEqual(line.axes(), tuple(wanted.get(letter) for letter in "XYZEF"))

    def test_lower_case_leading_zero_and_comments(self) -> None:
        line = read("g01x5 (a comment) y-.5E+2;z3")
        self.assertEqual((line.name, line.axes()), ("G1", (5.0, -0.5, None, 2.0, None)))

    def test_other_commands_are_no_moves(self) -> None:
        for text in ("G10 X1", "G1.1 X1", "G28 X0", "M1", "G1_MACRO X=1", "G11"):
            self.assertFalse(read(text).is_move, text)

    def test_malformed_word_is_named_with_its_place(self) -> None:
        for text, word, at in (
            ("G1 X1.2.3", "X1.2.3", 3),
            ("G1 X1 Y", "Y", 6),
            ("G1 Xnan", "Xnan", 3),
            ("G0 X1,5", "X1,5", 3),
            ("G1 X1 5", "5", 6),
            ("G1 X--1", "X--1", 3),
            ("G1 X1\x00", "X1\x00", 3),
            ("G1 X" + "9" * 70, "X" + "9" * 39 + "...", 3),
        ):
            line = parse_line(text.encode(), 17, 400)
            self.assertEqual(line.problem, f"Malformed word {word!r} in line 17 (byte {400 + at})", text)
            self.assertEqual(line.name, text[:2])
            self.assertRaises(MalformedGcode, lambda line=line: line.params)

    def test_move_by_another_name(self) -> None:
        self.assertEqual(read("G1.1 X5 E-1").axes(), (5.0, None, None, -1.0, None))
        self.assertEqual(read("OLD_G1 x=5 F=60 QQ=z").axes(), (5.0, None, None, None, 60.0))
        for text in ("G1.1 X5.5.5", "OLD_G1 X=y", "OLD_G1 X5"):
            self.assertRaises(MalformedGcode, read(text).axes)

    def test_multibyte_letter(self) -> None:
        self.assertIn("'Ä5'", str(read("G1 X1 Ä5").problem))


class Traditional(SynchronousTestCase):
    """Other letter-and-number commands."""

    def test_parameters(self) -> None:
        for text, wanted in (
            ("M104 S200 T1", {"S": "200", "T": "1"}),
            ("M104S200T1", {"S": "200", "T": "1"}),
            ("G28 X Y0", {"X": "", "Y": "0"}),
            ("m117", {}),
            ('M862.3 P"MK3 S"', {"P": "MK3 S"}),
            ("G29 (why) S1 ; T2", {"S": "1"}),
        ):
            self.assertEqual(read(text).params, wanted, text)

    def test_malformed_parameter(self) -> None:
        line = read("M104 S2% T1")
        error = self.assertRaises(MalformedGcode, lambda: line.params)
        self.assertIn("'S2%' in line 1 (byte 5)", str(error))
        self.assertEqual(line.lenient_params, {"T": "1"})

    def test_free_text_is_kept(self) -> None:
        line = read("M117  Löwe * 5 ; not cut  ")
        self.assertEqual((line.name, line.text, line.raw), ("M117", "Löwe * 5 ; not cut", "M117  Löwe * 5"))

    def test_bytes_that_are_no_utf8(self) -> None:
        self.assertEqual(parse_line(b"M117 a\xffb").text, "a\N{REPLACEMENT CHARACTER}b")


class Extended(SynchronousTestCase):
    """NAME KEY=value."""

    def test_parameters(self) -> None:
        for text, wanted in (
            ("SET_PIN pin=a VALUE=.5", {"PIN": "a", "VALUE": ".5"}),
            ('respond MSG="a b" TYPE=echo', {"MSG": "a b", "TYPE": "echo"}),
            (r'X MSG="say \"hi\" \\ \n"', {"MSG": r'say "hi" \ \n'}),
            ("SAVE_VARIABLE VALUE='\"text\"'", {"VALUE": '"text"'}),
            ('A B=x"y z"w C=', {"B": "xy zw", "C": ""}),
            ("A B=1;C=2", {"B": "1"}),
            ('A B=";" # C', {"B": ";"}),
            ("A B=[[1,2],[3,4]]", {"B": "[[1,2],[3,4]]"}),
            ("A B=1 b=2", {"B": "2"}),
            ("A B=x=y", {"B": "x=y"}),
        ):
            self.assertEqual(read(text).params, wanted, text)

    def test_malformed(self) -> None:
        for text, wanted in (
            ("RESPOND MSG=a b", "'b' in line 1 (byte 14): KEY=value is wanted"),
            ("RESPOND =b", "'=b' in line 1 (byte 8): KEY=value is wanted"),
            ('RESPOND MSG="a b', "a quote is not closed"),
        ):
            line = read(text)
            self.assertIn(wanted, str(self.assertRaises(MalformedGcode, lambda line=line: line.params)))

    def test_name_that_begins_like_a_traditional_one(self) -> None:
        self.assertEqual(read("T0_LOAD SPEED=5").name, "T0_LOAD")
        self.assertEqual(read("M600_UNLOAD").name, "M600_UNLOAD")

    @given(st.dictionaries(KEYS, st.text(st.characters(exclude_characters="\n\r"))))
    @settings(max_examples=300, deadline=None)
    def test_quoted_values_come_back(self, params: dict[str, str]) -> None:
        words = []
        for key, value in params.items():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            words.append(f'{key}="{escaped}"')
        # What UTF-8 cannot hold (lone surrogates) cannot come from a file.
        data = " ".join(["DO_IT", *words]).encode("utf-8", "replace")
        wanted = {k: v.encode("utf-8", "replace").decode() for k, v in params.items()}
        self.assertEqual(parse_line(data).params, wanted)


class NumberedLines(SynchronousTestCase):
    """Line numbers and checksums."""

    @staticmethod
    def sealed(text: str) -> bytes:
        total = 0
        for byte in text.encode():
            total ^= byte
        return f"{text}*{total}".encode()

    @given(st.integers(0, 10**9), COMMANDS)
    @settings(deadline=None)
    def test_good_checksum(self, number: int, command: str) -> None:
        line = parse_line(self.sealed(f"N{number} {command}"))
        self.assertEqual((line.number, line.checksum_failed), (number, False))
        self.assertEqual(line.raw, command)

    @given(st.integers(0, 255))
    @settings(deadline=None)
    def test_wrong_checksum(self, given_sum: int) -> None:
        right = int(self.sealed("N7 G1 X1").split(b"*")[1])
        line = parse_line(f"N7 G1 X1*{given_sum}".encode())
        self.assertEqual(line.checksum_failed, given_sum != right)

    def test_number_without_checksum(self) -> None:
        line = read("n12g1x5")
        self.assertEqual((line.number, line.checksum_failed, line.axes()[0]), (12, False, 5.0))

    def test_star_without_number_is_text(self) -> None:
        self.assertEqual(read("M117 5*12").text, "5*12")


class AnyBytes(SynchronousTestCase):
    """No input does anything but become a line."""

    @given(st.binary(max_size=200))
    @settings(max_examples=500, deadline=None)
    def test_every_property_can_be_read(self, data: bytes) -> None:
        for line in split_lines(data):
            self.assertEqual(line.name, line.name.upper())
            self.assertIsInstance((line.raw, line.text, line.lenient_params), tuple)
            try:
                self.assertIsInstance(line.params, dict)
            except MalformedGcode as error:
                self.assertTrue(re.search(r"line \d+ \(byte \d+\)", str(error)))

    @given(st.text(alphabet="GMNTXYZE019.-+*;() =\"'\\_n", max_size=60))
    @settings(max_examples=500, deadline=None)
    def test_likely_characters(self, text: str) -> None:
        line = read(text)
        self.assertFalse(line.is_move and line.problem)
        self.assertIsInstance(line.lenient_params, dict)


class Blocks(SynchronousTestCase):
    """A source read block by block gives the lines that it has as a whole."""

    @given(
        st.lists(
            st.sampled_from([b"G1 X1 Y2", b"; c", b"", b"M104 S1", b"G1 Xbad", b"N1 G1 X1*0", b"A B=c", b"!"])
        ),
        st.integers(1, 40),
        st.sampled_from([b"\n", b"\r\n"]),
        st.booleans(),
    )
    @settings(max_examples=200, deadline=None)
    def test_same_as_whole(self, lines: list[bytes], size: int, newline: bytes, ended: bool) -> None:
        data = newline.join(lines) + (newline if ended else b"")
        reader, seen = BlockReader(), []
        blocks = [data[at : at + size] for at in range(0, len(data), size)]
        while True:
            kind = reader.advance()
            if kind == NOTHING:
                if not blocks:
                    break
                reader.feed(blocks.pop(0))
                if not blocks:
                    reader.finish()
                continue
            line = reader.line()
            self.assertEqual(kind, MOVE if line.is_move and not line.checksum_failed else COMMAND)
            self.assertEqual(reader.line_number, line.line_number)
            self.assertIn(line.raw, data[line.offset : reader.end].decode())
            seen.append((line.line_number, line.offset, line.name, line.raw))
        whole = [(x.line_number, x.offset, x.name, x.raw) for x in split_lines(data) if x.name or x.problem]
        self.assertEqual(seen, whole)

    def test_starts_inside_of_a_source(self) -> None:
        reader = BlockReader(1000, 50)
        reader.feed(b"G1 X1\nM1")
        self.assertEqual((reader.advance(), reader.line_number), (MOVE, 51))
        self.assertEqual((reader.offset, reader.end), (1000, 1006))
        self.assertEqual(reader.advance(), NOTHING)
        reader.finish()
        self.assertEqual((reader.advance(), reader.line_number, reader.end), (COMMAND, 52, 1008))

    def test_endless_line_is_given_up(self) -> None:
        reader = BlockReader()
        for _ in range(17):
            reader.feed(b"x" * (1 << 16))
            if reader.advance() != NOTHING:
                return
        self.fail("a line without end was kept in memory")
