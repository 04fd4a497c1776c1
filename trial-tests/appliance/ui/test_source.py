"""The page's source: small, our own, and fit for a strict content security policy."""

import re
import shutil
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase, TestCase

from .fake_broker import PAGE

_LIMIT = 63_000  # bytes of the page without its comments and indentation


class SourceTests(SynchronousTestCase):
    """What is in appliance/ui."""

    def test_small(self) -> None:
        """The page stays small: it is to be loaded at once, without any build step."""
        comments = re.compile(r"/\*.*?\*/|(?<=\s)// [^\n]*|^\s+", re.DOTALL | re.MULTILINE)
        sources = [path.read_text() for path in PAGE.rglob("*.*") if path.suffix != ".json"]
        self.assertLess(sum(len(comments.sub("", text)) for text in sources), _LIMIT)

    def test_policy(self) -> None:
        """No script, style or handler in the document, and nothing from elsewhere."""
        document = (PAGE / "index.html").read_text()
        self.assertNotRegex(document, r"<style|\sstyle=|\son\w+=|<script(?![^>]* src=)")
        for path in PAGE.rglob("*.*"):
            foreign = re.findall(r"(?:https?|wss?)://(?!www\.w3\.org/2000/svg)[\w.]+", path.read_text())
            self.assertEqual(foreign, [], path)

    def test_every_module_is_used(self) -> None:
        """No module that nobody imports."""
        modules = {path.name: path.read_text() for path in (PAGE / "modules").glob("*.js")}
        imported = {name for text in modules.values() for name in re.findall(r"'\./(\w+\.js)'", text)}
        self.assertEqual(set(modules) - imported, {"main.js"})


class PureModuleTests(TestCase):
    """The modules that need no browser."""

    timeout = 60
    skip = None if shutil.which("node") else "node is not installed (apt-get install nodejs)"

    def test_pure_modules(self) -> Deferred[None]:
        """C{pure.test.mjs} passes under node's own test runner."""
        node = shutil.which("node")
        assert node is not None
        test = str(Path(__file__).with_name("pure.test.mjs"))

        def ended(result: tuple[bytes, bytes, int]) -> None:
            output, errors, code = result
            self.assertEqual(code, 0, (output + errors).decode())

        return getProcessOutputAndValue(node, ["--test", test], env=None, reactor=reactor).addCallback(ended)
