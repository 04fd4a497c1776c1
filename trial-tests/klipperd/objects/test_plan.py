"""Declarations lead to typed values, to messages that help, and to an order of building."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from klipperd.config.document import ConfigDocument, parse_text
from klipperd.config.reference import json_schema, markdown_reference
from klipperd.errors import ConfigError, Problem
from klipperd.objects import (
    Identity,
    Named,
    Pin,
    PrinterObject,
    choose,
    group,
    option,
    options_named,
    status_field,
)
from klipperd.objects.build import Built, build_plan
from klipperd.objects.catalogue import Catalogue, load_catalogue
from klipperd.objects.plan import Plan, make_plan


@frozen
class Sensor:
    kind: str


@frozen
class PidConfig:
    pid_kp: float = option(doc="gain", above=0.0)


@frozen
class BangConfig:
    max_delta: float = option(2.0, doc="hysteresis", unit="C")


@frozen(kw_only=True)
class SensorConfig:
    sensor_type: str = option(doc="type")


@frozen(kw_only=True)
class HeaterConfig:
    """A heater."""

    heater_pin: Pin = option(doc="its pin")
    max_power: float = option(1.0, above=0.0, maximum=1.0, doc="duty at most")
    offsets: tuple[float, ...] = option((), doc="numbers")
    mode: Literal["auto", "manual"] = option("auto", doc="mode")
    control: PidConfig | BangConfig = choose(
        "control", {"pid": PidConfig, "watermark": BangConfig}, doc="how"
    )
    sensor: SensorConfig = group()
    variables: Mapping[str, str] = options_named("variable_", doc="any")

    def check(self) -> Iterator[tuple[str, str]]:
        if len(self.offsets) == 1:
            yield "offsets", "one offset makes no sense"


@frozen
class HeaterStatus:
    temperature: float = status_field(doc="C")


class Heater:
    def __init__(self, config: HeaterConfig, identity: Identity) -> None:
        self.config, self.identity = config, identity
        self.sensor = Sensor(config.sensor.sensor_type)

    def status(self, eventtime: float) -> HeaterStatus:
        return HeaterStatus(20.0)


def build_heater(config: HeaterConfig, identity: Identity) -> Heater:
    return Heater(config, identity)


@frozen
class FanConfig:
    heater: str = option("bed", doc="which heater")


@frozen
class Fan:
    heater: Heater


def build_fan(config: FanConfig, heater: Annotated[Heater, Named("heater")]) -> Fan:
    return Fan(heater)


@frozen
class FansConfig:
    heaters: tuple[str, ...] = option((), doc="which heaters")


def build_fans(config: FansConfig, heaters: Annotated[Sequence[Heater], Named("heaters")]) -> list[Heater]:
    return list(heaters)


@frozen
class Nothing:
    pass


@frozen
class Summary:
    heaters: Sequence[Heater]
    fan: Fan | None
    sensors: Sequence[Sensor]


def _build_plain(config: Nothing) -> Nothing:
    return config


def _build_needy(config: FanConfig) -> Nothing:
    return Nothing()


def build_summary(
    config: Nothing, heaters: Sequence[Heater], fan: Fan | None, sensors: Sequence[Sensor]
) -> Summary:
    return Summary(heaters, fan, sensors)


HEATER = PrinterObject("heater *", HeaterConfig, build_heater, parts={Sensor: "sensor"})
FAN = PrinterObject("fan", FanConfig, build_fan)
SUMMARY = PrinterObject("summary", Nothing, build_summary, internal=True)
CATALOGUE = Catalogue((SUMMARY, FAN, HEATER))
GOOD = "[fan]\n[heater bed]\nheater_pin: PA1\ncontrol: pid\npid_kp: 3\nsensor_type: x\nvariable_a: 1\n"


def plan_of(text: str, catalogue: Catalogue = CATALOGUE) -> Plan:
    document = ConfigDocument("printer.cfg")
    problems: list[Problem] = []
    parse_text(text, "printer.cfg", document, problems, lambda pattern, place: None)
    assert not problems
    return make_plan(document, catalogue)


class PlanTests(SynchronousTestCase):
    def problems(self, text: str) -> list[str]:
        return [str(p) for p in self.assertRaises(ConfigError, plan_of, text).problems]

    def build(self, plan: Plan) -> Built:
        built = Built()
        coroutine = build_plan(plan, {}, built)
        self.assertRaises(StopIteration, coroutine.send, None)
        return built

    def test_objects_get_typed_values_and_each_other(self) -> None:
        built = self.build(plan_of(GOOD))
        self.assertEqual(list(built.objects), ["heater bed", "fan", "summary"])
        heater, summary = built.objects["heater bed"], built.objects["summary"]
        self.assertEqual(heater.identity.name, "bed")
        self.assertEqual(heater.config.control, PidConfig(3.0))
        self.assertEqual(heater.config.variables, {"a": "1"})
        self.assertEqual(heater.config.heater_pin.place.line, 3)
        self.assertIs(built.objects["fan"].heater, heater)
        self.assertEqual((summary.heaters, summary.sensors), ([heater], [Sensor("x")]))
        self.assertEqual(list(built.with_status()), ["heater bed"])

    def test_settings_show_defaults_in_lower_case(self) -> None:
        settings = plan_of(
            GOOD.replace("heater bed", "heater Bed").replace("[fan]", "[fan]\nheater: Bed")
        ).settings()
        self.assertEqual(
            settings["heater bed"],
            {
                "heater_pin": "PA1", "max_power": 1.0, "offsets": [], "mode": "auto", "control": "pid",
                "pid_kp": 3.0, "sensor_type": "x", "variable_a": "1",
            },
        )  # fmt: skip

    def test_every_problem_is_reported_at_once_with_place_and_hint(self) -> None:
        self.assertEqual(
            self.problems(
                "[fna]\n[heater bed]\nheater_pim: PA1\nmax_power: 1.5\nmode: autp\noffsets: 1, x\n"
                "control: pid\npid_kp: 0\nsensor_type: x\n"
            ),
            [
                "printer.cfg:1: [fna]: unknown section; did you mean 'fan'?",
                "printer.cfg:3: [heater bed] heater_pin: is missing; is it misspelt as 'heater_pim'?",
                "printer.cfg:4: [heater bed] max_power: 1.5 is above the maximum of 1",
                "printer.cfg:6: [heater bed] offsets: 'x' is not a number",
                "printer.cfg:5: [heater bed] mode: 'autp' is none of auto, manual; did you mean 'auto'?",
                "printer.cfg:8: [heater bed] pid_kp: 0 must be above 0",
            ],
        )

    def test_unknown_options_and_cross_checks(self) -> None:
        self.assertEqual(
            self.problems(GOOD + "max_powr: 1\noffsets: 1\n"),
            [
                "printer.cfg:9: [heater bed] offsets: one offset makes no sense",
                "printer.cfg:8: [heater bed] max_powr: unknown option; did you mean 'max_power'?",
            ],
        )

    def test_options_of_another_choice_are_unknown(self) -> None:
        self.assertEqual(
            self.problems(GOOD + "max_delta: 1\n"),
            ["printer.cfg:8: [heater bed] max_delta: unknown option"],
        )

    def test_a_name_that_nobody_has(self) -> None:
        self.assertEqual(
            self.problems(GOOD.replace("[fan]", "[fan]\nheater: bde")),
            ["printer.cfg:2: [fan] heater: there is no heater named 'bde'; did you mean 'bed'?"],
        )

    def test_a_list_of_names(self) -> None:
        fans = PrinterObject("fans", FansConfig, build_fans)
        catalogue = Catalogue((*CATALOGUE.objects, fans))
        built = self.build(plan_of(GOOD + "[fans]\nheaters: bed\n", catalogue))
        self.assertEqual(built.objects["fans"], [built.objects["heater bed"]])
        error = self.assertRaises(ConfigError, plan_of, GOOD + "[fans]\nheaters: bed, bde\n", catalogue)
        self.assertIn("[fans] heaters: there is no heater named 'bde'; did you mean 'bed'?", str(error))

    def test_objects_that_need_each_other(self) -> None:
        class A: ...

        class B: ...

        def build_a(config: Nothing, b: B) -> A:
            return A()

        def build_b(config: Nothing, a: A) -> B:
            return B()

        build_a.__annotations__.update({"b": B, "return": A})
        build_b.__annotations__.update({"a": A, "return": B})
        catalogue = Catalogue((PrinterObject("a", Nothing, build_a), PrinterObject("b", Nothing, build_b)))
        error = self.assertRaises(ConfigError, plan_of, "[a]\n[b]\n", catalogue)
        self.assertIn("need each other", str(error))

    def test_missing_needs_and_required_sections(self) -> None:
        def build(config: Nothing, fan: Fan) -> Sensor:
            return Sensor("x")

        declared = PrinterObject("thing", Nothing, build)
        error = self.assertRaises(ConfigError, plan_of, "[thing]\n", Catalogue((declared, SUMMARY)))
        self.assertEqual(
            str(error), "printer.cfg:1: [thing]: needs a fan, and no section of the configuration gives one"
        )

    def test_sections_that_a_configuration_requires(self) -> None:
        declared = PrinterObject("printer", FanConfig, _build_needy, requires=lambda config: [config.heater])
        text = "[printer]\nheater: stepper_x\n[stepper_y]\n"
        catalogue = Catalogue((declared, PrinterObject("stepper_y", Nothing, _build_plain)))
        error = self.assertRaises(ConfigError, plan_of, text, catalogue)
        self.assertEqual(
            str(error),
            "printer.cfg:1: [printer]: needs a section [stepper_x], which is missing; "
            "did you mean 'stepper_y'?",
        )


class PatternTests(SynchronousTestCase):
    def matches(self, pattern: str, *names: str) -> list[str]:
        def build(config: Nothing) -> Nothing:
            return config

        declared = PrinterObject(pattern, Nothing, build)
        return [name for name in names if declared.matches(name)]

    def test_patterns(self) -> None:
        self.assertEqual(self.matches("fan", "fan", "fan x", "fans"), ["fan"])
        self.assertEqual(self.matches("heater_fan *", "heater_fan", "heater_fan a b"), ["heater_fan a b"])
        self.assertEqual(
            self.matches("extruder#", "extruder", "extruder1", "extruder0", "extruderx"),
            ["extruder", "extruder1"],
        )
        self.assertEqual(self.matches("stepper_z##", "stepper_z", "stepper_z1", "stepper_z12"),
                         ["stepper_z1", "stepper_z12"])  # fmt: skip


class ReferenceTests(SynchronousTestCase):
    def test_reference_and_schema_come_from_the_declarations(self) -> None:
        text = markdown_reference(CATALOGUE)
        self.assertIn("| `max_power` | number > 0, <= 1 | `1.0` | duty at most |", text)
        self.assertIn("| `pid_kp` | number > 0 | required | gain (control: pid) |", text)
        heater = json_schema(CATALOGUE)["patternProperties"]["^heater .+$"]
        self.assertEqual(heater["properties"]["max_power"]["exclusiveMinimum"], 0.0)
        self.assertEqual(heater["properties"]["mode"]["enum"], ["auto", "manual"])
        self.assertEqual(heater["required"], ["heater_pin"])

    def test_all_own_objects_load(self) -> None:
        catalogue = load_catalogue()
        names = [(o.internal, o.section) for o in catalogue.objects]
        self.assertEqual(len(names), len(set(names)), "two declarations serve one section")
        for declared in catalogue.objects:
            declared.commands(), declared.remotes(), declared.status_fields()
        markdown_reference(catalogue)
        json_schema(catalogue)
