"""Results of API methods, and notifications, held against what their declarations promise.

L{BrokerTestCase} checks every call that any test makes, over whatever face; a result that differs is an
error in the log, which trial counts as a failure of that test.
"""

import functools
from typing import Any

import jsonschema_rs
import orjson
from twisted.trial.unittest import TestCase

from brokerd import catalog
from brokerd.encoding import encode
from brokerd.notifications import Notification
from brokerd.registry.declare import ApiMethod, Endpoint, declared
from brokerd.registry.exchange import Content
from brokerd.registry.results import component_schemas, result_schema
from brokerd.registry.table import BoundEndpoint, BoundMethod

__all__ = ["broken_promise", "hold_to_declarations", "methods"]

Validator = Any


@functools.cache
def methods() -> dict[str, ApiMethod]:
    """All methods of the broker and its integrations, by name."""
    specs = [spec for component in catalog.every_component() for spec in declared(component)]
    return {spec.name: spec for spec in specs if isinstance(spec, ApiMethod)}


@functools.cache
def _validator(result: str) -> Validator:
    catalog.every_component()  # named types are declared all over the broker
    schema = result_schema(result)
    whole = {**schema, "components": {"schemas": component_schemas(schema)}}
    return jsonschema_rs.Draft202012Validator(whole)


def broken_promise(result: str, value: Any) -> str:
    """Where a value is not of the type C{result}; empty if it is."""
    plain = orjson.loads(encode(value))
    for error in _validator(result).iter_errors(plain):
        return f"{'.'.join(map(str, error.instance_path)) or 'the result'}: {error.message[:300]}"
    return ""


def _check(name: str, result: str, value: Any) -> None:
    broken = broken_promise(result, value)
    if broken:
        raise AssertionError(f"{name} answers something else than it declares: {broken}")


def hold_to_declarations(test: TestCase) -> None:
    """Check all results of methods and endpoints that are called during a test, and all notifications."""
    call, serve = BoundMethod.call, BoundEndpoint.call

    async def checked(self: BoundMethod, *arguments: Any) -> Any:
        value = await call(self, *arguments)
        if self.api.name in methods():  # not those that tests declare
            _check(self.api.name, self.api.result, value)
        return value

    async def checked_endpoint(self: BoundEndpoint, request: Any) -> Any:
        reply = await serve(self, request)
        spec: Endpoint = self.spec
        if isinstance(reply, Content) and spec.result != "bytes":
            _check(spec.http[0].text, spec.result, reply.value)
        return reply

    def checked_message(self: Notification, *params: Any) -> Any:
        if len(params) != len(self.params):
            raise AssertionError(f"{self.name} is sent with {len(params)} parameters, not {len(self.params)}")
        for text, value in zip(self.params, params, strict=True):
            _check(self.name, text, value)
        return message(self, *params)

    message = Notification.message
    test.patch(Notification, "message", checked_message)
    test.patch(BoundMethod, "call", checked)
    test.patch(BoundEndpoint, "call", checked_endpoint)
