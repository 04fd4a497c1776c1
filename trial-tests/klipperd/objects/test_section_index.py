"""A catalogue that leaves out what a configuration doesn't need is as good as the whole one."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from klipperd.objects.catalogue import Catalogue, load_catalogue
from klipperd.objects.declare import stem_of
from klipperd.objects.section_index import SectionIndex

SECTIONS = (
    "mcu",
    "mcu tool",
    "printer",
    "stepper_x",
    "extruder",
    "extruder1",
    "heater_fan hotend",
    "no such",
)


class SectionIndexTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()

    def load(self, *, every: bool = False) -> Catalogue:
        return load_catalogue(every=every, index=SectionIndex.read(self.path))

    def test_what_is_needed_is_found(self) -> None:
        whole = self.load(every=True)
        less = self.load()
        before = len(less.objects)
        self.assertIsNotNone(less.find("servo x"))
        self.assertEqual(len(less.objects), before + 1)
        self.assertLess(before, len(whole.objects) - 10)
        for section in SECTIONS:
            self.assertIs(less.find(section), whole.find(section), section)
        always = {o.section for o in whole.objects if o.internal or o.always}
        self.assertEqual(always, {o.section for o in less.objects if o.internal or o.always})

    def test_hints_know_all_sections(self) -> None:
        whole = self.load(every=True)
        self.assertEqual(set(self.load().patterns()), set(whole.patterns()))

    def test_a_module_that_has_changed_is_imported(self) -> None:
        self.load(every=True)
        entries = json.loads(Path(self.path).read_text())
        entries["klipperd.printer.servo"][0][1] += 1
        Path(self.path).write_text(json.dumps(entries))
        self.assertIn("servo *", [o.section for o in self.load().objects])
        self.assertNotIn("servo *", [o.section for o in self.load().objects])

    def test_rubbish_is_as_good_as_nothing(self) -> None:
        for rubbish in ("", "{", "[]", '{"klipperd.printer.servo": 3}'):
            Path(self.path).write_text(rubbish)
            self.assertIsNotNone(self.load().find("servo x"), rubbish)

    def test_stems(self) -> None:
        for pattern, stem in (("mcu *", "mcu"), ("extruder#", "extruder"), ("stepper_@#", "stepper_")):
            self.assertEqual(stem_of(pattern), stem)
