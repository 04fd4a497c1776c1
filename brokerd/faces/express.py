"""The short way for the requests that come most: a whole GET in one piece, for an API method.

::

    idle --fits--> answered at once --> idle
      |               | the method waits for something
      |               +--> busy (what comes is held) --answer--> idle
      | does not fit
      +--> Twisted's parser, and L{brokerd.faces.http_exchange}

What is asked and answered is the same either way; C{test_express} compares them.
"""

import time
from collections.abc import Coroutine, Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.http import RESPONSES

from brokerd.encoding import encode
from brokerd.errors import ApiError
from brokerd.faces.arguments import query_arguments
from brokerd.faces.http_services import HttpServices
from brokerd.faces.jsonrpc import fault
from brokerd.faces.straight import write_straight

if TYPE_CHECKING:
    from brokerd.faces.http import BrokerChannel

__all__ = ["Express", "http_date", "plain_headers"]

_END = b"\r\n\r\n"
_HELD = 64 * 1024
# Headers that ask for more than a plain answer.
_OTHER = frozenset(
    {"content-length", "transfer-encoding", "upgrade", "expect", "origin", "cookie2", "trailer"}
)
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_HEAD = (
    b"HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n"
)
_date = (0, b"")


def http_date() -> bytes:
    """The C{Date} header's value, now."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = now, formatdate(now, usegmt=True).encode()
    return _date[1]


def plain_headers(block: bytes) -> Mapping[str, str] | None:
    """The headers in a block of lines, by lower-case names; None if they are not plain.

    Plain headers are well-formed, one line and one value each, and ask for nothing that L{Express} can't do.
    """
    headers: dict[str, str] = {}
    if b"\0" in block:
        return None
    for line in block.split(b"\r\n") if block else ():
        raw, colon, value = line.partition(b":")
        name = raw.lower()
        if not colon or not name or not _NAME.issuperset(name) or b"\r" in value or b"\n" in value:
            return None
        text = name.decode("latin-1")
        if text in headers or text in _OTHER:
            return None
        headers[text] = value.strip(b" \t").decode("latin-1")
    return None if headers.get("connection", "keep-alive").lower() != "keep-alive" else headers


@define(eq=False, repr=False)
class Express:
    """Serves one connection.

    @ivar busy: whether a request waits for its answer; then all that comes belongs to L{hold}.
    """

    _channel: "BrokerChannel"
    _services: HttpServices
    busy: bool = field(init=False, default=False)
    _held: list[bytes] = field(init=False, factory=list)
    _block: bytes = field(init=False, default=b"\0")
    _headers: Mapping[str, str] = field(init=False, factory=dict)

    def take(self, data: bytes) -> bool:
        """Serve a request if it fits; False if it is not ours, and nothing has happened."""
        if data[:4] != b"GET " or data.find(_END) != len(data) - 4 or len(data) > 8192:
            return False
        line, _, block = data[:-4].partition(b"\r\n")
        uri = line[4:-9]
        if line[-9:] != b" HTTP/1.1" or b" " in uri:
            return False
        path, _, query = uri.partition(b"?")
        services = self._services
        if path.startswith(b"/printers/"):
            site, path = self._channel.site.of_printer(path)
            services = site.services
        served = services.registry.quick.get(path)
        if served is None or not self._know(block):
            return False
        method, form = served
        try:
            arguments = query_arguments(query.decode("latin-1")) if query else {}
            token = str(arguments.pop("token", "") or "") if arguments else ""
            caller = services.gate.caller(self._channel.peer_address, self._headers, token)
            if form.arguments is not None:
                arguments = dict(form.arguments(arguments))
            self._begin(method.call(arguments, caller), path)
        except ApiError as error:
            self._refuse(error)
        return True

    def _know(self, block: bytes) -> bool:
        """Read the headers; a client that stays sends the same ones each time."""
        if block == self._block:
            return True
        headers = plain_headers(block)
        if headers is None:
            return False
        self._block, self._headers = block, headers
        return True

    def _begin(self, work: Coroutine[Any, Any, Any], path: bytes) -> None:
        try:
            work.send(None)
        except StopIteration as done:
            self._answer(done.value, path)
        except ApiError:
            raise
        except Exception:
            self._refuse(ApiError(fault(f"GET {path.decode('latin-1')}")))
        else:
            self.busy = True
            self._channel.setTimeout(None)
            self._services.chores.spawn(self._finish(work, path), "answering a request")

    async def _finish(self, work: Coroutine[Any, Any, Any], path: bytes) -> None:
        """See a method through that had to wait."""
        try:
            self._answer(await Deferred.fromCoroutine(work), path)
        except ApiError as error:
            self._refuse(error)
        except CancelledError:
            raise  # the broker stops
        except Exception:
            self._refuse(ApiError(fault(f"GET {path.decode('latin-1')}")))
        self.busy = False
        held, self._held = self._held, []
        self._channel.go_on(b"".join(held))

    def hold(self, data: bytes) -> None:
        """Keep what comes while a request waits for its answer."""
        self._held.append(data)
        if sum(map(len, self._held)) > _HELD:
            self._channel.transport.pauseProducing()

    def _answer(self, result: Any, path: bytes) -> None:
        try:
            content = encode({"result": result})
        except TypeError:
            self._refuse(ApiError(fault(f"GET {path.decode('latin-1')}")))
            return
        self._send(b"200 OK", content)

    def _refuse(self, error: ApiError) -> None:
        reason = RESPONSES.get(error.code, b"Error")
        content = encode({"error": {"code": error.code, "message": error.message}})
        self._send(b"%d %s" % (error.code, reason), content)

    def _send(self, status: bytes, content: bytes) -> None:
        transport = self._channel.transport
        if transport is None:
            return  # gone
        write_straight(transport, _HEAD % (status, http_date(), len(content)) + content)
