"""Power devices: what all have in common, and those of the machine and of the motion host."""

from typing import Any

from brokerd.integrations import power
from brokerd.integrations.gpio import Pin, parse_pin
from brokerd.integrations.power.lines import pulses

from ..fake_host import FakeHost
from .houses import HouseTestCase


class FakeLine:
    """A line of a chip that is not there."""

    def __init__(self, pin: Pin, active: bool) -> None:
        self.pin, self.levels, self.released = pin, [active], False

    def set(self, active: bool) -> None:
        self.levels.append(active)

    def release(self) -> None:
        self.released = True


class FakeLines:
    def __init__(self, reactor: Any = None) -> None:
        self.lines: dict[int, FakeLine] = {}
        self.active = {18}  # lines that an earlier broker left on

    def output(self, pin: Pin, active: bool | None) -> tuple[FakeLine, bool]:
        if pin.line == 99:
            raise OSError("/dev/gpiochip0 line 99: Device or resource busy")
        state = pin.line in self.active if active is None else active
        line = self.lines[pin.line] = FakeLine(pin, state)
        return line, state


class PowerTestCase(HouseTestCase):
    def prepare(self) -> None:
        self.lines = FakeLines()
        self.patch(power, "GpiodLines", lambda reactor: self.lines)
        super().prepare()

    async def state(self, name: str = "printer") -> str:
        """The state that is known, without asking the device."""
        devices = (await self.call("machine.device_power.devices"))["devices"]
        return next(str(each["status"]) for each in devices if each["device"] == name)

    async def begun(self, name: str = "printer") -> None:
        async def known() -> bool:
            return await self.state(name) != "init"

        while not await known():
            await self.until(lambda: True)


class CommonTests(PowerTestCase):
    configuration = """
[power printer]
type: gpio
pin: !gpiochip1/gpio26
initial_state: off
off_when_shutdown: True
on_when_job_queued: True
locked_while_printing: True
restart_klipper_when_powered: True
restart_delay: 0
bound_services: camera
[power led]
type: gpio
pin: gpio17
initial_state: on
timer: 0.02
[power kept]
type: gpio
pin: gpio18
[power busy]
type: gpio
pin: gpio99
[power broken]
type: gpoi
pin: gpio1
[power plug]
type: tasmota
[power bound]
type: gpio
pin: gpio3
bound_services: moonraker
"""

    def test_devices(self) -> Any:
        return self.async_test(self._devices())

    async def _devices(self) -> None:
        await self.begun("led")
        await self.begun("busy")
        devices = (await self.get("/machine/device_power/devices")).json["result"]["devices"]
        described = {"device": "printer", "status": "off", "locked_while_printing": True, "type": "gpio"}
        self.assertEqual(devices[0], described)
        self.assertEqual([each["device"] for each in devices], ["printer", "led", "kept", "busy"])
        self.assertEqual([each["status"] for each in devices[2:]], ["on", "error"])
        self.assertEqual(self.lines.lines[26].pin, Pin("/dev/gpiochip1", 26, inverted=True))
        warnings = (await self.call("server.info"))["warnings"]
        self.assertIn("must be one of gpio, klipper_device, rf,", warnings[0])
        self.assertIn("not 'gpoi'; did you mean 'gpio'?", warnings[0])
        self.assertIn("[power plug] needs the option 'address'", warnings[1])
        self.assertIn("can't be bound", warnings[2])

    def test_switching(self) -> Any:
        return self.async_test(self._switching())

    async def _switching(self) -> None:
        devices = self.house.built["power"][0]._devices.values()
        await self.until(lambda: all(each.state != "init" for each in devices))
        client = await self.socket()
        await client.ask("server.info")
        changed = client.expect("notify_power_changed")
        answer = await self.post("/machine/device_power/device", {"device": "printer", "action": "on"})
        self.assertEqual(answer.json, {"result": {"printer": "on"}})
        self.assertEqual((await changed)[0]["status"], "on")
        self.assertEqual(self.lines.lines[26].levels[-1], True)
        answer = await self.post("/machine/device_power/off?printer&led")
        self.assertEqual(answer.json, {"result": {"printer": "off", "led": "off"}})
        answer = await self.get("/machine/device_power/status?printer&led&token=")
        self.assertEqual(answer.json, {"result": {"printer": "off", "led": "off"}})
        toggled = await self.call("machine.device_power.post_device", device="printer", action="toggle")
        self.assertEqual(toggled, {"printer": "on"})

    def test_refusals(self) -> Any:
        return self.async_test(self._refusals())

    async def _refusals(self) -> None:
        missing = await self.get("/machine/device_power/device?device=pinter")
        self.assertEqual(missing.code, 404)
        self.assertEqual(
            missing.json["error"]["message"], "there is no power device 'pinter'; did you mean 'printer'?"
        )
        self.assertEqual((await self.post("/machine/device_power/on")).code, 400)
        wrong = await self.post("/machine/device_power/device", {"device": "printer", "action": "maybe"})
        self.assertEqual(wrong.code, 400)
        broken = await self.post("/machine/device_power/on?busy")
        self.assertEqual(broken.code, 500)
        self.assertEqual(broken.json["error"]["message"], "the power device 'busy': there is no GPIO line")

    def test_locked_while_printing(self) -> Any:
        return self.async_test(self._locked())

    async def _locked(self) -> None:
        self.fake.change("print_stats", state="printing", filename="a.gcode")
        await self.until(lambda: self.parts.jobs.printing)
        answer = await self.post("/machine/device_power/on?printer")
        self.assertEqual(answer.code, 403)
        self.fake.call_remote("set_device_power", device="printer", state="on", force=True)
        await self.until(lambda: self.lines.lines[26].levels[-1])
        self.assertEqual((await self.post("/machine/device_power/on?led")).code, 200)

    def test_timer(self) -> Any:
        return self.async_test(self._timer())

    async def _timer(self) -> None:
        await self.begun("led")
        await self.until(lambda: self.lines.lines[17].levels == [True, False])
        self.assertEqual(await self.state("led"), "off")

    def test_shutdown_and_restart(self) -> Any:
        return self.async_test(self._shutdown())

    async def _shutdown(self) -> None:
        await self.call("machine.device_power.on", printer=None)
        await self.until(lambda: not self.parts.chores._running)
        self.fake.change("webhooks", state="shutdown", state_message="MCU lost")
        await self.until(lambda: self.lines.lines[26].levels[-1] is False)
        self.assertEqual(self.fake.asked("gcode/firmware_restart"), [])
        # Power comes back: the host, still in shutdown, is restarted; one that is ready is not.
        await self.call("machine.device_power.on", printer=None)
        await self.until(lambda: self.fake.asked("gcode/firmware_restart"))

    def test_restart_waits_for_the_host(self) -> Any:
        return self.async_test(self._waits())

    async def _waits(self) -> None:
        self.link.disconnect()
        await self.call("machine.device_power.on", printer=None)
        self.fake.objects["webhooks"].update(state="error", state_message="no MCU")
        self.link.connect()
        await self.until(lambda: self.fake.asked("gcode/firmware_restart"))
        self.assertEqual(len(self.fake.asked("gcode/firmware_restart")), 1)

    def test_job_queued(self) -> Any:
        return self.async_test(self._queued())

    async def _queued(self) -> None:
        await self.begun()
        await self.upload("a.gcode", b"G28\n")
        await self.call("server.job_queue.post_job", filenames=["a.gcode"])
        await self.until(lambda: self.lines.lines[26].levels[-1])

    def test_services(self) -> Any:
        return self.async_test(self._services())

    async def _services(self) -> None:
        await self.begun()
        asked: list[tuple[str, str]] = []

        async def call(method: str, **arguments: Any) -> Any:
            asked.append((method, arguments["service"]))

        self.patch(self.house, "call", call)
        devices = self.house.built["power"][0]
        await devices.on({"printer": None})
        await devices.off({"printer": None})
        self.assertEqual(asked, [("machine.services.start", "camera"), ("machine.services.stop", "camera")])

    def test_lines_are_released(self) -> Any:
        return self.async_test(self._released())

    async def _released(self) -> None:
        await self.begun("led")
        await self.house.stopService()
        self.assertTrue(all(each.released for each in self.lines.lines.values()))

    def test_pins(self) -> None:
        self.assertEqual(parse_pin("^!gpio5"), Pin("/dev/gpiochip0", 5, True, "up"))
        self.assertEqual(parse_pin("~gpiochip2/gpio5"), Pin("/dev/gpiochip2", 5, False, "down"))
        for wrong in ("", "5", "^~gpio5", "!!gpio5", "gpio", "gpio5x"):
            self.assertRaises(ValueError, parse_pin, wrong)


class KlipperTests(PowerTestCase):
    configuration = """
[power pin]
type: klipper_device
object_name: output_pin fan
restrict_action_processing: False
bound_services: camera
[power flare]
type: klipper_device
object_name: gcode_macro SET_FLARE
[power later]
type: klipper_device
object_name: output_pin later
initial_state: on
[power wrong]
type: klipper_device
object_name: heater bed
[power unsafe]
type: klipper_device
object_name: output_pin x
off_when_shutdown: True
"""

    def prepare(self) -> None:
        self.fake.objects["output_pin fan"] = {"value": 0.0}
        self.fake.objects["gcode_macro SET_FLARE"] = {"value": 1}
        self.fake.objects["output_pin later"] = {"value": 0}
        host = self.fake

        async def script(_: Any, client: Any, params: Any) -> Any:
            words = params["script"].split()
            pin = words[1].removeprefix("PIN=")
            name = f"output_pin {pin}" if words[0] == "SET_PIN" else f"gcode_macro {words[0]}"
            host.change(name, value=float(words[-1].partition("=")[2]))
            scripts.append(params["script"])
            return {}

        scripts = self.scripts = []
        self.patch(FakeHost, "do_gcode_script", script)
        super().prepare()

    def test_switching(self) -> Any:
        return self.async_test(self._switching())

    async def _switching(self) -> None:
        await self.begun("pin")
        await self.begun("flare")
        await self.until(lambda: self.fake.objects["output_pin later"]["value"])
        self.assertEqual((await self.state("pin"), await self.state("flare")), ("off", "on"))
        self.assertEqual(await self.call("machine.device_power.on", pin=None), {"pin": "on"})
        self.assertEqual(await self.call("machine.device_power.off", flare=None), {"flare": "off"})
        # The initial state was made so once the host was there.
        later, *others = self.scripts
        self.assertEqual(later, "SET_PIN PIN=later VALUE=1")
        self.assertEqual(others, ["SET_PIN PIN=fan VALUE=1", "SET_FLARE VALUE=0"])
        self.link.disconnect()
        self.assertEqual(await self.state("pin"), "init")
        answer = await self.rpc("machine.device_power.on", pin=None)
        self.assertIn("not ready", answer["error"]["message"])
        self.assertEqual(len(self.house.warnings), 2)

    def test_switched_by_somebody_else(self) -> Any:
        return self.async_test(self._external())

    async def _external(self) -> None:
        await self.begun("pin")
        asked: list[str] = []

        async def call(method: str, **arguments: Any) -> Any:
            asked.append(method)

        self.patch(self.house, "call", call)
        self.fake.change("output_pin fan", value=0.3)
        await self.until(lambda: asked)
        self.assertEqual(asked, ["machine.services.start"])


class RfTests(PowerTestCase):
    configuration = """
[power radio]
type: rf
pin: gpio4
on_code: 10
off_code: 01
pulse_length: 0.00005
repeat: 2
[power wrong]
type: rf
pin: gpio4
on_code: 12
off_code: 01
"""

    def test_code(self) -> Any:
        return self.async_test(self._code())

    async def _code(self) -> None:
        await self.begun("radio")
        self.assertEqual(await self.call("machine.device_power.on", radio=None), {"radio": "on"})
        # Low before; then two transmissions of two symbols and the pause, each high then low.
        self.assertEqual(self.lines.lines[4].levels, [False] + [True, False] * 3 * 2)
        self.assertEqual(pulses("10"), [(3, 1), (1, 3), (1, 31)])
        self.assertIn("a binary code such as 1011, not '12'", self.house.warnings[0])
