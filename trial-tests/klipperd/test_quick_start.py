"""What makes starting quicker changes nothing but that."""

import marshal
import sys
from pathlib import Path
from unittest import mock

import attr._make
from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from klipperd.quick_start import GeneratedCode, keep_generated_code, put_off

TEXT = "def f():\n    return (\n        {salt},\n        1)\n"


class GeneratedCodeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()

    def result(self, kept: GeneratedCode, text: str, name: str = "<f>") -> object:
        names: dict[str, object] = {}
        exec(kept.compile(text, name, "exec"), names)
        return names["f"]()  # type: ignore[operator]

    def test_is_compiled_once(self) -> None:
        first = GeneratedCode(self.path)
        self.assertEqual(self.result(first, "def f(): return 3"), 3)
        first.write()
        again = GeneratedCode(self.path)
        self.assertEqual(self.result(again, "def f(): return 3"), 3)
        self.assertEqual((first.compiled, again.compiled), (1, 0))

    def test_what_has_changed_is_compiled(self) -> None:
        kept = GeneratedCode(self.path)
        self.result(kept, "def f(): return 3")
        kept.write()
        again = GeneratedCode(self.path)
        self.assertEqual(self.result(again, "def f(): return 4"), 4)
        self.assertEqual(again.compiled, 1)

    def test_the_salt_of_hashes_counts_for_nothing(self) -> None:
        kept = GeneratedCode(self.path)
        self.result(kept, TEXT.format(salt=-7518761889162643586))
        kept.write()
        again = GeneratedCode(self.path)
        self.result(again, TEXT.format(salt=6264126986661822571))
        self.assertEqual(again.compiled, 0)

    def test_rubbish_is_as_good_as_nothing(self) -> None:
        for rubbish in (b"", b"rubbish", marshal.dumps([3])):
            Path(self.path).write_bytes(rubbish)
            self.assertEqual(self.result(GeneratedCode(self.path), "def f(): return 3"), 3, rubbish)

    def test_attrs_uses_it(self) -> None:
        self.patch(sys, "dont_write_bytecode", False)
        with mock.patch.dict(vars(attr._make)):
            kept = keep_generated_code("test")

            @frozen
            class Pair:
                a: int
                b: int

        self.assertGreater(kept.compiled, 0)
        self.assertEqual(Pair(1, 2), Pair(1, 2))
        self.assertEqual(len({Pair(1, 2), Pair(1, 2), Pair(2, 1)}), 2)


class PutOffTests(SynchronousTestCase):
    def test_is_imported_when_used(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "put_off_example.py").write_text("value = 3\n")
        self.patch(sys, "path", [str(folder), *sys.path])
        self.addCleanup(sys.modules.pop, "put_off_example", None)
        put_off("put_off_example")
        import put_off_example  # type: ignore[import-not-found]

        self.assertNotIn("value", vars(put_off_example))
        self.assertEqual(put_off_example.value, 3)
        self.assertEqual(vars(sys.modules["put_off_example"])["value"], 3)

    def test_what_is_imported_stays(self) -> None:
        known = sys.modules["marshal"]
        put_off("marshal")
        self.assertIs(sys.modules["marshal"], known)
