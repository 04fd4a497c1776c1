"""Buttons at lines of a chip that is not there: the seam is L{brokerd.integrations.gpio.GpioLines}."""

import os
from collections.abc import Callable
from typing import Any

import gpiod
from gpiod.line import Bias, Direction, Edge, Value
from twisted.internet import reactor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from brokerd.integrations import buttons
from brokerd.integrations.buttons import Button, ButtonConfig
from brokerd.integrations.gpio import GpiodLines, parse_pin
from brokerd.templates import Template

from .houses import HouseTestCase


class FakeInput:
    def __init__(self, changed: Callable[[bool], None]) -> None:
        self.changed, self.active, self.released = changed, False, False

    def read(self) -> bool:
        return self.active

    def release(self) -> None:
        self.released = True

    def set(self, active: bool) -> None:
        self.active = active
        self.changed(active)


class FakeLines:
    def __init__(self) -> None:
        self.inputs: dict[int, FakeInput] = {}

    def watched_input(self, pin: Any, changed: Callable[[bool], None]) -> FakeInput:
        if pin.line == 99:
            raise OSError("/dev/gpiochip0 line 99: Device or resource busy")
        self.inputs[pin.line] = FakeInput(changed)
        return self.inputs[pin.line]


class DebounceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.lines, self.events = Clock(), FakeLines(), []
        config = ButtonConfig(
            pin=parse_pin("gpio1"), on_press=Template("x"), on_release=Template("x"), minimum_event_time=0.2
        )
        self.button = Button("b", config, self.clock, lambda *event: self.events.append(event[2]))
        self.button.start(self.lines)
        self.line = self.lines.inputs[1]

    def _shown(self) -> list[tuple[bool, float]]:
        return [(each["pressed"], round(each["elapsed_time"], 3)) for each in self.events]

    def test_bounces_are_one_event(self) -> None:
        self.clock.advance(10.0)
        for active in (True, False, True, False, True):
            self.line.set(active)
            self.clock.advance(0.01)
        self.assertEqual(self.events, [])
        self.clock.advance(0.05)
        self.assertEqual(self._shown(), [(True, 10.0)])

    def test_glitch_is_none(self) -> None:
        self.line.set(True)
        self.line.set(False)
        self.clock.advance(1.0)
        self.assertEqual(self.events, [])

    def test_short_events_count_for_nothing(self) -> None:
        self.clock.advance(1.0)
        for active, pause in ((True, 0.1), (False, 1.0), (True, 0.5), (False, 0.5)):
            self.line.set(active)
            self.clock.advance(pause)
        self.assertEqual(self._shown(), [(True, 1.0), (True, 1.0), (False, 0.5)])


class ButtonTests(HouseTestCase):
    configuration = """
[button estop]
pin: gpio26
debounce_period: 0.01
on_press:
  {% do call_method("printer.emergency_stop") %}
[button double]
pin: ^!gpiochip0/gpio27
debounce_period: 0.01
on_press:
  {% do user_data.__setitem__("count", user_data.count|default(0) + 1) %}
  {% set status = call_method("printer.objects.query", objects={"print_stats": ["state"]}) %}
  {% do send_notification({"count": user_data.count, "state": status.status.print_stats.state}) %}
on_release:
  {% do call_method("no.such.method") %}
[button none]
pin: gpio5
[button busy]
pin: gpio99
on_press: x
"""

    def prepare(self) -> None:
        self.lines = FakeLines()
        self.patch(buttons, "GpiodLines", lambda reactor: self.lines)

    def test_templates(self) -> Any:
        return self.async_test(self._templates())

    async def _templates(self) -> None:
        client = await self.socket()
        await client.ask("server.info")
        event = client.expect("notify_button_event")
        self.lines.inputs[27].set(True)
        (told,) = await event
        self.assertEqual((told["name"], told["type"], told["aux"]["count"]), ("double", "gpio", 1))
        self.assertEqual((told["aux"]["state"], told["event"]["pressed"]), ("standby", True))
        self.assertGreaterEqual(told["event"]["render_time"], told["event"]["received_time"])
        self.lines.inputs[27].set(False)  # its template fails, and the button goes on
        self.lines.inputs[26].set(True)
        await self.until(lambda: self.fake.asked("emergency_stop"))
        info = await self.call("server.info")
        self.assertIn("button", info["components"])
        self.assertIn("one of the options 'on_press' and 'on_release' is needed", info["warnings"][0])
        self.assertIn("[button busy]: no GPIO line", info["warnings"][1])
        await self.house.stopService()
        self.assertTrue(self.lines.inputs[26].released)


class GpiodTests(SynchronousTestCase):
    """Our use of libgpiod's own types; the kernel's part is a pipe."""

    def setUp(self) -> None:
        self.requests: list[Any] = []
        self.ours, self.theirs = os.pipe()
        self.addCleanup(os.close, self.ours)
        self.addCleanup(os.close, self.theirs)
        test = self

        class Request:
            fd = test.ours
            value = Value.INACTIVE

            def __init__(self, chip: str, consumer: str, config: dict[int, gpiod.LineSettings]) -> None:
                self.chip, self.config, self.released = chip, config, False

            def set_value(self, line: int, value: Value) -> None:
                self.value = value

            def get_value(self, line: int) -> Value:
                return self.value

            def reconfigure_lines(self, config: dict[int, gpiod.LineSettings]) -> None:
                self.changed = config

            def release(self) -> None:
                self.released = True

        def request(chip: str, consumer: str, config: dict[int, gpiod.LineSettings]) -> Request:
            if chip == "/dev/gpiochip9":
                raise FileNotFoundError(2, "No such file or directory")
            self.requests.append(Request(chip, consumer, config))
            return self.requests[-1]

        self.patch(gpiod, "request_lines", request)

    def test_output(self) -> None:
        output, active = GpiodLines(reactor).output(parse_pin("!gpiochip1/gpio7"), True)
        self.assertTrue(active)
        settings = self.requests[0].config[7]
        self.assertEqual((settings.direction, settings.output_value), (Direction.OUTPUT, Value.ACTIVE))
        self.assertTrue(settings.active_low)
        output.set(False)
        self.assertEqual(self.requests[0].value, Value.INACTIVE)
        output.release()
        self.assertTrue(self.requests[0].released)

    def test_output_as_it_was(self) -> None:
        output, active = GpiodLines(reactor).output(parse_pin("gpio7"), None)
        self.assertEqual(self.requests[0].config[7].direction, Direction.AS_IS)
        settings = self.requests[0].changed[7]
        self.assertEqual((settings.direction, settings.output_value), (Direction.OUTPUT, Value.INACTIVE))
        self.assertFalse(active)
        output.release()

    def test_input(self) -> None:
        watched = GpiodLines(reactor).watched_input(parse_pin("^gpio3"), lambda active: None)
        settings = self.requests[0].config[3]
        self.assertEqual((settings.direction, settings.edge_detection), (Direction.INPUT, Edge.BOTH))
        self.assertEqual(settings.bias, Bias.PULL_UP)
        self.assertFalse(watched.read())
        watched.release()

    def test_no_chip(self) -> None:
        error = self.assertRaises(OSError, GpiodLines(reactor).output, parse_pin("gpiochip9/gpio1"), False)
        self.assertEqual(str(error), "/dev/gpiochip9 line 1: No such file or directory")
