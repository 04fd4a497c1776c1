"""Build the objects of a plan, and call their life-cycle hooks in order.

Hooks, all optional, in the order in which they run:
  C{async prepare()}    right after the object is built, before those that need it (an MCU identifies itself)
  C{async connect()}    after all are built, in order of building (an MCU is configured; drivers are set up)
  C{ready()}            the host is ready
  C{shutdown(reason)}   the host has shut down: let go of everything that moves or heats; must not raise
  C{async restart_firmware()}  before closing, when a restart of the firmware was asked for (MCUs)
  C{async close()}      the host goes away or restarts, in reverse order: cancel all that was started
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field
from twisted.logger import Logger

from klipperd.errors import ConfigError, Problem
from klipperd.objects.declare import Identity
from klipperd.objects.plan import Plan, Source, Step

__all__ = ["Built", "build_plan"]

_log = Logger()


@define(repr=False)
class Built:
    """The built objects by section name, in order of building; internal ones by their status name."""

    objects: dict[str, Any] = field(factory=dict)
    plan: Plan = field(default=Plan(()))

    def with_status(self) -> dict[str, Any]:
        """Status name -> object, for those that have a status."""
        return {name: o for name, o in self.objects.items() if hasattr(o, "status")}

    async def connect(self) -> None:
        """Run the C{connect} hooks."""
        for made in self.objects.values():
            if hasattr(made, "connect"):
                await made.connect()

    def ready(self) -> None:
        """Run the C{ready} hooks."""
        for made in self.objects.values():
            if hasattr(made, "ready"):
                made.ready()

    def shutdown(self, reason: str) -> None:
        """Run the C{shutdown} hooks; one that fails is logged and does not stop the others."""
        for name, made in self.objects.items():
            if hasattr(made, "shutdown"):
                try:
                    made.shutdown(reason)
                except Exception:
                    _log.failure("[{name}] failed to shut down", name=name)

    async def restart_firmware(self) -> None:
        """Run the C{restart_firmware} hooks; one that fails is logged and does not stop the others."""
        for name, made in self.objects.items():
            if hasattr(made, "restart_firmware"):
                try:
                    await made.restart_firmware()
                except Exception:
                    _log.failure("[{name}] failed to restart its firmware", name=name)

    async def close(self) -> None:
        """Run the C{close} hooks in reverse order; one that fails is logged and does not stop the others."""
        for name, made in reversed(self.objects.items()):
            if hasattr(made, "close"):
                try:
                    await made.close()
                except Exception:
                    _log.failure("[{name}] failed to close", name=name)


@define(repr=False)
class _Builder:
    built: Built
    services: Mapping[Any, Any]
    made: dict[int, Any] = field(factory=dict)
    problems: list[Problem] = field(factory=list)

    async def add(self, step: Step) -> None:
        if any(id(needed) not in self.made for needed in step.required_steps):
            return  # what it needs has failed and is reported already
        arguments = {name: self._argument(step, source) for name, source in step.sources.items()}
        try:
            made = step.declared.build(step.config, **arguments)
            self.built.objects[step.identity.section] = made
            if hasattr(made, "prepare"):
                await made.prepare()
        except ConfigError as error:
            self.problems.extend(_located(problem, step) for problem in error.problems)
        else:
            self.made[id(step)] = made

    def _argument(self, step: Step, source: Source) -> Any:
        if source.from_host:
            return step.identity if source.kind is Identity else self.services[source.kind]
        parts = [needed.declared.part(self.made[id(needed)], source.kind) for needed in source.steps]
        if source.every:
            return parts
        return parts[0] if parts else None


def _located(problem: Problem, step: Step) -> Problem:
    """Say which section it was about where the one who found out only knew the value."""
    if problem.section is not None or step.declared.internal:
        return problem
    return evolve(problem, section=step.identity.section, place=problem.place or step.identity.place)


async def build_plan(plan: Plan, services: Mapping[Any, Any], into: Built) -> None:
    """Build every step of the plan into C{into}, which the caller closes whatever happens.

    @raise ConfigError: with the problems of all build functions, after building what could be built.
    """
    into.plan = plan
    builder = _Builder(into, services)
    for step in plan.steps:
        await builder.add(step)
    if builder.problems:
        raise ConfigError(builder.problems)
