"""SAVE_CONFIG writes what was calibrated, and nothing else is lost or changed."""

import os
from typing import Any
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from klipperd.config.configuration import Configuration
from klipperd.config.document import ConfigDocument, parse_text, read_config
from klipperd.config.save import Changes, replace_file, save_changes, saved_text
from klipperd.errors import CommandError, Problem
from klipperd.objects.plan import Plan

MAIN = """\
# my printer
[extruder]
control: pid   # as calibrated
pid_kp = 20
pid_ki: 1
gcode:
  G1 X1

  G1 X2
sensor_type: T

[bed_mesh default]
points:
  1, 2
  3, 4
# a remark
mesh_x: 5

[heater_bed]
control: watermark
"""


def parse(text: str) -> ConfigDocument:
    document, problems = ConfigDocument("p.cfg"), list[Problem]()
    parse_text(text, "p.cfg", document, problems, lambda pattern, place: None)
    assert not problems, problems
    return document


def values(text: str) -> dict[str, dict[str, str]]:
    return parse(text).raw()


class Texts(SynchronousTestCase):
    """From a file's text to its new text."""

    def test_what_is_replaced_becomes_a_comment(self) -> None:
        changes = (
            Changes()
            .with_option("extruder", "pid_Kp", "21.5")
            .with_option("bed_mesh default", "points", "9, 9\n8, 8")
        )
        text = saved_text(MAIN, "p.cfg", changes)
        self.assertIn("control: pid   # as calibrated\n#pid_kp = 20\npid_ki: 1\n", text)
        self.assertIn("#points:\n#  1, 2\n#  3, 4\n# a remark\nmesh_x: 5\n", text)
        self.assertIn(
            "\n\n#*# <---------------------- SAVE_CONFIG ---------------------->\n"
            "#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.\n#*#\n"
            "#*# [extruder]\n#*# pid_kp = 21.5\n#*#\n#*# [bed_mesh default]\n#*# points = 9, 9\n#*# \t8, 8\n",
            text,
        )
        wanted = values(MAIN)
        wanted["extruder"]["pid_kp"] = "21.5"
        wanted["bed_mesh default"]["points"] = "9, 9\n8, 8"
        self.assertEqual(values(text), wanted)

    def test_saving_again_merges(self) -> None:
        once = saved_text(MAIN, "p.cfg", Changes().with_option("extruder", "pid_kp", "1"))
        twice = saved_text(once, "p.cfg", Changes().with_option("extruder", "pid_ki", "2"))
        self.assertEqual(twice.count("SAVE_CONFIG"), 1)
        found = values(twice)["extruder"]
        self.assertEqual((found["pid_kp"], found["pid_ki"]), ("1", "2"))

    def test_removing_a_section(self) -> None:
        once = saved_text(MAIN, "p.cfg", Changes().with_option("bed_mesh other", "a", "1"))
        twice = saved_text(once, "p.cfg", Changes().without_section("bed_mesh other"))
        self.assertNotIn("other", twice)
        self.assertEqual(values(twice), values(MAIN))

    def test_block_that_was_spoilt(self) -> None:
        spoilt = saved_text(MAIN, "p.cfg", Changes().with_option("a", "b", "1")) + "#*# what is this\n"
        changes = Changes().with_option("a", "c", "2")
        error = self.assertRaises(CommandError, saved_text, spoilt, "p.cfg", changes)
        self.assertIn("cannot read what it saved before", str(error))

    @given(
        st.dictionaries(
            st.sampled_from(["extruder", "bed_mesh default", "heater_bed", "new one"]),
            st.dictionaries(
                st.sampled_from(["control", "pid_kp", "gcode", "points", "mesh_x", "fresh"]),
                st.lists(st.from_regex(r"\A[a-z0-9.,=:-]{1,8}\Z"), min_size=1, max_size=3).map("\n".join),
                min_size=1,
            ),
        ),
        st.dictionaries(st.sampled_from(["extruder", "new one"]), st.just({"pid_kp": "7"})),
    )
    @settings(deadline=None)
    def test_reading_gives_what_was_saved_and_all_else(
        self, first: dict[str, dict[str, str]], second: dict[str, dict[str, str]]
    ) -> None:
        text, wanted = MAIN, values(MAIN)
        for changes in (first, second):
            text = saved_text(text, "p.cfg", Changes(changes))
            for section, options in changes.items():
                wanted.setdefault(section, {}).update(options)
        self.assertEqual(values(text), wanted)


class Files(SynchronousTestCase):
    """On disk."""

    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.makedirs(self.folder)
        self.path = os.path.join(self.folder, "printer.cfg")
        self.write("printer.cfg", MAIN)

    def write(self, name: str, text: str) -> None:
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as target:
            target.write(text)

    def read(self, path: str) -> str:
        with open(path, encoding="utf-8") as source:
            return source.read()

    def test_backup_and_mode(self) -> None:
        os.chmod(self.path, 0o640)
        changes = Changes().with_option("heater_bed", "control", "pid")
        backups = [save_changes(self.path, read_config(self.path), changes) for _ in range(3)]
        self.assertEqual(len(set(backups)), 3)
        self.assertRegex(os.path.basename(backups[0]), r"^printer-\d{8}_\d{6}\.cfg$")
        self.assertEqual(self.read(backups[0]), MAIN)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o640)
        self.assertEqual(values(self.read(self.path))["heater_bed"], {"control": "pid"})

    def test_edits_since_the_start_are_kept(self) -> None:
        document = read_config(self.path)
        self.write("printer.cfg", MAIN + "[fan]\npin: PA1\n")
        save_changes(self.path, document, Changes().with_option("extruder", "pid_kp", "3"))
        self.assertEqual(values(self.read(self.path))["fan"], {"pin": "PA1"})

    def test_option_in_an_included_file_is_refused(self) -> None:
        self.write("printer.cfg", MAIN + "[include more.cfg]\n")
        self.write("more.cfg", "\n[fan]\npin: PA1\n")
        changes = Changes().with_option("fan", "pin", "PA2")
        before = self.read(self.path)
        error = self.assertRaises(CommandError, save_changes, self.path, read_config(self.path), changes)
        self.assertIn("more.cfg:3", str(error))
        self.assertEqual(self.read(self.path), before)
        self.assertEqual(sorted(os.listdir(self.folder)), ["more.cfg", "printer.cfg"])

    def test_link_is_written_through(self) -> None:
        link = os.path.join(self.folder, "link.cfg")
        os.symlink("printer.cfg", link)
        save_changes(link, read_config(link), Changes().with_option("extruder", "pid_kp", "3"))
        self.assertTrue(os.path.islink(link))
        self.assertEqual(values(self.read(self.path))["extruder"]["pid_kp"], "3")

    def test_full_disk_leaves_the_old_file(self) -> None:
        full = OSError(28, "No space left on device")
        with mock.patch("os.fsync", side_effect=full):
            error = self.assertRaises(
                CommandError,
                save_changes,
                self.path,
                read_config(self.path),
                Changes().with_option("extruder", "pid_kp", "3"),
            )
        self.assertIn("No space left on device", str(error))
        self.assertEqual(self.read(self.path), MAIN)
        self.assertFalse([name for name in os.listdir(self.folder) if name.startswith(".")])

    def test_replacing_makes_new_files_too(self) -> None:
        path = os.path.join(self.folder, "new")
        replace_file(path, b"1")
        self.assertEqual(self.read(path), "1")


class Pending(SynchronousTestCase):
    """What waits for SAVE_CONFIG."""

    def test_record_and_show(self) -> None:
        configuration = Configuration()
        configuration.load(parse(MAIN), Plan(()))
        self.assertFalse(configuration.pending)
        configuration.set("extruder", "pid_Kp", 21.537)
        configuration.set("extruder", "control", "pid")
        configuration.remove_section("bed_mesh x")
        items: dict[str, Any] = configuration.pending.items()
        self.assertEqual(items, {"bed_mesh x": None, "extruder": {"pid_kp": "21.537", "control": "pid"}})
        configuration.warn("deprecated", "text", "fan", "pin")
        self.assertEqual(
            configuration.warnings[0].as_dict(),
            {"type": "deprecated", "message": "text", "section": "fan", "option": "pin"},
        )
        configuration.load(parse(MAIN), Plan(()))
        self.assertEqual((bool(configuration.pending), configuration.warnings), (False, []))
