"""What is plugged in, from a made-up /sys and /dev."""

import errno
import struct
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from brokerd.errors import ApiError, BadRequest
from brokerd.machine.peripherals.canbus import list_unassigned
from brokerd.machine.peripherals.serial import list_serial
from brokerd.machine.peripherals.usb import list_usb
from brokerd.machine.peripherals.video import list_video
from brokerd.machine.procfs import LoadMeter

from ..promised import broken_promise, methods


class SysfsTests(SynchronousTestCase):
    """A tree of our own."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()

    def write(self, folder: str, **attributes: str) -> Path:
        path = self.root / folder
        path.mkdir(parents=True, exist_ok=True)
        for name, value in attributes.items():
            (path / name).write_text(f"{value}\n")
        return path

    def link(self, path: str, target: Path) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).symlink_to(target)

    def board(self) -> Path:
        """An STM32 on bus 1."""
        device = self.write(
            "sys/devices/platform/usb1/1-1.4", busnum="1", devnum="4", idVendor="1d50", idProduct="614e",
            manufacturer="Klipper", product="stm32f407xx", serial="12345", bDeviceClass="02",
            bDeviceSubClass="00", bDeviceProtocol="00",
        )  # fmt: skip
        self.link("sys/bus/usb/devices/1-1.4", device)
        return device

    def test_usb(self) -> None:
        self.board()
        hub = self.write(
            "sys/devices/platform/usb1", busnum="1", devnum="1", idVendor="1d6b", idProduct="0002",
            bDeviceClass="09", bDeviceSubClass="00", bDeviceProtocol="01",
        )  # fmt: skip
        self.link("sys/bus/usb/devices/usb1", hub)
        self.write("sys/bus/usb/devices/1-1.4:1.0")
        self.write("usr/share/misc")
        (self.root / "usr/share/misc/usb.ids").write_text(
            "# comment\n1d50  OpenMoko, Inc.\n\t614e  Klipper 3d-Printer Firmware\n\t614f  Other\n"
            "1d6b  Linux Foundation\n\t0001  1.1 root hub\nC 01  Audio\n"
        )
        found = list_usb(self.root)
        self.assertEqual(broken_promise("[UsbDevice]", found), "")
        self.assertEqual([each["usb_location"] for each in found], ["1:1", "1:4"])
        self.assertEqual((found[0]["class"], found[0]["protocol"]), ("Hub", "Single TT"))
        self.assertEqual(found[0]["description"], "Linux Foundation")
        self.assertIsNone(found[0]["serial"])
        self.assertEqual(
            found[1],
            {
                "device_num": 4, "bus_num": 1, "vendor_id": "1d50", "product_id": "614e",
                "usb_location": "1:4", "manufacturer": "Klipper", "product": "stm32f407xx",
                "serial": "12345", "class": "Communications", "subclass": None, "protocol": None,
                "description": "OpenMoko, Inc. Klipper 3d-Printer Firmware",
            },
        )  # fmt: skip

    def test_serial(self) -> None:
        port = self.board() / "1-1.4:1.0"
        port.mkdir()
        self.link("sys/class/tty/ttyACM0/device", port)
        (port / "driver").symlink_to(self.write("sys/bus/usb/drivers/cdc_acm"))
        (self.root / "dev").mkdir()
        (self.root / "dev/ttyACM0").write_text("")
        self.link("dev/serial/by-id/usb-Klipper_stm32-if00", self.root / "dev/ttyACM0")
        uart = self.write("sys/devices/platform/uart")
        (uart / "driver").symlink_to(self.write("sys/bus/amba/drivers/uart-pl011"))
        self.link("sys/class/tty/ttyAMA0/device", uart)
        self.link("sys/class/tty/ttyS1/device", uart)
        self.write("sys/class/tty/ttyS1", type="0")
        self.write("sys/class/tty/tty1")
        found = {each["device_name"]: each for each in list_serial(self.root)}
        self.assertEqual(set(found), {"ttyACM0", "ttyAMA0"})
        self.assertEqual(broken_promise("{*: SerialDevice}", found), "")
        self.assertEqual(
            found["ttyACM0"],
            {
                "device_type": "usb", "device_path": "/dev/ttyACM0", "device_name": "ttyACM0",
                "driver_name": "cdc_acm", "path_by_hardware": None,
                "path_by_id": "/dev/serial/by-id/usb-Klipper_stm32-if00", "usb_location": "1:4",
            },
        )  # fmt: skip
        self.assertEqual(found["ttyAMA0"]["device_type"], "hardware_uart")
        self.assertEqual(found["ttyAMA0"]["driver_name"], "uart-pl011")

    def test_video(self) -> None:
        for name in ("video0", "video1"):
            self.link(f"sys/class/video4linux/{name}/device", self.board() if name == "video0" else self.root)
            (self.root / "dev").mkdir(exist_ok=True)
            (self.root / "dev" / name).write_text("")
        (self.root / "sys/class/video4linux/video0/name").write_text("UVC Camera\n")
        calls: list[int] = []

        def ioctl(descriptor: int, request: int, data: bytearray) -> None:
            calls.append(descriptor)
            kind = request & 0xFF
            if kind == 0:
                capture = len(set(calls)) == 1 or descriptor == calls[0]
                bits = 0x80000000 | 0x04000001
                struct.pack_into(
                    "=16s32s32sIII", data, 0, b"uvcvideo", b"UVC Camera (046d:0825)", b"usb-1.1",
                    0x06013F, bits, 0x04000001 if capture else 0x0A000000,
                )  # fmt: skip
            elif kind == 2 and struct.unpack_from("=I", data)[0] == 0:
                struct.pack_into("=III32s4s", data, 0, 0, 1, 1, b"Motion-JPEG", b"MJPG")
            elif kind == 74 and struct.unpack_from("=I", data)[0] < 2:
                (index,) = struct.unpack_from("=I", data)
                struct.pack_into("=III", data, 8, 1, 640 * (index + 1), 480 * (index + 1))
            else:
                raise OSError(errno.EINVAL, "no more")

        found = list_video(self.root, ioctl)
        self.assertEqual(broken_promise("[Camera]", found), "")
        self.assertEqual(found[0]["version"], "6.1.63")
        self.assertEqual(found[0]["capabilities"], ["VIDEO_CAPTURE", "STREAMING"])
        self.assertEqual((found[0]["alt_name"], found[0]["usb_location"]), ("UVC Camera", "1:4"))
        self.assertEqual(
            found[0]["modes"],
            [{"format": "MJPG", "description": "Motion-JPEG", "flags": ["COMPRESSED"],
              "resolutions": ["640x480", "1280x960"]}],
        )  # fmt: skip

    def test_nothing_there(self) -> None:
        self.assertEqual((list_usb(self.root), list_serial(self.root), list_video(self.root)), ([], [], []))

    def test_throttled(self) -> None:
        self.assertIsNone(LoadMeter(self.root).sample(1.0, 1.0).throttled)
        self.write("sys/devices/platform/soc/soc:firmware", get_throttled="0")
        meter = LoadMeter(self.root)
        self.assertEqual(meter.sample(1.0, 1.0).throttled, {"bits": 0, "flags": []})
        self.write("sys/devices/platform/soc/soc:firmware", get_throttled="50005")  # read again while open
        state = meter.sample(2.0, 2.0).throttled
        assert state is not None
        self.assertEqual(
            state["flags"],
            [
                "Under-Voltage Detected",
                "Currently Throttled",
                "Previously Under-Volted",
                "Previously Throttled",
            ],
        )


class FakeCan:
    """A bus with three nodes, one of which speaks twice, and noise."""

    def __init__(self, interface: str) -> None:
        self.interface, self.sent, self.closed = interface, b"", False
        self.answers = [
            (0x3F1, b"\x20\x11\xaa\xbb\xcc\xdd\xee\x01"),
            (0x3F1, b"\x20\x11\xaa\xbb\xcc\xdd\xee\x01"),
            (0x100, b"\x20\x00\x00\x00\x00\x00\x00\x01"),
            (0x3F1, b"\x21\x00\x00\x00\x00\x00\x00\x01"),
            (0x3F1, b"\x20\x01\x02\x03\x04\x05\x06\x11"),
            (0x3F1, b"\x20\x01\x02\x03\x04\x05\x07"),
        ]

    def send(self, frame: bytes) -> int:
        self.sent = frame
        return len(frame)

    def recv(self, size: int) -> bytes:
        if not self.answers:
            raise TimeoutError
        identifier, data = self.answers.pop(0)
        return struct.pack("=IB3x8s", identifier, len(data), data)

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def close(self) -> None:
        self.closed = True


class CanTests(SynchronousTestCase):
    """Nodes without an identifier."""

    def test_nodes(self) -> None:
        made: list[FakeCan] = []

        def open_socket(interface: str) -> Any:
            made.append(FakeCan(interface))
            return made[0]

        found = list_unassigned("can0", open_socket)
        promised = methods()["machine.peripherals.canbus"].result
        self.assertEqual(broken_promise(promised, {"can_uuids": found}), "")
        self.assertEqual(
            found,
            [
                {"uuid": "11aabbccddee", "application": "Klipper"},
                {"uuid": "010203040506", "application": "Katapult"},
                {"uuid": "010203040507", "application": "Klipper"},
            ],
        )
        self.assertEqual(made[0].sent[:5], struct.pack("=IB", 0x3F0, 1))
        self.assertTrue(made[0].closed)

    def test_refused(self) -> None:
        def fail(_: str) -> Any:
            raise OSError(errno.ENODEV, "No such device")

        with self.assertRaises(ApiError) as raised:
            list_unassigned("can7", fail)
        self.assertIn("can7", raised.exception.message)
        with self.assertRaises(BadRequest):
            list_unassigned("../can0", fail)
