"""printer.cfg text becomes sections and options with file and line."""

import os

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.config.document import ConfigDocument, parse_text, read_config
from klipperd.errors import ConfigError, Place, Problem


def parse(text: str) -> tuple[ConfigDocument, list[Problem]]:
    document = ConfigDocument("printer.cfg")
    problems: list[Problem] = []
    parse_text(text, "printer.cfg", document, problems, lambda pattern, place: None)
    return document, problems


class ParseTests(SynchronousTestCase):
    def test_both_separators_and_comments(self) -> None:
        document, problems = parse("[fan]\npin: PA1 # the fan\nmax_power = 0.5 ; half\n; nothing\n")
        self.assertEqual(problems, [])
        self.assertEqual(document.raw(), {"fan": {"pin": "PA1", "max_power": "0.5"}})
        self.assertEqual(document.sections["fan"].options["max_power"].place, Place("printer.cfg", 3))

    def test_a_value_goes_on_in_indented_lines(self) -> None:
        document, _ = parse("[gcode_macro A]\ngcode:\n  G28\n\n  ; not this\n  G1 X{x}\n[fan]\npin:PA1\n")
        self.assertEqual(document.raw()["gcode_macro A"]["gcode"], "G28\n\nG1 X{x}")
        self.assertEqual(document.raw()["fan"], {"pin": "PA1"})

    def test_case_of_sections_is_kept_and_of_options_folded(self) -> None:
        document, _ = parse("[gcode_macro CANCEL_PRINT]\nGcode: M84\n")
        self.assertEqual(document.raw(), {"gcode_macro CANCEL_PRINT": {"gcode": "M84"}})

    def test_later_sections_and_options_win(self) -> None:
        document, _ = parse("[fan]\npin: PA1\n[stepper_x]\na: 1\n[fan]\npin: PA2\n")
        self.assertEqual(document.raw()["fan"]["pin"], "PA2")
        self.assertEqual(list(document.sections), ["fan", "stepper_x"])

    def test_malformed_lines_are_all_named(self) -> None:
        _, problems = parse("pin: PA1\n[fan]\nwhat is this\n[unclosed\n")
        self.assertEqual([p.place.line for p in problems if p.place], [1, 3, 4])
        self.assertIn("printer.cfg:3", str(problems[1]))
        self.assertIn("'what is this'", str(problems[1]))

    def test_saved_values_win_and_are_marked(self) -> None:
        document, problems = parse(
            "[extruder]\npid_kp: 1\n\n"
            "#*# <---------------------- SAVE_CONFIG ---------------------->\n"
            "#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.\n#*#\n"
            "#*# [extruder]\n#*# pid_kp = 22.5\n#*#\n#*# [bed_mesh default]\n#*# points =\n"
            "#*# \t  0.1, 0.2\n#*# \t  0.3, 0.4\n"
        )
        self.assertEqual(problems, [])
        option = document.sections["extruder"].options["pid_kp"]
        self.assertEqual((option.value, option.autosaved, option.place.line), ("22.5", True, 8))
        self.assertEqual(document.raw()["bed_mesh default"]["points"], "0.1, 0.2\n0.3, 0.4")

    @given(st.text(max_size=300))
    def test_no_text_breaks_the_parser(self, text: str) -> None:
        parse(text)

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z][a-z_0-9]{0,12}", fullmatch=True),
            st.from_regex(r"[A-Za-z0-9!^~:._/,-]([A-Za-z0-9 !^~:._/,-]*[A-Za-z0-9])?", fullmatch=True),
            max_size=6,
        )
    )
    def test_what_is_written_is_read(self, options: dict[str, str]) -> None:
        text = "[some thing]\n" + "".join(f"{name}: {value}\n" for name, value in options.items())
        document, problems = parse(text)
        self.assertEqual((problems, document.raw()), ([], {"some thing": options}))


class ReadTests(SynchronousTestCase):
    def write(self, name: str, text: str) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "w") as target:
            target.write(text)
        return path

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.makedirs(self.folder)

    def test_includes_are_relative_and_keep_their_own_lines(self) -> None:
        self.write("fans.cfg", "\n[fan]\npin: PA1\n")
        document = read_config(self.write("printer.cfg", "[include fan*.cfg]\n[mcu]\nserial: x\n"))
        place = document.sections["fan"].options["pin"].place
        self.assertEqual((os.path.basename(place.file), place.line), ("fans.cfg", 3))

    def test_missing_include_and_recursion_are_errors(self) -> None:
        self.write("a.cfg", "[include printer.cfg]\n")
        path = self.write("printer.cfg", "[include a.cfg]\n[include gone.cfg]\n[include none*.cfg]\n")
        error = self.assertRaises(ConfigError, read_config, path)
        self.assertEqual(len(error.problems), 2)
        self.assertIn("includes itself", str(error))
        self.assertIn("printer.cfg:2: include file 'gone.cfg' does not exist", str(error))

    def test_missing_file_is_named(self) -> None:
        error = self.assertRaises(ConfigError, read_config, os.path.join(self.folder, "none.cfg"))
        self.assertIn("none.cfg: No such file", str(error))
