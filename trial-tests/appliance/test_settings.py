"""Settings come from the command line, the file and the defaults, in this order."""

import os

from twisted.trial.unittest import SynchronousTestCase

from appliance.settings import SettingsError, Simulator, read_settings


class SettingsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.data = self.mktemp()
        os.makedirs(os.path.join(self.data, "config"))

    def write(self, text: str) -> None:
        with open(os.path.join(self.data, "config", "appliance.toml"), "w") as target:
            target.write(text)

    def refuse(self, text: str) -> str:
        self.write(text)
        return str(self.assertRaises(SettingsError, read_settings, self.data, {}))

    def test_defaults_listen_on_loopback_only(self) -> None:
        settings = read_settings(self.data, {})
        self.assertEqual(settings.http_address, ("127.0.0.1", 7125))
        self.assertEqual((settings.uds, settings.tty), ("/tmp/klippy_uds", "/tmp/printer"))
        self.assertEqual(settings.config_file, settings.data / "config" / "printer.cfg")
        self.assertTrue(settings.data.is_absolute())

    def test_the_command_line_wins_over_the_file(self) -> None:
        self.write('http = "0.0.0.0:80"\nspeed = 5\n[[simulator]]\nmodel = "m"\nserial = "s"\n')
        settings = read_settings(self.data, {"speed": 60.0, "http": None})
        self.assertEqual(settings.http_address, ("0.0.0.0", 80))
        self.assertEqual(settings.speed, 60.0)
        self.assertEqual(settings.simulators, (Simulator("m", "s"),))

    def test_ipv6_address(self) -> None:
        self.assertEqual(read_settings(self.data, {"http": "[::1]:0"}).http_address, ("::1", 0))

    def test_bad_settings_are_named(self) -> None:
        self.assertIn("unknown setting 'htp'", self.refuse('htp = "x"\n'))
        self.assertIn("speed: 'fast' is no float", self.refuse('speed = "fast"\n'))
        self.assertIn("speed: 0 is outside 0.01 to 1000", self.refuse("speed = 0\n"))
        self.assertIn("HOST:PORT", self.refuse('http = "localhost"\n'))
        self.assertIn("appliance.toml", self.refuse("= broken"))
        self.assertIn("model and serial", self.refuse('[[simulator]]\nmodel = "m"\n'))
