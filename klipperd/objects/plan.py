"""From a parsed configuration to a checked plan of what to build, in what order.

All sections are read and checked here, before anything is built or any MCU is touched, and all
problems are reported together.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.config.document import ConfigDocument
from klipperd.errors import ConfigError, Problem
from klipperd.objects.catalogue import Catalogue
from klipperd.objects.declare import Identity, Need, PrinterObject
from klipperd.objects.section import read_section, settings_of
from klipperd.objects.values import nearest

__all__ = ["Plan", "Source", "Step", "make_plan"]


@frozen
class Source:
    """Where the argument for one need comes from: steps of the plan, or a service of the host."""

    kind: Any
    steps: tuple["Step", ...] = ()
    every: bool = False
    from_host: bool = False


@define(eq=False, repr=False)
class Step:
    """One object to build: its declaration, identity and checked config, and the steps it needs."""

    declared: PrinterObject
    identity: Identity
    config: Any
    sources: dict[str, Source] = field(factory=dict)

    @property
    def required_steps(self) -> Iterator["Step"]:
        """The steps that must be built before this one."""
        for source in self.sources.values():
            yield from source.steps


@frozen
class Plan:
    """The steps in an order in which each comes after those that it needs."""

    steps: tuple[Step, ...]

    def settings(self) -> dict[str, dict[str, Any]]:
        """Section -> option -> value, lower case, defaults included."""
        own = (step for step in self.steps if not step.declared.internal)
        return {step.identity.section.lower(): settings_of(step.config) for step in own}


def _read_steps(document: ConfigDocument, catalogue: Catalogue, problems: list[Problem]) -> Iterator[Step]:
    served: set[int] = set()
    for section in document.sections.values():
        declared = catalogue.find(section.name)
        if declared is None:
            kinds = [pattern.split()[0].rstrip("#") for pattern in catalogue.patterns()]
            hint = nearest(section.kind, kinds)
            problems.append(Problem(f"unknown section{hint}", section.place, section.name, unknown=True))
            continue
        served.add(id(declared))
        config = read_section(section, declared.config, problems)
        if config is not None:
            yield Step(declared, declared.identity(section.name, section.place), config)
    for declared in catalogue.objects:
        if (declared.always or declared.internal) and id(declared) not in served:
            yield Step(declared, declared.identity(declared.section, None), declared.config())


def _missing_sections(steps: Iterable[Step], document: ConfigDocument) -> Iterator[Problem]:
    present = list(document.sections)
    for step in steps:
        for name in step.declared.requires(step.config):
            if name not in present:
                text = f"needs a section [{name}], which is missing{nearest(name, present)}"
                yield Problem(text, step.identity.place, step.identity.section)


def _reviewed(steps: Iterable[Step], document: ConfigDocument) -> Iterator[Problem]:
    """What sections say of each other."""
    configs = {step.identity.section: step.config for step in steps if not step.declared.internal}
    for step in steps:
        for name, option, text in step.declared.review(step.config, configs):
            section = document.sections.get(name)
            if section is None:
                yield Problem(text, step.identity.place, name, option or None)
                continue
            place = section.options[option].place if option in section.options else section.place
            yield Problem(text, place, name, option or None)


@frozen
class _Resolver:
    """Finds the steps that give the types which another step needs."""

    steps: list[Step]
    services: Iterable[Any]
    document: ConfigDocument

    def resolve(self, step: Step) -> Iterator[Problem]:
        for need in step.declared.needs:
            if need.kind is Identity or need.kind in self.services:
                step.sources[need.parameter] = Source(need.kind, from_host=True)
                continue
            givers = [s for s in self.steps if s is not step and s.declared.gives_a(need.kind)]
            if need.named_by is not None:
                yield from self._by_name(step, need, givers)
                continue
            if not givers and not need.optional and not need.every:
                yield self._absent(step, need)
            chosen = givers if need.every else givers[:1]
            step.sources[need.parameter] = Source(need.kind, tuple(chosen), need.every)

    def _by_name(self, step: Step, need: Need, givers: list[Step]) -> Iterator[Problem]:
        assert need.named_by is not None
        value = settings_of(step.config).get(need.named_by)
        wanted = list(value) if isinstance(value, list) else [value or ""]
        named = {g.identity.name: g for g in givers} | {g.identity.section: g for g in givers}
        found = tuple(named[name] for name in wanted if name in named)
        step.sources[need.parameter] = Source(need.kind, found, need.every)
        missing = [name for name in wanted if name not in named]
        if not missing or (need.optional and not need.every):
            return
        place = step.identity.place
        section = self.document.sections.get(step.identity.section)
        if section is not None and need.named_by in section.options:
            place = section.options[need.named_by].place
        for name in missing:
            text = f"there is no {need.kind.__name__.lower()} named {name!r}{nearest(name, list(named))}"
            yield Problem(text, place, step.identity.section, need.named_by)

    def _absent(self, step: Step, need: Need) -> Problem:
        kind = getattr(need.kind, "__name__", str(need.kind)).lower()
        return Problem(
            f"needs a {kind}, and no section of the configuration gives one",
            step.identity.place,
            step.identity.section,
        )


def _ordered(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    """Depth-first order by needs, and the members of a cycle if there is one."""
    done: list[Step] = []
    state: dict[int, str] = {}
    cycle: list[Step] = []

    def visit(step: Step, path: list[Step]) -> None:
        if state.get(id(step)) == "done":
            return
        if state.get(id(step)) == "open":
            cycle[:] = path[path.index(step) :]
            return
        state[id(step)] = "open"
        for needed in step.required_steps:
            visit(needed, [*path, step])
        state[id(step)] = "done"
        done.append(step)

    for step in steps:
        visit(step, [])
    return done, cycle


def make_plan(
    document: ConfigDocument, catalogue: Catalogue, services: Mapping[Any, Any] | Iterable[Any] = ()
) -> Plan:
    """Check the whole configuration and say what to build.

    C{services} are the types that the host itself supplies to build functions.

    @raise ConfigError: with every problem of every section.
    """
    problems: list[Problem] = []
    steps = list(_read_steps(document, catalogue, problems))
    problems.extend(_missing_sections(steps, document))
    if not problems:
        problems.extend(_reviewed(steps, document))
    if not problems:
        resolver = _Resolver(steps, list(services), document)
        problems.extend(problem for step in steps for problem in resolver.resolve(step))
    ordered, cycle = _ordered(steps)
    if cycle:
        names = " -> ".join(s.identity.section or s.declared.gives.__name__ for s in cycle)
        problems.append(Problem(f"these need each other: {names}"))
    if problems:
        raise ConfigError(problems)
    return Plan(tuple(ordered))
