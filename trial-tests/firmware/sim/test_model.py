"""Model files: each mistake gets one message with file, line and what is right."""

import subprocess
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rawmcu import PATIENCE
from .rig import CARTESIAN, COREXY, DELTA, ROOT, SimTestCase, simulator


class ModelTests(SimTestCase):
    """mcu-sim --check."""

    def setUp(self) -> None:
        self.file = Path(self.mktemp())

    def check(self, text: str | bytes) -> tuple[int, str]:
        """Exit code and message for a model."""
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        command = [simulator(), "--check", str(self.file)]
        ended = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        return ended.returncode, ended.stderr.decode(errors="replace")

    def test_good(self) -> None:
        """The rig's models and those of config/ are accepted without a word."""
        shipped = sorted((ROOT / "config").glob("*.model"))
        self.assertGreaterEqual(len(shipped), 2)
        for text in (CARTESIAN, COREXY, *(path.read_text() for path in shipped)):
            self.assertEqual(self.check(text), (0, ""))

    def broken(self, old: str, new: str, *wanted: str, text: str = CARTESIAN) -> None:
        """With C{old} replaced by C{new} the message has the line of C{new} and the words wanted."""
        self.assertEqual(text.count(old), 1, old)
        changed = text.replace(old, new)
        line = text[: text.index(old)].count("\n") + 1
        code, message = self.check(changed)
        self.assertEqual(code, 1)
        self.assertTrue(message.startswith(f"{self.file}:{line}: "), (line, message))
        for word in wanted:
            self.assertIn(word, message)

    def test_options(self) -> None:
        """Unknown, repeated, misplaced and bad options."""
        self.broken("ambient: 20", "ambiant: 20", "no option 'ambiant'", "kinematics ambient")
        self.broken("ambient: 20", "ambient: warm", "expected a number", "'warm'")
        self.broken("ambient: 20", "ambient: 1e999", "expected a number")
        self.broken("ambient: 20", "ambient: nan", "expected a number")
        self.broken("ambient: 20", "ambient: 500", "not between -100 and 200")
        self.broken("ambient: 20", "ambient 20", "expected 'option: value'")
        self.broken("kinematics: cartesian", "kinematics: polar", "none of: cartesian corexy delta")
        self.broken("range: -2, 202", "range: -2", "2 numbers", "got 1")
        self.broken("range: -2, 202", "range: 1, 2, 3", "more than 2")
        self.broken("heat_capacity: 10", "heat_capacity: 0", "must be above 0")
        self.broken("step: PA6", "step: XY7", "a pin from PA0 to PH15")
        self.broken("step: PA6", "step: PA16", "a pin from PA0 to PH15")
        self.broken("active: yes", "active: perhaps", "yes or no")
        self.broken("beta: 3950", "points: 25=100000, 150=1642", "three pairs")

    def test_repeated_option(self) -> None:
        """The second one is complained about, with its line."""
        code, message = self.check(CARTESIAN.replace("power: 50\n", "power: 50\npower: 60\n"))
        self.assertEqual(code, 1)
        self.assertIn("[heater hotend] power is given twice", message)

    def test_sections(self) -> None:
        """Unknown, repeated, nameless and missing sections."""
        self.broken("[probe]", "[prober]", "no section [prober]")
        self.broken("[probe]", "[probe x]", "no name of its own")
        self.broken("[motor z]", "[motor]", "needs a name")
        self.broken("[motor z]", "[motor z z]", "letters, digits")
        self.broken("[motor z]", "[motor y]\n", "given twice")
        self.broken("[motor z]", "[motor z", "expected ']'")
        self.broken("[axis z]", "[axis w]", "x, y or z")
        self.assertIn("the section [printer] is missing", self.check("")[1])
        self.assertIn("before the first section", self.check("x: 1\n")[1])
        without = CARTESIAN.replace("[axis z]\nrange: -1, 201\nstart: 20\n", "")
        self.assertIn("[axis z] is missing", self.check(without)[1])

    def test_missing_option(self) -> None:
        """The message has the section's line."""
        text = CARTESIAN.replace("sensor_pin: PF0\n", "")
        line = text[: text.index("[heater hotend]")].count("\n") + 1
        self.assertIn(f":{line}: [heater hotend] needs the option 'sensor_pin'", self.check(text)[1])

    def test_sense(self) -> None:
        """What is well formed and still makes no sense."""
        self.broken("pin: PC5", "pin: PA0", "PA0 is used by 'x' already")
        self.broken("enable: !PA5", "enable: PA0", "PA0 is used by")
        self.assertIn("outside of", self.check(CARTESIAN.replace("start: 50", "start: 500"))[1])
        self.assertIn("is not below", self.check(CARTESIAN.replace("range: -2, 202", "range: 5, 5"))[1])
        self.assertIn("no [heater oven]", self.check(CARTESIAN.replace("hotend: hotend", "hotend: oven"))[1])
        self.assertIn("no [extruder f]", self.check(CARTESIAN.replace("extruder: e\n", "extruder: f\n"))[1])
        self.assertIn("doesn't drive e", self.check(CARTESIAN.replace("motor: e", "motor: z"))[1])
        self.assertIn("corexy gantry has the drives", self.check(COREXY.replace("drives: a", "drives: x"))[1])
        self.assertIn("delta gantry has the drives", self.check(DELTA.replace("drives: ta", "drives: x"))[1])
        self.assertIn("a delta needs both", self.check(DELTA.replace("arm_length: 250\n", ""))[1])
        self.assertIn(
            "is not above delta_radius", self.check(DELTA.replace("arm_length: 250", "arm_length: 100"))[1]
        )
        self.assertIn(
            "only of a delta", self.check(CARTESIAN.replace("ambient", "arm_length: 3\nambient"))[1]
        )
        self.assertIn("only a delta has towers", self.check(CARTESIAN.replace("axis: x", "axis: ta"))[1])
        self.assertIn("no motor drives z", self.check(CARTESIAN.replace("drives: z", "drives: e"))[1])
        self.assertIn("both of pin and power", self.check(CARTESIAN.replace("power: 50\n", ""))[1])
        without = CARTESIAN.replace("[bed]\narea: 0, 0, 200, 200\nslope: 0.001, 0.0005\ngive: 0.3\n", "")
        self.assertIn("needs a section [bed]", self.check(without)[1])
        self.assertIn("x min, y min", self.check(CARTESIAN.replace("0, 0, 200, 200", "0, 0, 0, 200"))[1])
        points = CARTESIAN.replace("beta: 3950", "points: 150=1000, 25=100000, 250=200")
        self.assertIn("temperatures must rise", self.check(points)[1])

    def test_grid(self) -> None:
        """Rows of the bed's grid are of one length, and there are enough of them."""
        rows = CARTESIAN.replace("give: 0.3", "row: 0, 1\nrow: 0")
        self.assertIn("row: 1 heights, the first row has 2", self.check(rows)[1])
        self.assertIn("at least 2 rows", self.check(CARTESIAN.replace("give: 0.3", "row: 0, 1"))[1])
        self.assertIn("more than 16 rows", self.check(CARTESIAN.replace("give: 0.3", "row: 0, 1\n" * 17))[1])
        wide = "row: " + ", ".join("0" * 17)
        self.assertIn("more than 16 numbers", self.check(CARTESIAN.replace("give: 0.3", wide))[1])

    def test_limits_of_the_file(self) -> None:
        """Too many sections, too long lines and files, no file at all."""
        many = "".join(f"[output o{i}]\npin: PG{i % 16}\n" for i in range(17))
        self.assertIn("more than 16 of them", self.check(CARTESIAN + many)[1])
        self.assertIn("longer than 511 letters", self.check("#" * 600)[1])
        self.assertIn("longer than 64 KiB", self.check("#\n" * 40000)[1])
        self.assertIn("not a text file", self.check(b"[printer]\0")[1])
        self.file.unlink()
        ended = subprocess.run([simulator(), "--check", str(self.file)], capture_output=True, text=True)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("No such file", ended.stderr)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, len(CARTESIAN) - 1), st.binary(max_size=8), st.integers(0, 40))
    def test_garbage(self, at: int, insert: bytes, drop: int) -> None:
        """A file with some bytes replaced is accepted or refused with a line number; it never crashes."""
        data = CARTESIAN.encode()
        code, message = self.check(data[:at] + insert + data[at + drop :])
        self.assertIn(code, (0, 1))
        if code:
            self.assertRegex(message, r":\d+: |not a text file")
