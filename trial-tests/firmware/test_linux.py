"""The host MCU on a machine without its hardware: clear errors, and a console for the curious."""

import os
import subprocess

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from .build import binary
from .case import DeviceTests
from .device import LINUX, PATIENCE


class Hardware(DeviceTests, SynchronousTestCase):
    """Started without --no-hardware."""

    target = LINUX._replace(arguments=())

    def assert_refused(self, path: str, reason: str, name: str, **parameters: int) -> None:
        """The command shuts down, and stderr names what can't be opened."""
        if os.path.exists(path):
            raise SkipTest(f"this machine has a {path}")
        self.device.send("allocate_oids", count=1)
        self.device.send(name, **parameters)
        self.assertEqual(self.device.shutdown_reason(), reason)
        self.assertEqual(self.device.stop(), 0)
        self.assertIn(f"can't open {path}: No such file", self.device.errors)

    def test_gpio(self) -> None:
        """No such GPIO chip."""
        pin = self.device.pin("gpiochip7/gpio1")
        options = {"pin": pin, "value": 0, "default_value": 0, "max_duration": 0}
        self.assert_refused(
            "/dev/gpiochip7", "Unable to open GPIO chip device", "config_digital_out", oid=0, **options
        )

    def test_pwm(self) -> None:
        """No such PWM chip."""
        pin = self.device.pin("pwmchip8/pwm0")
        options = {"pin": pin, "cycle_ticks": 1000, "value": 0, "default_value": 0, "max_duration": 0}
        path = "/sys/class/pwm/pwmchip8/export"
        self.assert_refused(path, "Unable to configure hardware PWM", "config_pwm_out", oid=0, **options)

    def test_adc(self) -> None:
        """No such ADC channel."""
        path = "/sys/bus/iio/devices/iio:device0/in_voltage7_raw"
        self.assert_refused(
            path, "Unable to open ADC channel", "config_analog_in", oid=0, pin=self.device.pin("analog7")
        )

    def test_spi(self) -> None:
        """No such SPI device."""
        if os.path.exists("/dev/spidev6.15"):
            raise SkipTest("this machine has a /dev/spidev6.15")
        bus = self.device.dictionary.word("spi_bus", "spidev6.15")
        self.device.configure(("config_spi_without_cs", {}))
        self.device.send("spi_set_bus", oid=0, spi_bus=bus, mode=0, rate=1000000)
        self.assertEqual(self.device.shutdown_reason(), "Unable to open spi device")

    def test_i2c(self) -> None:
        """No such I2C bus, and a device without a bus."""
        if os.path.exists("/dev/i2c-31"):
            raise SkipTest("this machine has a /dev/i2c-31")
        bus = self.device.dictionary.word("i2c_bus", "i2c.31")
        self.device.configure(("config_i2c", {}))
        self.device.send("i2c_set_bus", oid=0, i2c_bus=bus, rate=100000, address=0x44)
        self.assertEqual(self.device.shutdown_reason(), "Unable to open i2c device")
        self.device.send("clear_shutdown")
        self.device.send("i2c_transfer", oid=0, write=b"\x00", read_len=1)
        self.assertEqual(self.device.shutdown_reason(), "I2C device has no bus")

    def test_memory(self) -> None:
        """debug_read reaches the firmware's own memory; a bad address is an error, no crash."""
        elf_header = 0x400000  # where an executable without PIE is mapped
        value = self.device.ask("debug_result", "debug_read", order=2, addr=elf_header)["val"]
        self.assertEqual(value.to_bytes(4, "little"), b"\x7fELF")
        self.device.send("debug_read", order=2, addr=0)
        self.assertEqual(self.device.shutdown_reason(), "Memory address can't be accessed")


class CommandLine(SynchronousTestCase):
    """Options."""

    def run_it(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run([binary("linux"), *arguments], capture_output=True, text=True, timeout=PATIENCE)

    def test_help(self) -> None:
        """--help lists the options."""
        done = self.run_it("--help")
        self.assertEqual(done.returncode, 0)
        for option in ("-I", "-r", "-w", "--no-hardware"):
            self.assertIn(option, done.stdout)

    def test_unknown_option(self) -> None:
        """An unknown option and a stray argument are errors."""
        for argument in ("-x", "stray"):
            self.assertEqual(self.run_it(argument).returncode, 2)

    def test_no_watchdog(self) -> None:
        """-w without a watchdog ends with a message, before the link is made."""
        if os.path.exists("/dev/watchdog"):
            raise SkipTest("this machine has a watchdog, which a test must not start")
        done = self.run_it("-w", "-I", "/nonexistent/link")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/dev/watchdog", done.stderr)
