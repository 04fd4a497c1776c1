"""C{[printer NAME]}: what belongs to whom, and mistakes with their places."""

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from brokerd.configfile import ConfigError
from brokerd.configuration import LoadedConfiguration, load
from brokerd.files.config import FileManagerConfig
from brokerd.integrations.mqtt.config import MqttConfig
from brokerd.jobs.queue import JobQueueConfig
from brokerd.webcams import WebcamConfig

FARM = """
[server]
port: 7125
printer_name: prusa
[data_store]
gcode_store_size: 500
[file_manager]
queue_gcode_uploads: True
[job_queue]
load_on_startup: True
job_transition_delay: 3
[webcam bed]
stream_url: /a
[printer voron]
port: 7126
host: 127.0.0.2
data_path: {data}/elsewhere
klippy_uds_address: {{data_path}}/comms/host.sock
[printer voron webcam chamber]
stream_url: /b
[printer voron job_queue]
job_transition_delay: 9
[printer voron mqtt]
address: 127.0.0.1
password: not to be seen
[printer ender]
"""


class PrinterSectionTests(SynchronousTestCase):
    timeout = 20

    def setUp(self) -> None:
        self.data = Path(self.mktemp()).absolute()
        self.data.mkdir(parents=True)
        self.file = self.data / "moonraker.conf"

    def load(self, text: str, address: tuple[str, int] | None = None) -> LoadedConfiguration:
        self.file.write_text(text)
        return load(self.data, self.file, None, address)

    def test_who_has_what(self) -> None:
        settings = self.load(FARM.format(data=self.data)).settings
        voron, ender = settings.printers
        self.assertEqual((settings.name, voron.name, ender.name), ("prusa", "voron", "ender"))
        self.assertEqual(voron.listen, ("tcp:7126:interface=127.0.0.2",))
        self.assertEqual(voron.socket, f"{self.data}/elsewhere/comms/host.sock")
        self.assertEqual((ender.listen, ender.socket), ((), ""))
        self.assertEqual(ender.data, self.data / "printers" / "ender")
        self.assertEqual(ender.default_socket, str(ender.data / "comms" / "klippy.sock"))
        cameras = [list(each.sections.named(WebcamConfig)) for each in (settings, voron, ender)]
        self.assertEqual(cameras, [["bed"], ["chamber"], []])
        queues = [each.sections.one(JobQueueConfig) for each in (settings, voron, ender)]
        self.assertEqual([each.job_transition_delay for each in queues], [3.0, 9.0, 3.0])
        self.assertTrue(all(each.load_on_startup for each in queues))
        self.assertTrue(ender.sections.one(FileManagerConfig).queue_gcode_uploads)
        self.assertEqual((voron.gcode_store_size, voron.settings(settings).gcode_store_size), (500, 500))
        mqtt = [each.sections.maybe(MqttConfig) for each in (settings, voron, ender)]
        self.assertEqual([each is None for each in mqtt], [True, False, True])
        assert mqtt[1] is not None
        self.assertTrue(mqtt[1].instance_name.endswith("-voron"))
        self.assertEqual((settings.warnings, voron.warnings), ((), ()))

    def test_shared_settings_go_to_all(self) -> None:
        text = "[server]\nmax_upload_size: 7\nroute_prefix: /p/\n[printer a]\n[printer b]\nport: 7126\n"
        settings = self.load(text).settings
        a, b = (each.settings(settings) for each in settings.printers)
        self.assertEqual((a.max_upload_size, b.max_websockets), (7 << 20, settings.max_websockets))
        self.assertEqual((a.public_prefix, b.public_prefix), ("p/printers/a", "p"))
        self.assertEqual((a.printers, a.listen), ((), ()))

    def test_secrets_are_hidden(self) -> None:
        settings = self.load(FARM.format(data=self.data)).settings
        shown = json.dumps([settings.config, *(each.config for each in settings.printers)])
        self.assertNotIn("not to be seen", shown)
        self.assertIn("printer voron webcam chamber", settings.config["config"])
        self.assertEqual(settings.printers[0].config["orig"]["webcam chamber"], {"stream_url": "/b"})

    def refused(self, text: str, *said: str) -> None:
        error = self.assertRaises(ConfigError, self.load, text)
        for words in said:
            self.assertIn(words, str(error))

    def test_conflicts(self) -> None:
        place = f"{self.file}:"
        self.refused("[printer a]\nport: 7125\n", place + "2: the option 'port' of [printer a]", "[server]")
        two = "[printer a]\nport: 7\n[printer b]\nport: 7\n"
        self.refused(two, place + "4: the option 'port' of [printer b]", "not 7", "[printer a]")
        two = "[printer a]\ndata_path: /nowhere/x\n[printer b]\ndata_path: /nowhere/x/../x\n"
        self.refused(two, place + "4: the option 'data_path' of [printer b]")
        two = "[printer a]\ndata_path: /nowhere/x/gcodes/y\n[printer b]\ndata_path: /nowhere/x\n"
        self.refused(two, "4: the option 'data_path' of [printer b]", "outside of the folders")
        self.refused(f"[printer a]\ndata_path: {self.data}/config/a\n", "outside of the folders")
        self.refused(
            "[printer a]\nklippy_uds_address: /tmp/klippy_uds\n", "'klippy_uds_address' of [printer a]"
        )
        self.refused("[printer Printer]\n", place + "1: the name of [printer Printer]")
        self.refused("[printer a]\n[printer A]\n", place + "2: the name of [printer A]")

    def test_the_command_lines_address_counts(self) -> None:
        text = "[server]\nport: 7125\n[printer a]\nport: 7125\n"
        settings = self.load(text, ("0.0.0.0", 80)).settings
        listen = (settings.listen, settings.printers[0].listen)
        self.assertEqual(listen, (("tcp:80:interface=0.0.0.0",), ("tcp:7125:interface=0.0.0.0",)))
        self.file.write_text(text)
        self.assertRaises(ConfigError, load, self.data, self.file, None, ("0.0.0.0", 7125))

    def test_mistakes(self) -> None:
        place = f"{self.file}:"
        self.refused("[printer]\n", place + "1", "one word of letters")
        self.refused("[printer ä]\n", place + "1", "one word of letters")
        self.refused("[printer voron]\n[printer vron webcam x]\n", place + "2", "did you mean 'voron'?")
        self.refused("[printer a]\n[printer a authorization]\n", place + "2", "shared by all printers")
        self.refused("[printer a]\nport: high\n", place + "2: the option 'port' of [printer a]")
        bad = "[printer a]\n[printer a job_queue]\nload_on_startup: maybe\n"
        self.refused(bad, place + "3: the option 'load_on_startup' of [printer a job_queue]")
        loaded = self.load("[job_queue]\nx: 1\n[printer a]\nprt: 1\n[printer a webcm x]\n").settings
        self.assertEqual(len(loaded.warnings), 3, loaded.warnings)
        self.assertIn("did you mean 'port'?", loaded.warnings[1])
        self.assertIn("[printer a webcm x] is not known", loaded.warnings[2])

    def test_one_printer_as_ever(self) -> None:
        settings = self.load("[server]\nport: 7125\n").settings
        self.assertEqual((settings.printers, settings.path, settings.public_prefix), ((), "", ""))
