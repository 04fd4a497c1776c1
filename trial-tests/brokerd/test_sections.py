"""Typed sections: conversion, mistakes with their place, includes, secrets and templates."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from brokerd.configfile import ConfigError, read_config
from brokerd.configuration import load
from brokerd.files.config import FileManagerConfig
from brokerd.jobs.queue import JobQueueConfig
from brokerd.options import SectionDeclaration, option, options_named
from brokerd.sections import HIDDEN, ReadSections, read_sections
from brokerd.templates import Secrets, Template, TemplateError
from brokerd.updates.config import GitConfig, OverrideConfig, SoftwareConfig, UpdateConfig
from brokerd.webcams import WebcamConfig


@frozen(kw_only=True)
class Thing:
    """A section of each type."""

    needed: str = option(doc="a word")
    count: int = option(5, doc="how many", minimum=1, maximum=10)
    share: float = option(0.5, doc="a share", above=0.0, maximum=1.0)
    flag: bool = option(False, doc="a flag")
    path: Path | None = option(None, doc="a path")
    names: list[str] = option((), doc="names")
    lines: list[str] = option((), doc="lines", separator="")
    pairs: Mapping[str, str] = option({}, doc="pairs")
    mode: Literal["fast", "slow"] = option("fast", doc="a mode")
    payload: Template | None = option(None, doc="a template")
    password: str = option("", doc="a password", template=True, secret=True)
    rest: Mapping[str, str] = options_named("more_", doc="more")


class SectionTests(SynchronousTestCase):
    """One section."""

    def read(self, text: str, secrets: Mapping[str, Any] | None = None) -> ReadSections:
        path = Path(self.mktemp())
        path.write_text(text)
        declared = [SectionDeclaration("thing", Thing, False), SectionDeclaration("thing", Thing, True)]
        return read_sections(read_config(path), declared, Secrets(secrets or {}), {"data_path": "/data"})

    def thing(self, text: str, secrets: Mapping[str, Any] | None = None) -> Thing:
        return self.read(f"[thing]\nneeded: x\n{text}", secrets).sections.one(Thing)

    def test_types(self) -> None:
        found = self.thing(
            "count: 7\nshare=0.25\nflag: yes\npath: ~/x\nnames: a, b\n  c\nlines:\n  a, b\n  c\n"
            "pairs:\n  a=1\n  b: 2\nmode: SLOW\nmore_x: 1\nmore_y: 2\n"
        )
        self.assertEqual((found.count, found.share, found.flag, found.mode), (7, 0.25, True, "slow"))
        self.assertEqual(found.path, Path("~/x").expanduser())
        self.assertEqual((found.names, found.lines), (["a", "b", "c"], ["a, b", "c"]))
        self.assertEqual((found.pairs, found.rest), ({"a": "1", "b": "2"}, {"x": "1", "y": "2"}))

    def test_mistakes(self) -> None:
        for text, words in (
            ("count: many", ":3: the option 'count' of [thing] must be an integer, not 'many'"),
            ("count: 11", "from 1 to 10"),
            ("share: 0", "above 0"),
            ("flag: perhaps", "True or False"),
            ("mode: quick", "one of fast, slow"),
            ("pairs:\n  a", "key = value"),
            ("payload: {% if %}", "a template (line 1"),
            ("password: {secrets.none.at_all}", "can be filled in"),
        ):
            with self.assertRaises(ConfigError) as raised:
                self.thing(text)
            self.assertIn(words, str(raised.exception))
        with self.assertRaises(ConfigError) as raised:
            self.read("[thing lamp]\ncount: 1\n")
        self.assertIn(":1: [thing lamp] needs the option 'needed'", str(raised.exception))

    def test_unknown_options(self) -> None:
        (warning,) = self.read("[thing]\nneeded: x\ncout: 7\n").warnings
        self.assertIn(":3: the option 'cout' of [thing] is not known", warning)
        self.assertIn("did you mean 'count'?", warning)

    def test_named(self) -> None:
        found = self.read("[thing  big lamp]\nneeded: a\n[thing b]\nneeded: b\n").sections.named(Thing)
        self.assertEqual(
            [(name, each.needed) for name, each in found.items()], [("big lamp", "a"), ("b", "b")]
        )

    def test_secrets(self) -> None:
        found = self.thing("password: {secrets.door.key}!", {"door": {"key": "sesame"}})
        self.assertEqual(found.password, "sesame!")
        shown = self.read(
            "[thing]\nneeded: x\npassword: {secrets.door.key}\n[thing b]\nneeded: x\npassword: plain\n",
            {"door": {"key": "sesame"}},
        ).shown
        self.assertEqual(shown["thing"]["password"], "{secrets.door.key}")
        self.assertEqual(shown["thing b"]["password"], HIDDEN)

    def test_template(self) -> None:
        found = self.thing(
            'payload:\n  {% set p = {"a": 1} %}\n  {% do p.update({"b": command}) %}\n  {p|tojson}'
        )
        assert found.payload is not None
        self.assertEqual(found.payload.render(command="on"), '{"a": 1, "b": "on"}')
        with self.assertRaises(TemplateError):
            found.payload.render()

    def test_templates_reach_nothing_else(self) -> None:
        for text in (
            "{''.__class__.__mro__[1].__subclasses__()}",
            "{secrets.__class__.__init__.__globals__}",
        ):
            with self.assertRaises(TemplateError):
                Template(text, Secrets({"a": {}})).render()

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        try:
            self.read(text.replace("\r", ""))
        except ConfigError as error:
            self.assertIn(":", str(error))


class SecretsFileTests(SynchronousTestCase):
    """DATA/moonraker.secrets"""

    def read(self, text: str) -> Mapping[str, Any]:
        path = Path(self.mktemp())
        path.write_text(text)
        return Secrets.read(path).values

    def test_forms(self) -> None:
        self.assertEqual(self.read("[a]\nkey: va%lue\n"), {"a": {"key": "va%lue"}})
        self.assertEqual(self.read('{"a": {"key": 5}}'), {"a": {"key": 5}})
        self.assertEqual(Secrets.read(Path("nowhere")).values, {})

    def test_mistakes_do_not_tell_secrets(self) -> None:
        for text in ('{"a": sesame', "sesame\n", "[a]\nsesame\n"):
            with self.assertRaises(ConfigError) as raised:
                self.read(text)
            self.assertNotIn("sesame", str(raised.exception))

    def test_not_in_representations(self) -> None:
        self.assertNotIn("sesame", repr(Template("{secrets.a.b}", Secrets({"a": {"b": "sesame"}}))))


class FileTests(SynchronousTestCase):
    """Whole configurations."""

    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute()
        (self.data / "config" / "parts").mkdir(parents=True)

    def write(self, name: str, text: str) -> None:
        (self.data / "config" / name).write_text(text)

    def test_includes(self) -> None:
        self.write(
            "moonraker.conf",
            "[job_queue]\nload_on_startup: True\n[include parts/*.conf]\n[include one.conf]\n",
        )
        self.write("parts/a.conf", "[file_manager]\nqueue_gcode_uploads: True\n")
        self.write("parts/b.conf", "[job_queue]\njob_transition_delay: 2\n[webcam bed]\nstream_url: /x\n")
        self.write("one.conf", "[job_queue]\njob_transition_delay: 3\n")
        settings = load(self.data, None).settings
        self.assertEqual(settings.warnings, ())
        self.assertEqual(
            settings.sections.one(JobQueueConfig),
            JobQueueConfig(load_on_startup=True, job_transition_delay=3.0),
        )
        self.assertTrue(settings.sections.one(FileManagerConfig).queue_gcode_uploads)
        self.assertEqual(list(settings.sections.named(WebcamConfig)), ["bed"])
        files = {each["filename"]: each["sections"] for each in settings.config["files"]}
        self.assertEqual(files["parts/b.conf"], ["job_queue", "webcam bed"])
        self.assertEqual(settings.config["orig"]["job_queue"]["job_transition_delay"], "3")

    def test_bad_includes(self) -> None:
        self.write("moonraker.conf", "[include none.conf]\n")
        with self.assertRaises(ConfigError) as raised:
            load(self.data, None)
        self.assertIn("moonraker.conf:1: there is no file 'none.conf'", str(raised.exception))
        self.write("moonraker.conf", "[include parts/a.conf]\n")
        self.write("parts/a.conf", "[include ../moonraker.conf]\n")
        with self.assertRaises(ConfigError) as raised:
            load(self.data, None)
        self.assertIn("includes itself", str(raised.exception))

    def test_mistake_in_an_included_file(self) -> None:
        self.write("moonraker.conf", "[include parts/a.conf]\n")
        self.write("parts/a.conf", "[job_queue]\n\njob_transition_delay: -1\n")
        with self.assertRaises(ConfigError) as raised:
            load(self.data, None)
        self.assertIn(f"{os.sep}a.conf:3: the option 'job_transition_delay'", str(raised.exception))

    def test_moved_options(self) -> None:
        self.write("moonraker.conf", "[server]\nhost: 0.0.0.0\ntemperature_store_size: 600\n")
        settings = load(self.data, None).settings
        self.assertEqual(settings.temperature_store_size, 600)
        self.assertIn(
            ":3: the option 'temperature_store_size' of [server] belongs into [data_store]",
            settings.warnings[0],
        )

    def test_updates(self) -> None:
        self.write(
            "moonraker.conf",
            "[update_manager]\nrefresh_window: 22-6\n[update_manager klipper]\nchannel: stable\n"
            "[update_manager screen]\ntype: git_repo\npath: ~/screen\norigin: https://x/y.git\n"
            "managed_services: screen klipper\n",
        )
        sections = load(self.data, None).settings.sections
        self.assertEqual(sections.one(UpdateConfig).refresh_window, (22, 6))
        software = sections.named(SoftwareConfig)
        self.assertIsInstance(software["klipper"], OverrideConfig)
        self.assertIsInstance(software["screen"], GitConfig)
        self.assertEqual(software["screen"].services("screen"), ("screen", "klipper"))
        for text, words in (
            ("type: web\nrepo: no\npath: x\n", "of the form owner/name"),
            ("type: wab\n", "did you mean 'web'?"),
            ("type: git_repo\npath: x\norigin: y\nrequirements: ../x\n", "without '..'"),
            ("type: git_repo\npath: x\norigin: y\npinned_commit: xyz\n", "hexadecimal"),
            ("type: zip\nrepo: a/b\n", "needs the option 'path'"),
        ):
            self.write("moonraker.conf", f"[update_manager x]\n{text}")
            with self.assertRaises(ConfigError) as raised:
                load(self.data, None)
            self.assertIn(words, str(raised.exception))
