"""Any device with an HTTP interface: templates make the request and read the response."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from brokerd.http_client import HttpAnswer, HttpClient, HttpFailure
from brokerd.integrations.power.config import HttpPower
from brokerd.integrations.power.device import SwitchFailed
from brokerd.templates import TemplateError

__all__ = ["HttpSwitch", "TemplateRequest", "TemplateResponse"]

log = Logger()


@define(eq=False, repr=False)
class TemplateResponse:
    """A response, with the names that templates know."""

    _answer: HttpAnswer

    def json(self) -> Any:
        """The body's value."""
        return self._answer.json()

    def has_error(self) -> bool:
        """Whether the status is an error."""
        return self._answer.failed

    def raise_for_status(self, message: str | None = None) -> None:
        """@raise HttpFailure: if the status is an error."""
        if self._answer.failed and message:
            raise HttpFailure(message, self._answer.status)
        self._answer.check()

    @property
    def text(self) -> str:
        """The body."""
        return self._answer.text

    @property
    def content(self) -> bytes:
        """The body."""
        return self._answer.content

    @property
    def url(self) -> str:
        """What was asked for."""
        return self._answer.url

    @property
    def final_url(self) -> str:
        """What answered."""
        return self._answer.final_url

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, in lower case."""
        return self._answer.headers

    @property
    def status_code(self) -> int:
        """The status."""
        return self._answer.status


@define(eq=False, repr=False)
class TemplateRequest:
    """A request that a template may change before it is sent."""

    _http: HttpClient
    _default_url: str
    _url: str = field(init=False)
    _method: str = field(init=False, default="GET")
    _body: Any = field(init=False, default=None)
    _headers: dict[str, str] = field(init=False, factory=dict)
    _last: TemplateResponse | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._url = self._default_url

    def set_method(self, method: str) -> None:
        """GET, POST, PUT, ..."""
        self._method = method

    def set_url(self, url: str) -> None:
        """Another URL."""
        self._url = url

    def set_body(self, body: Any) -> None:
        """A text, or a list or mapping that is sent as JSON."""
        self._body = body

    def add_header(self, name: str, value: str) -> None:
        """One more header."""
        self._headers[name] = str(value)

    def set_headers(self, headers: Mapping[str, str]) -> None:
        """These headers and no others."""
        self._headers = {name: str(value) for name, value in headers.items()}

    def reset(self) -> None:
        """As at the beginning."""
        self._url, self._method, self._body, self._headers = self._default_url, "GET", None, {}

    def last_response(self) -> TemplateResponse | None:
        """The last response, if there was one."""
        return self._last

    async def send(self, **_: Any) -> TemplateResponse:
        """Send it.

        @raise HttpFailure: if there is no response.
        """
        answer = await self._http.request(self._method, self._url, headers=self._headers, body=self._body)
        self._last = TemplateResponse(answer)
        return self._last


@define(eq=False, repr=False)
class HttpSwitch:
    """One such device."""

    _config: HttpPower
    _http: HttpClient
    _clock: Any

    async def start(self, changed: Callable[[bool | None], None]) -> None:
        """There is nothing to begin."""

    def stop(self) -> None:
        """No connection is kept here."""

    async def read(self) -> bool | None:
        return await self._run("status")

    async def write(self, on: bool) -> bool:
        return await self._run("on" if on else "off")

    async def _run(self, command: str) -> bool:
        try:
            return await self._execute(command)
        except TemplateError as error:
            raise SwitchFailed(f"the template for {command!r} failed: {error}") from None
        except HttpFailure as error:
            raise SwitchFailed(str(error)) from None

    async def _execute(self, command: str) -> bool:
        config = self._config
        urls = {
            "on": _one_line(config.on_url.render()),
            "off": _one_line(config.off_url.render()),
            "status": _one_line(config.status_url.render()),
        }
        request = TemplateRequest(self._http, urls[command])
        context = {
            "command": command,
            "http_request": request,
            "urls": urls,
            "async_sleep": self._sleep,
            "log_debug": lambda text, *_: log.debug("{text}", text=text),
        }
        if config.request_template is not None:
            await config.request_template.fill(**context)
        else:
            await request.send()
        last = request.last_response()
        if last is None:
            raise SwitchFailed("the request_template sent nothing")
        last.raise_for_status()
        state = (await config.response_template.fill(**context)).strip().lower()
        if state not in ("on", "off"):
            raise SwitchFailed(f"the response_template gave {state[:40]!r}, neither on nor off")
        return state == "on"

    def _sleep(self, seconds: float) -> Deferred[None]:
        return deferLater(self._clock, min(float(seconds), 30.0), lambda: None)


def _one_line(text: str) -> str:
    """A URL, which a template may have written over several lines."""
    return "".join(text.split())
