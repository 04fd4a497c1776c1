"""JSON-RPC 2.0, without any transport: a text in, an answer text out."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.logger import Logger

from brokerd.encoding import decode, encode
from brokerd.errors import ApiError
from brokerd.registry.caller import Caller, Connection
from brokerd.registry.table import Registry

__all__ = ["JsonRpc", "fault"]

log = Logger()

_PARSE_ERROR = -32700
_INVALID_REQUEST = -32600
_NO_METHOD = -32601
_INVALID_PARAMS = -32602
_INTERNAL_ERROR = -32603
_LARGEST_BATCH = 100


def fault(what: str) -> str:
    """Log the exception that is being handled; returns a sentence without its details for the caller."""
    number = uuid4().hex[:8]
    log.failure("fault {number} in {what}", number=number, what=what)
    return f"internal error {number}, see the log"


def _error(code: int, message: str, number: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": number}


@define(eq=False, repr=False)
class JsonRpc:
    """Answers requests out of a registry.

    @ivar on_answer: told of a client's answer to a request that was sent to it.
    """

    _registry: Registry
    on_answer: Callable[[Connection, Mapping[str, Any]], None] | None = field(init=False, default=None)

    async def answer(self, text: bytes | str, caller: Caller) -> bytes | None:
        """The answer to a request or a batch; None if nothing is to be answered."""
        try:
            content = decode(text)
        except ValueError:
            return encode(_error(_PARSE_ERROR, "Parse error", None))
        if isinstance(content, list):
            answer: Any = await self._batch(content, caller)
        else:
            answer = await self._one(content, caller)
        return None if answer is None else self._encoded(answer)

    def _encoded(self, answer: Any) -> bytes:
        try:
            return encode(answer)
        except TypeError:
            message = fault("encoding an answer")
            number = answer.get("id") if isinstance(answer, dict) else None
            return encode(_error(_INTERNAL_ERROR, message, number))

    async def _batch(self, requests: list[Any], caller: Caller) -> Any:
        if not requests or len(requests) > _LARGEST_BATCH:
            return _error(_INVALID_REQUEST, f"a batch has 1 to {_LARGEST_BATCH} requests", None)
        running = [Deferred.fromCoroutine(self._one(each, caller)) for each in requests]
        answers = await gatherResults(running)
        return [each for each in answers if each is not None] or None

    async def _one(self, request: Any, caller: Caller) -> dict[str, Any] | None:
        if not isinstance(request, dict):
            return _error(_INVALID_REQUEST, "Invalid Request", None)
        number = request.get("id")
        name, params = request.get("method"), request.get("params")
        if request.get("jsonrpc") != "2.0" or not isinstance(name, str):
            if "method" not in request and ("result" in request or "error" in request):
                self._answered(request, caller)
                return None
            return _error(_INVALID_REQUEST, "Invalid Request", number)
        if not isinstance(params or {}, dict):
            answer = _error(_INVALID_PARAMS, "Invalid params: arguments are given by name", number)
        else:
            answer = await self._call(name, params or {}, caller, number)
        return answer if "id" in request else None

    def _answered(self, message: Mapping[str, Any], caller: Caller) -> None:
        if caller.connection is not None and self.on_answer is not None:
            self.on_answer(caller.connection, message)

    async def _call(
        self, name: str, params: Mapping[str, Any], caller: Caller, number: Any
    ) -> dict[str, Any]:
        method = self._registry.find(name)
        if method is None:
            return _error(_NO_METHOD, "Method not found", number)
        try:
            result = await method.call(params, caller)
        except ApiError as error:
            return _error(_NO_METHOD if error.code == 404 else error.code, error.message, number)
        except CancelledError:
            raise  # the broker stops
        except Exception:
            return _error(_INTERNAL_ERROR, fault(name), number)
        return {"jsonrpc": "2.0", "result": result, "id": number}
