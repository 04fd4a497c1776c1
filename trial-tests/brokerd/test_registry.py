"""The registry: declarations, typed parameters, routes, and what is generated from them."""

from typing import Annotated, Any, ClassVar, Literal

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from brokerd import catalog
from brokerd.errors import ApiError, BadRequest, Forbidden, NotFound, Unauthorized
from brokerd.registry.caller import Caller, Role
from brokerd.registry.declare import ApiMethod, declared, endpoint, form, method
from brokerd.registry.exchange import Content, HttpRequest
from brokerd.registry.parameters import bind, parameter_type, signature_parameters
from brokerd.registry.reference import openapi
from brokerd.registry.served import served_by
from brokerd.registry.table import BoundMethod, Registry

ADMIN = Caller(Role.ADMIN, trusted=True)


class Lamp:
    component: ClassVar[str] = "lamp"

    @method("lamp.set", "POST /lamp/set", form("GET /lamp/{room}/{name}"), result="[any]")
    async def set_lamp(
        self,
        caller: Caller,
        name: Annotated[str, "which one"],
        level: Annotated[float, "0 to 1"] = 1.0,
        colour: Literal["red", "blue"] | None = None,
        tags: list[int] | None = None,
        on: bool = True,
        room: str = "",
    ) -> Any:
        """Set a lamp.

        More about it.
        """
        return [caller.role.name, name, level, colour, tags, on, room]

    @method("lamp.open", "GET /lamp/open", result='"open"', permission=Role.ANYONE)
    async def open_lamps(self) -> str:
        """Everybody may see this."""
        return "open"

    @method("lamp.follow", result='"followed"', persistent=True)
    async def follow(self) -> str:
        """For connections that stay."""
        return "followed"

    @endpoint("GET /lamp/picture/{file}", result="{file: str}")
    async def picture(self, request: HttpRequest) -> Content:
        """A picture."""
        return Content(request.values)


def result_of(test: SynchronousTestCase, coroutine: Any) -> Any:
    return test.successResultOf(Deferred.fromCoroutine(coroutine))


class ParameterTests(SynchronousTestCase):
    """Conversion of values, from JSON and from query strings."""

    def test_accepted(self) -> None:
        for annotation, value, expected in (
            (int, 5, 5),
            (int, "5", 5),
            (int, 5.0, 5),
            (int, "-3", -3),
            (float, "1.5", 1.5),
            (float, 2, 2.0),
            (bool, True, True),
            (bool, "true", True),
            (bool, "False", False),
            (bool, 0, False),
            (str, "", ""),
            (list[str], "a, b", ["a", "b"]),
            (list[int], ["1", 2], [1, 2]),
            (list[str], '["a,b"]', ["a,b"]),
            (dict[str, Any], '{"a": 1}', {"a": 1}),
            (Any, None, None),
            (int | None, None, None),
            (str | list[str], ["a"], ["a"]),
            (Literal["x", 1], 1, 1),
        ):
            self.assertEqual(parameter_type(annotation).convert(value), expected, (annotation, value))

    def test_refused(self) -> None:
        for annotation, value in (
            (int, "5.5"),
            (int, 1.5),
            (int, True),
            (int, None),
            (int, "1e999"),
            (int, [1]),
            (float, "x"),
            (float, {}),
            (bool, "maybe"),
            (bool, 2),
            (str, 5),
            (list[int], ["x"]),
            (list[str], 5),
            (dict[str, Any], "[1]"),
            (dict[str, Any], "{"),
            (Literal["x"], "y"),
            (int | None, "x"),
        ):
            with self.assertRaises(ValueError, msg=(annotation, value)):
                parameter_type(annotation).convert(value)

    def test_no_json_form_is_a_fault_of_the_declaration(self) -> None:
        with self.assertRaises(TypeError):
            parameter_type(bytes)

    def test_message_names_all(self) -> None:
        parameters, caller = signature_parameters(Lamp.set_lamp)
        self.assertEqual(caller, "caller")
        with self.assertRaises(BadRequest) as raised:
            bind("lamp.set", parameters, {"name": "a", "level": "bright"})
        self.assertEqual(
            raised.exception.message, "lamp.set: argument 'level' must be a number, not 'bright'"
        )
        with self.assertRaises(BadRequest) as raised:
            bind("lamp.set", parameters, {})
        self.assertEqual(raised.exception.message, "lamp.set: no argument 'name'")

    def test_unknown_names_are_ignored_and_null_is_the_default(self) -> None:
        parameters, _ = signature_parameters(Lamp.set_lamp)
        self.assertEqual(bind("m", parameters, {"name": "a", "what": 1, "level": None}), {"name": "a"})

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        )
    )
    def test_any_value_is_converted_or_refused(self, value: Any) -> None:
        for annotation in (int, float, bool, str, list[int], dict[str, Any], int | None, Literal["a"]):
            try:
                parameter_type(annotation).convert(value)
            except ValueError as error:
                self.assertTrue(str(error))


class CallTests(SynchronousTestCase):
    """Calls by name."""

    def setUp(self) -> None:
        self.registry = Registry()
        self.registry.add(Lamp())

    def call(self, method_name: str, caller: Caller = ADMIN, **arguments: Any) -> Any:
        return result_of(self, self.registry.call(method_name, arguments, caller))

    def refusal(self, name: str, caller: Caller) -> Any:
        failure = self.failureResultOf(
            Deferred.fromCoroutine(self.registry.call(name, {"name": "a"}, caller))
        )
        return failure.value

    def test_call(self) -> None:
        answer = self.call("lamp.set", name="a", level="0.5", colour="red", tags="1,2", on="no")
        self.assertEqual(answer, ["ADMIN", "a", 0.5, "red", [1, 2], False, ""])

    def test_permission(self) -> None:
        self.assertIsInstance(self.refusal("lamp.set", Caller(Role.ANYONE)), Unauthorized)
        self.assertIsInstance(self.refusal("lamp.set", Caller(Role.VIEWER)), Forbidden)
        self.assertEqual(self.call("lamp.open", Caller(Role.ANYONE)), "open")

    def test_lasting_connection(self) -> None:
        self.assertIsInstance(self.refusal("lamp.follow", ADMIN), NotFound)

    def test_unknown(self) -> None:
        self.assertIsInstance(self.refusal("lamp.burn", ADMIN), NotFound)

    def test_declared_twice(self) -> None:
        with self.assertRaises(ValueError):
            self.registry.add(Lamp())

    def test_undocumented(self) -> None:
        async def nothing(self: Any) -> None:
            pass

        with self.assertRaises(TypeError):
            method("x", result="")(nothing)


class RouteTests(SynchronousTestCase):
    """HTTP forms."""

    def setUp(self) -> None:
        self.registry = Registry()
        self.registry.add(Lamp())

    def test_literal_before_pattern(self) -> None:
        target = self.registry.route("GET", "/lamp/open").target
        assert isinstance(target, BoundMethod)
        self.assertEqual(target.api.name, "lamp.open")

    def test_pattern_takes_the_rest(self) -> None:
        self.assertEqual(
            self.registry.route("GET", "/lamp/hall/big/one").values, {"room": "hall", "name": "big/one"}
        )

    def test_longer_literal_part_wins(self) -> None:
        self.assertEqual(self.registry.route("GET", "/lamp/picture/a.png").values, {"file": "a.png"})

    def test_wrong_verb(self) -> None:
        with self.assertRaises(ApiError) as raised:
            self.registry.route("DELETE", "/lamp/set")
        self.assertEqual(raised.exception.code, 405)
        self.assertIn("POST", raised.exception.message)

    def test_nothing(self) -> None:
        for path in ("/", "/lamp", "/lamp/hall/", "/other"):
            with self.assertRaises(NotFound):
                self.registry.route("GET", path)


class CatalogTests(SynchronousTestCase):
    """What the whole broker declares."""

    def test_every_declaration_is_documented(self) -> None:
        for component in catalog.COMPONENTS:
            for spec in declared(component):
                self.assertTrue(spec.doc.endswith("."), spec)
                self.assertTrue(spec.result, spec)

    def test_names_and_forms_are_unique(self) -> None:
        served = catalog.served()
        self.assertEqual(len(set(served.rpc)), len(served.rpc))
        self.assertEqual(len(set(served.http)), len(served.http))
        self.assertIn("server.files.delete_file", served.rpc)
        self.assertIn("DELETE /server/files/{root}/{filename}", served.http)
        self.assertIn("notify_status_update", catalog.notifications())

    def test_what_browsers_need_to_start(self) -> None:
        needed = """server.connection.identify server.info server.config machine.system_info
            machine.proc_stats server.database.list server.job_queue.status server.history.list
            server.announcements.list server.files.get_directory server.webcams.list server.gcode_store
            server.temperature_store printer.objects.list printer.objects.subscribe"""
        self.assertEqual(set(needed.split()) - set(catalog.served().rpc), set())

    def test_openapi(self) -> None:
        document = openapi((Lamp,))
        operation = document["paths"]["/lamp/set"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(schema["required"], ["name"])
        self.assertEqual(
            schema["properties"]["tags"]["anyOf"][0], {"type": "array", "items": {"type": "integer"}}
        )
        self.assertEqual(operation["summary"], "Set a lamp.")
        self.assertEqual(served_by((Lamp,)).http[0], "GET /lamp/open")

    def test_each_openapi_operation_of_the_broker_is_sound(self) -> None:
        for path, verbs in openapi(catalog.COMPONENTS)["paths"].items():
            for verb, operation in verbs.items():
                self.assertIn(verb, ("get", "post", "delete"))
                names = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
                self.assertEqual(names, [part[1:-1] for part in path.split("/") if part.startswith("{")])

    def test_methods_are_found_by_class(self) -> None:
        names = [spec.name for spec in declared(Lamp) if isinstance(spec, ApiMethod)]
        self.assertEqual(names, ["lamp.set", "lamp.open", "lamp.follow"])
