"""JSON-RPC 2.0, without a transport."""

import json
from typing import Any, ClassVar

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from brokerd.errors import NotFound, StorageFull
from brokerd.faces.jsonrpc import JsonRpc
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import method
from brokerd.registry.table import Registry


class Things:
    component: ClassVar[str] = "things"

    @method("echo", result="any")
    async def echo(self, value: Any = None) -> Any:
        """Say it again."""
        return value

    @method("missing", result="null")
    async def missing(self) -> Any:
        """Not there."""
        raise NotFound("no such thing")

    @method("full", result="null")
    async def full(self) -> Any:
        """No room."""
        raise StorageFull("no room")

    @method("broken", result="null")
    async def broken(self) -> Any:
        """A fault."""
        raise ZeroDivisionError("secret")

    @method("strange", result="any")
    async def strange(self) -> Any:
        """A fault of another kind."""
        return object()


class JsonRpcTests(SynchronousTestCase):
    """Answers to all kinds of requests."""

    def setUp(self) -> None:
        registry = Registry()
        registry.add(Things())
        self.rpc = JsonRpc(registry)

    def raw(self, text: bytes, role: Role = Role.ADMIN) -> Any:
        answer = self.successResultOf(Deferred.fromCoroutine(self.rpc.answer(text, Caller(role))))
        return None if answer is None else json.loads(answer)

    def ask(self, method: Any, number: Any = 1, **rest: Any) -> Any:
        return self.raw(json.dumps({"jsonrpc": "2.0", "method": method, "id": number, **rest}).encode())

    def code(self, answer: Any) -> Any:
        self.assertEqual(set(answer), {"jsonrpc", "error", "id"})
        self.assertEqual(set(answer["error"]), {"code", "message"})
        return answer["error"]["code"]

    def test_result(self) -> None:
        for number in (0, 1, "a", 1.5, None):
            answer = self.ask("echo", number, params={"value": [1]})
            self.assertEqual(answer, {"jsonrpc": "2.0", "result": [1], "id": number})

    def test_errors(self) -> None:
        self.assertEqual(self.code(self.raw(b"{bad")), -32700)
        self.assertEqual(self.code(self.raw(b"\xff\xfe")), -32700)
        self.assertEqual(self.code(self.raw(b"5")), -32600)
        self.assertEqual(self.code(self.raw(b'{"method": "echo", "id": 1}')), -32600)
        self.assertEqual(self.code(self.ask(5)), -32600)
        self.assertEqual(self.code(self.ask("nothing")), -32601)
        self.assertEqual(self.code(self.ask("missing")), -32601)
        self.assertEqual(self.code(self.ask("echo", params=[1])), -32602)
        self.assertEqual(self.code(self.ask("full")), 507)
        self.assertEqual(self.code(self.raw(b'{"jsonrpc":"2.0","method":"echo","id":1}', Role.ANYONE)), 401)

    def test_faults_stay_inside(self) -> None:
        for name, fault in (("broken", ZeroDivisionError), ("strange", TypeError)):
            answer = self.ask(name)
            self.assertEqual(self.code(answer), -32603)
            self.assertNotIn("secret", str(answer))
            self.assertEqual(len(self.flushLoggedErrors(fault)), 1)

    def test_notifications_are_not_answered(self) -> None:
        for text in (b'{"jsonrpc":"2.0","method":"echo"}', b'{"jsonrpc":"2.0","method":"nothing"}'):
            self.assertIsNone(self.raw(text))
        self.assertIsNone(self.raw(b'{"jsonrpc":"2.0","result":5,"id":9}'))

    def test_batch(self) -> None:
        batch = [
            {"jsonrpc": "2.0", "method": "echo", "params": {"value": 1}, "id": 0},
            {"jsonrpc": "2.0", "method": "echo"},
            1,
            {"jsonrpc": "2.0", "method": "nothing", "id": "x"},
        ]
        answers = self.raw(json.dumps(batch).encode())
        self.assertEqual([each["id"] for each in answers], [0, None, "x"])
        self.assertEqual([("error" in each) for each in answers], [False, True, True])
        self.assertIsNone(self.raw(b'[{"jsonrpc":"2.0","method":"echo"}]'))
        self.assertEqual(self.code(self.raw(b"[]")), -32600)
        self.assertEqual(self.code(self.raw(b"[" + b"1," * 200 + b"1]")), -32600)

    @given(st.binary(max_size=200))
    def test_any_bytes(self, text: bytes) -> None:
        self.raw(text)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["jsonrpc", "method", "id", "params", "value", "2.0"]), inner
                )
            ),
            max_leaves=8,
        )
    )
    def test_any_json(self, content: Any) -> None:
        answer = self.raw(json.dumps(content).encode())
        for each in answer if isinstance(answer, list) else [answer]:
            if each is not None:
                self.assertEqual(each["jsonrpc"], "2.0")
                self.assertEqual(len({"result", "error"} & set(each)), 1)
