"""Any JSON-RPC message gets a well-formed answer or none, and never a traceback."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from brokerd.catalog import COMPONENTS
from brokerd.errors import ApiError, BadRequest
from brokerd.faces.arguments import body_arguments, decode_path, query_arguments
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import ApiMethod, declared
from brokerd.registry.parameters import bind
from brokerd.registry.table import Registry

METHODS = [spec for component in COMPONENTS for spec in declared(component) if isinstance(spec, ApiMethod)]
NAMES = [each.name for each in METHODS]
PARAMETERS = sorted({each.name for spec in METHODS for each in spec.parameters})

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)
arguments = st.dictionaries(st.sampled_from(PARAMETERS) | st.text(), values, max_size=5)
requests = st.fixed_dictionaries(
    {},
    optional={
        "jsonrpc": st.just("2.0") | values,
        "method": st.sampled_from(NAMES) | values,
        "params": arguments | values,
        "id": values,
    },
)
messages = requests | st.lists(requests | values, max_size=4) | values


class _Echo:
    """Serves every declared method: checks its arguments as ever, and gives them back."""

    def __init__(self, spec: ApiMethod) -> None:
        self._spec = spec

    async def call(self, given: dict[str, Any], caller: Caller) -> Any:
        return sorted(bind(self._spec.name, self._spec.parameters, given))


class JsonRpcFuzz(SynchronousTestCase):
    """The text of a message."""

    def setUp(self) -> None:
        registry = Registry()
        registry._methods.update({each.name: _Echo(each) for each in METHODS})  # type: ignore[misc]
        self.rpc = JsonRpc(registry)

    def answer(self, text: bytes) -> Any:
        given = self.successResultOf(self._deferred(text))
        return None if given is None else json.loads(given)

    def _deferred(self, text: bytes) -> Any:
        from twisted.internet.defer import Deferred

        return Deferred.fromCoroutine(self.rpc.answer(text, Caller(Role.ADMIN)))

    def check(self, answer: Any) -> None:
        for each in answer if isinstance(answer, list) else [answer]:
            self.assertEqual(each["jsonrpc"], "2.0")
            self.assertEqual(set(each) - {"result"} - {"error"}, {"jsonrpc", "id"})
            self.assertNotEqual("result" in each, "error" in each)
            if "error" in each:
                self.assertIsInstance(each["error"]["code"], int)
                self.assertNotEqual(each["error"]["code"], -32603, each)
                self.assertNotIn("Traceback", each["error"]["message"])

    @settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
    @given(messages)
    def test_any_message(self, message: Any) -> None:
        answer = self.answer(json.dumps(message).encode())
        if answer is not None:
            self.check(answer)
        elif isinstance(message, dict):
            self.assertTrue("id" not in message or "result" in message or "error" in message)

    @given(st.binary())
    def test_any_bytes(self, text: bytes) -> None:
        answer = self.answer(text)
        if answer is not None:
            self.check(answer)

    def test_deep_and_broken(self) -> None:
        for text in (b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'"\xed\xa0\x80"', b"", b"\0", b"NaN"):
            self.assertEqual(self.answer(text)["error"]["code"], -32700, text[:20])
        deep = (
            b'{"jsonrpc":"2.0","id":1,"method":"server.info","params":{"a":' + b"[" * 900 + b"]" * 900 + b"}}"
        )
        self.assertIn("result", self.answer(deep))


class HttpFuzz(SynchronousTestCase):
    """Paths, query strings, bodies."""

    @given(
        st.binary(),
        st.text(),
        st.sampled_from(["application/json", "application/x-www-form-urlencoded", "x"]),
    )
    def test_any_request(self, raw: bytes, query: str, kind: str) -> None:
        for call in (
            lambda: decode_path(raw),
            lambda: query_arguments(query),
            lambda: query_arguments(raw.decode("latin-1")),
            lambda: body_arguments(kind, raw),
        ):
            try:
                call()
            except ApiError as error:
                self.assertEqual(error.code, BadRequest.code)
