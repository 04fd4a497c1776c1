"""Reading the configuration file."""

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from brokerd.configfile import ConfigError, read_config
from brokerd.configuration import load


class ConfigurationTests(SynchronousTestCase):
    """What is understood, warned about and refused."""

    def setUp(self) -> None:
        self.data = Path(self.mktemp())
        (self.data / "config").mkdir(parents=True)
        self.path = self.data / "config" / "moonraker.conf"

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def test_without_a_file(self) -> None:
        loaded = load(self.data, None)
        self.assertEqual(loaded.settings.listen, ("tcp:7125:interface=127.0.0.1",))
        self.assertEqual(loaded.host_socket, "/tmp/klippy_uds")
        self.assertEqual([str(each) for each in loaded.settings.trusted_clients], ["127.0.0.0/8", "::1/128"])
        self.assertEqual(loaded.settings.config["orig"], {})
        shown = loaded.settings.config["config"]
        self.assertEqual(shown["data_store"]["gcode_store_size"], 1000)
        self.assertNotIn("NOTHING", str(shown))  # as options that have to be given would be

    def test_a_usual_file(self) -> None:
        self.write(
            "# a comment\n[server]\nhost: 0.0.0.0\nport: 7126 # inline\nklippy_uds_address: ~/x\n"
            "max_upload_size = 210\n\n[authorization]\ntrusted_clients:\n  192.168.1.0/24\n\n  10.0.0.1\n"
            "cors_domains:\n    http://*.lan\n    *://localhost:*\n[octoprint_compat]\n"
        )
        loaded = load(self.data, None)
        self.assertEqual(loaded.settings.listen, ("tcp:7126:interface=0.0.0.0",))
        self.assertEqual(
            [str(each) for each in loaded.settings.trusted_clients], ["192.168.1.0/24", "10.0.0.1/32"]
        )
        self.assertEqual(loaded.settings.cors_domains, ("http://*.lan", "*://localhost:*"))
        self.assertEqual(loaded.settings.max_upload_size, 210 * 1024 * 1024)
        self.assertEqual(loaded.settings.warnings, ())
        self.assertEqual(loaded.settings.config["orig"]["server"]["port"], "7126")
        self.assertEqual(loaded.settings.config["config"]["server"]["port"], 7126)
        sections = ["server", "authorization", "octoprint_compat"]
        self.assertEqual(
            loaded.settings.config["files"], [{"filename": "moonraker.conf", "sections": sections}]
        )

    def test_command_line_wins(self) -> None:
        self.write("[server]\nklippy_uds_address: /tmp/one\n")
        self.assertEqual(load(self.data, None, "/tmp/two").host_socket, "/tmp/two")

    def test_unknown_names_are_warned_about(self) -> None:
        self.write("[server]\nprot: 5\n[authorisation]\n[lamp desk]\ntype: gpio\n")
        warnings = load(self.data, None).settings.warnings
        self.assertIn(f"{self.path}:2: the option 'prot' of [server] is not known", warnings[0])
        self.assertIn("did you mean 'port'?", warnings[0])
        self.assertIn(f"{self.path}:3: the section [authorisation] is not known", warnings[1])
        self.assertIn(f"{self.path}:4:", warnings[2])

    def test_refused(self) -> None:
        for text, words in (
            ("[server]\nport: many\n", ":2: the option 'port' of [server] must be an integer, not 'many'"),
            ("[server]\nport: 70000\n", "from 0 to 65535"),
            ("[authorization]\ntrusted_clients: 1.2.3.4/99\n", ":2:"),
            ("[server]\n[server]\n", ":2: the section [server] is there already, in line 1"),
            ("[server]\nport: 1\nport: 2\n", ":3: the option 'port' is there already, in line 2"),
            ("port: 1\n", ":1: the option 'port' is in no section"),
            ("[server]\nnonsense\n", ":2: neither a [section] nor an option"),
        ):
            self.write(text)
            with self.assertRaises(ConfigError) as raised:
                load(self.data, None)
            self.assertIn(words, str(raised.exception))

    def test_missing_file(self) -> None:
        with self.assertRaises(ConfigError):
            load(self.data, self.data / "none.conf")

    def test_comments_as_documented(self) -> None:
        self.write(
            "[section_name] # This is a comment\nopt_one: http://this.is/#not-a-comment\n"
            "opt_two: This is also \\# not a comment\nopt_three: This is the value # this is a comment\n"
        )
        entries = read_config(self.path).sections["section_name"]
        self.assertEqual(
            [entries[name].value for name in ("opt_one", "opt_two", "opt_three")],
            ["http://this.is/#not-a-comment", "This is also # not a comment", "This is the value"],
        )
