"""C{[button NAME]}: what happens when somebody presses a button at a GPIO line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from brokerd.errors import ApiError
from brokerd.integrations.gpio import GpiodLines, GpioLines, Input, Pin, parse_pin
from brokerd.integrations.house import House
from brokerd.notifications import notification
from brokerd.options import option, section
from brokerd.templates import Template, TemplateError

__all__ = ["COMPONENTS", "build"]

log = Logger()

BUTTON_EVENT = notification(
    "notify_button_event",
    "a button's template says so",
    params=("{name: str, type: str, event: {*: any}, aux: any}",),
)

COMPONENTS = ()


@frozen(kw_only=True)
class ButtonConfig:
    """C{[button NAME]}."""

    type: Literal["gpio"] = option("gpio", doc="kind of button")
    pin: Pin = option(convert=parse_pin, doc="the line that the button is at")
    debounce_period: float = option(0.05, minimum=0.01, doc="how long the line must be steady (s)")
    minimum_event_time: float = option(0.0, minimum=0.0, doc="shorter events than this count for nothing (s)")
    on_press: Template | None = option(None, doc="template that runs when it is pressed")
    on_release: Template | None = option(None, doc="template that runs when it is released")

    def __attrs_post_init__(self) -> None:
        if self.on_press is None and self.on_release is None:
            raise ValueError("one of the options 'on_press' and 'on_release' is needed")


section("button", ButtonConfig, named=True, optional=True, lenient=True)


@define(eq=False, repr=False)
class Button:
    """One button.

    @ivar _event: runs a template for an event.
    """

    name: str
    config: ButtonConfig
    _clock: IReactorTime
    _event: Callable[["Button", Template, Mapping[str, Any]], None]
    user_data: dict[str, Any] = field(init=False, factory=dict)
    lock: DeferredLock = field(init=False, factory=DeferredLock)
    _line: Input | None = field(init=False, default=None)
    _pressed: bool = field(init=False, default=False)
    _since: float = field(init=False, default=0.0)
    _steady: IDelayedCall | None = field(init=False, default=None)

    def start(self, lines: GpioLines) -> None:
        """@raise OSError: if the line can't be had."""
        self._line = lines.watched_input(self.config.pin, self._edge)
        self._pressed, self._since = self._line.read(), self._clock.seconds()

    def stop(self) -> None:
        """Watch the line no longer."""
        if self._steady is not None and self._steady.active():
            self._steady.cancel()
        line, self._line = self._line, None
        if line is not None:
            line.release()

    def _edge(self, active: bool) -> None:
        """The line changed; it counts once it is steady."""
        if self._steady is not None and self._steady.active():
            self._steady.reset(self.config.debounce_period)
        else:
            received = self._clock.seconds()
            self._steady = self._clock.callLater(self.config.debounce_period, self._settled, received)

    def _settled(self, received: float) -> None:
        if self._line is None:
            return
        pressed = self._line.read()
        if pressed == self._pressed:
            return
        elapsed = received - self._since
        self._pressed, self._since = pressed, received
        if elapsed < self.config.minimum_event_time:
            return
        template = self.config.on_press if pressed else self.config.on_release
        if template is not None:
            event = {"elapsed_time": elapsed, "received_time": received, "pressed": pressed}
            self._event(self, template, event)


@define(eq=False, repr=False, slots=False)
class _Buttons(Service):
    """All buttons, from start to stop."""

    component: ClassVar[str] = "button"
    _house: House
    _lines: GpioLines
    _buttons: list[Button] = field(init=False, factory=list)

    def add(self, name: str, config: ButtonConfig) -> None:
        """One more, before the start."""
        self._buttons.append(Button(name, config, self._house.parts.reactor, self._event))

    def startService(self) -> None:
        super().startService()
        for each in self._buttons:
            try:
                each.start(self._lines)
            except (OSError, ImportError) as error:
                self._house.warn(f"button {each.name}", f"[button {each.name}]: no GPIO line: {error}")

    def stopService(self) -> None:
        super().stopService()
        for each in self._buttons:
            each.stop()

    def _event(self, button: Button, template: Template, event: Mapping[str, Any]) -> None:
        self._house.parts.chores.spawn(self._run(button, template, event), f"button {button.name}")

    async def _run(self, button: Button, template: Template, event: Mapping[str, Any]) -> None:
        """Run a template; events of one button wait for each other."""
        await button.lock.acquire()
        shown = {**event, "render_time": self._house.parts.reactor.seconds()}

        def send_notification(result: Any = None) -> str:
            content = {"name": button.name, "type": button.config.type, "event": shown, "aux": result}
            self._house.parts.broadcaster.send(BUTTON_EVENT, content)
            return ""

        try:
            await template.fill(
                call_method=self._call,
                send_notification=send_notification,
                event=shown,
                user_data=button.user_data,
            )
        except TemplateError as error:
            log.warn("[button {name}]: {error}", name=button.name, error=error)
        except ApiError as error:
            log.warn("[button {name}]: {error}", name=button.name, error=error.message)
        finally:
            button.lock.release()

    async def _call(self, method_name: str, /, **arguments: Any) -> Any:
        return await self._house.call(method_name, **arguments)


def build(house: House) -> Iterable[object]:
    """All buttons that are configured and right."""
    configured = house.parts.settings.sections.named(ButtonConfig)
    if not configured:
        return
    buttons = _Buttons(house, GpiodLines(house.parts.reactor))
    for name, config in configured.items():
        buttons.add(name, config)
    yield buttons
