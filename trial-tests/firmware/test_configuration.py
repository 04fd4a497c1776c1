"""From power-on to configured, to shutdown, and back."""

from . import wire
from .case import DeviceTests, for_each_target


@for_each_target
class Configuration(DeviceTests):
    """Oids, CRC and the ways back."""

    def config(self) -> tuple[int, int, int, int]:
        """What get_config says."""
        reply = self.device.ask("config", "get_config")
        return reply["is_config"], reply["crc"], reply["is_shutdown"], reply["move_count"]

    def assert_refused(self, reason: str, name: str, **parameters: wire.Parameter) -> None:
        """The command shuts down for this reason; then leave shutdown."""
        self.device.send(name, **parameters)
        self.assertEqual(self.device.shutdown_reason(), reason)
        self.device.send("clear_shutdown")

    def test_crc_is_kept(self) -> None:
        """The host's CRC comes back, whole, with the number of move queue slots."""
        self.assertEqual(self.config(), (0, 0, 0, 0))
        self.device.send("allocate_oids", count=3)
        self.assertEqual(self.config(), (0, 0, 0, 0))
        self.device.send("finalize_config", crc=0xFEDCBA98)
        is_config, crc, is_shutdown, move_count = self.config()
        self.assertEqual((is_config, crc, is_shutdown), (1, 0xFEDCBA98, 0))
        self.assertGreater(move_count, 500)

    def test_objects_take_from_the_move_queue(self) -> None:
        """Memory is one arena: with more objects there are fewer slots."""
        self.configure_stepper()
        few = self.config()[3]
        self.device.send("emergency_stop")
        self.device.send("config_reset")
        self.configure_stepper(*[("config_trsync", {})] * 100)
        self.assertLess(self.config()[3], few)

    def test_order_of_things(self) -> None:
        """Oids are allocated once, given once, within their number, and before the end."""
        self.assert_refused("Can't assign oid", "config_trsync", oid=0)
        self.device.send("allocate_oids", count=2)
        self.assert_refused("oids already allocated", "allocate_oids", count=2)
        self.device.send("config_trsync", oid=1)
        self.assert_refused("Can't assign oid", "config_trsync", oid=1)
        self.assert_refused("Can't assign oid", "config_trsync", oid=2)
        self.assert_refused("Invalid oid type", "stepper_get_position", oid=1)
        self.assert_refused("Invalid oid type", "stepper_get_position", oid=200)
        self.device.send("finalize_config", crc=1)
        self.assert_refused("Already finalized", "finalize_config", crc=2)
        self.assert_refused("Configuration is already final", "config_trsync", oid=0)
        self.assertEqual(self.config()[:3], (1, 1, 0))

    def test_too_large(self) -> None:
        """More objects than memory: refused, and the firmware lives on."""
        self.device.send("allocate_oids", count=255)
        message = b"m" * 52
        for oid in range(255):
            self.device.send("config_buttons", oid=oid, button_count=8)
        self.assertEqual(self.device.ask("pong", "debug_ping", data=message)["data"], message)

    def test_bad_pin(self) -> None:
        """A pin that doesn't exist, or not for that use."""
        self.device.send("allocate_oids", count=4)
        reason = "Pin is not available for this use"
        self.assert_refused(reason, "set_digital_out", pin=60000, value=1)
        self.assert_refused(
            reason, "config_digital_out", oid=0, pin=2**32 - 1, value=0, default_value=0, max_duration=0
        )
        self.assert_refused(reason, "config_analog_in", oid=1, pin=60000)

    def test_emergency_stop(self) -> None:
        """Shut down once, refuse commands from then on, answer those that a host needs."""
        self.configure_stepper()
        self.device.send("emergency_stop")
        self.assertEqual(self.device.shutdown_reason(), "Command request")
        for name, parameters in (("stepper_get_position", {"oid": 0}), ("allocate_oids", {"count": 1})):
            reply = self.device.ask("is_shutdown", name, **parameters)
            self.assertEqual(self.device.dictionary.reason(reply["static_string_id"]), "Command request")
        self.assertEqual(self.config()[2], 1)
        self.assertGreater(self.device.clock(), 0)
        self.assertEqual(self.device.ask("pong", "debug_ping", data=b"alive")["data"], b"alive")
        self.device.send("emergency_stop")
        self.device.silence()

    def test_shutdown_in_a_block(self) -> None:
        """What follows the shutdown in its block is refused or answered as ever."""
        encode = self.device.dictionary.encode
        names = {"emergency_stop": {}, "get_clock": {}, "set_digital_out": {"pin": 1, "value": 1}}
        content = b"".join(encode(name, **parameters) for name, parameters in names.items())
        self.assertEqual(self.device.transmit(content), self.device.sequence)
        self.assertEqual(self.device.message("clock", "is_shutdown").name, "clock")
        self.assertEqual(self.device.message("clock", "is_shutdown").name, "is_shutdown")
        self.assertEqual(self.device.shutdown_reason(), "Command request")

    def test_first_reason_stays(self) -> None:
        """A second cause while shut down changes nothing."""
        self.device.transmit(wire.vlq(95))
        self.assertEqual(self.device.shutdown_reason(), "Invalid command")
        self.device.send("emergency_stop")
        reply = self.device.ask("is_shutdown", "allocate_oids", count=1)
        self.assertEqual(self.device.dictionary.reason(reply["static_string_id"]), "Invalid command")

    def test_clear_shutdown(self) -> None:
        """Out of shutdown with the configuration as it was."""
        self.configure_stepper()
        before = self.config()
        self.device.send("emergency_stop")
        self.device.send("clear_shutdown")
        self.assertEqual(self.config(), before)
        self.assertEqual(self.device.ask("stepper_position", "stepper_get_position", oid=0)["pos"], 0)

    def test_config_reset(self) -> None:
        """From shutdown to unconfigured, and configured anew; refused while running."""
        self.configure_stepper()
        self.assert_refused("config_reset only available when shutdown", "config_reset")
        for crc in (7, 8):
            self.device.send("emergency_stop")
            self.device.send("config_reset")
            self.assertEqual(self.config(), (0, 0, 0, 0))
            self.device.configure(("config_trsync", {}), crc=crc)
            self.assertEqual(self.config()[:3], (1, crc, 0))

    def test_reset(self) -> None:
        """As after power-on: it says so, expects sequence 0 and has no configuration. The port stays."""
        self.configure_stepper()
        self.device.send("debug_nop")
        self.device.send("reset")
        self.device.message("starting")
        self.device.sequence = 0
        self.assertEqual(self.device.transmit(b""), 1)
        self.assertEqual(self.config(), (0, 0, 0, 0))
        self.configure_stepper()

    def test_reset_out_of_shutdown(self) -> None:
        """The same when shut down, which is when hosts do it."""
        self.device.send("emergency_stop")
        self.device.send("reset")
        self.device.message("starting")
        self.device.sequence = 0
        self.device.transmit(b"")
        self.assertEqual(self.config(), (0, 0, 0, 0))

    def test_uptime_and_clock(self) -> None:
        """The clock advances, and uptime is the same clock with its upper half."""
        first = self.device.ask("uptime", "get_uptime")
        second = self.device.clock()
        self.assertLess(second - first["clock"] & 0xFFFFFFFF, self.device.ticks(10))
        self.assertEqual(self.device.ask("uptime", "get_uptime")["high"] - first["high"] in (0, 1), True)


@for_each_target
class Stats(DeviceTests):
    """The account of time."""

    def test_every_five_seconds(self) -> None:
        """Unasked, a report about five seconds after power-on and each five seconds then."""
        first = self.device.message("stats")
        self.assertGreater(first["count"], 0)
        before = self.device.clock()
        self.device.message("stats")
        elapsed = self.device.clock() - before & 0xFFFFFFFF
        self.assertTrue(self.device.ticks(4) < elapsed < self.device.ticks(9), elapsed)
