"""The one table of G-code commands: name -> what serves it.

Commands come from methods marked L{klipperd.objects.command} and from macros. Several objects may
serve one name when the command declares a parameter that picks among them (C{mux}).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import define, field, frozen

from klipperd.errors import CommandError, ConfigError
from klipperd.gcode.errors import MalformedGcode
from klipperd.objects.call import Call, Command, bound_arguments, commands_of
from klipperd.objects.values import nearest

__all__ = ["CommandTable", "Entry", "Run"]

Run = Callable[[Any], Awaitable[None]]
"""What serves a command: an async function of the L{Call}."""


@frozen
class _Served:
    """One object that serves a command with C{mux}."""

    name: str
    server: object
    run: Run


@define(eq=False, repr=False)
class Entry:
    """One command of the table."""

    name: str
    doc: str
    server: object
    run: Run
    when_not_ready: bool = False
    immediate: bool = False


@define(eq=False, repr=False)
class _Muxed:
    """Picks one of several objects by the value of a parameter."""

    spec: Command
    served: dict[str, _Served] = field(factory=dict)

    async def run(self, call: Call) -> None:
        await self._pick(call).run(call)

    def _pick(self, call: Call) -> _Served:
        assert self.spec.mux is not None
        wanted = call.params.get(self.spec.mux.upper())
        if wanted is None:
            return self._default()
        found = self.served.get(wanted.lower())
        if found is None:
            known = [s.name for s in self.served.values()]
            hint = nearest(wanted, known) or f" (there is: {', '.join(known)})"
            parameter = f"{self.spec.name} {self.spec.mux}"
            raise CommandError(f"The value '{wanted}' is not valid for {parameter}{hint}")
        return found

    def _default(self) -> _Served:
        default = (s for s in self.served.values() if getattr(s.server, "mux_default", False))
        found = next(default, None) if self.spec.mux_optional else None
        if found is None:
            raise CommandError(f"{self.spec.name}: {self.spec.mux} is missing")
        return found


def _bind(server: object, spec: Command) -> Run:
    """The method that serves C{spec}, called with its parameters converted."""
    method: Callable[..., Awaitable[None]] = getattr(server, spec.method)
    if not spec.parameters:
        return method

    async def run(call: Call) -> None:
        try:
            arguments = bound_arguments(spec, call.params)
        except CommandError as error:
            raise MalformedGcode(str(error)) from None
        await method(call, **arguments)

    return run


@define(eq=False, repr=False)
class CommandTable:
    """The commands on offer by upper-case name."""

    _entries: dict[str, Entry] = field(factory=dict)
    _docs: Mapping[str, str] | None = None

    def find(self, name: str) -> Entry | None:
        """The entry of an upper-case name."""
        return self._entries.get(name)

    def docs(self) -> Mapping[str, str]:
        """Name -> documentation, by name; the same object until the table changes."""
        if self._docs is None:
            self._docs = {name: self._entries[name].doc for name in sorted(self._entries)}
        return self._docs

    def add(self, server: object, name: str) -> None:
        """Offer all commands of C{server}; C{name} is its value in parameters that pick an object.

        @raise ConfigError: when another object has one of the names.
        """
        for spec in commands_of(type(server)):
            run = _bind(server, spec)
            if spec.mux is None:
                self._put(Entry(spec.name, spec.doc, server, run, spec.when_not_ready, spec.immediate))
            else:
                self._put_muxed(spec, _Served(name, server, run))

    def _put(self, entry: Entry) -> None:
        if entry.name in self._entries:
            raise ConfigError.single(f"G-code command {entry.name} is served twice")
        self._entries[entry.name] = entry
        self._docs = None

    def _put_muxed(self, spec: Command, served: _Served) -> None:
        entry = self._entries.get(spec.name)
        if entry is None:
            muxed = _Muxed(spec)
            entry = Entry(spec.name, spec.doc, muxed, muxed.run, spec.when_not_ready, spec.immediate)
            self._put(entry)
        if not isinstance(entry.server, _Muxed) or served.name.lower() in entry.server.served:
            raise ConfigError.single(f"G-code command {spec.name} {spec.mux}={served.name} is served twice")
        entry.server.served[served.name.lower()] = served

    def remove(self, server: object) -> None:
        """Take back all commands of C{server}, under whatever name they are now."""
        self._docs = None
        for name, entry in list(self._entries.items()):
            if isinstance(entry.server, _Muxed):
                served = entry.server.served
                for key in [k for k, s in served.items() if s.server is server]:
                    del served[key]
                gone = not served
            else:
                gone = entry.server is server
            if gone:
                del self._entries[name]

    def override(self, entry: Entry, rename_existing: str | None) -> Callable[[], None]:
        """Put C{entry} in place, keeping what had its name under C{rename_existing}; the result undoes it.

        @raise ConfigError: when there is nothing to rename, or no new name for what there is.
        """
        self._docs = None
        existing = self._entries.get(entry.name)
        if rename_existing is None:
            if existing is not None:
                raise ConfigError.single(
                    f"G-code command {entry.name} exists already; set rename_existing to override it"
                )
            self._entries[entry.name] = entry
            return lambda: self.remove(entry.server)
        if existing is None:
            raise ConfigError.single(
                f"there is no G-code command {entry.name} to rename{nearest(entry.name, list(self._entries))}"
            )
        if rename_existing in self._entries:
            raise ConfigError.single(f"G-code command {rename_existing} exists already")
        self._entries[rename_existing] = existing
        self._entries[entry.name] = entry
        return lambda: self._restore(entry, rename_existing)

    def _restore(self, entry: Entry, renamed: str) -> None:
        self._docs = None
        if self._entries.get(entry.name) is entry:
            del self._entries[entry.name]
        existing = self._entries.pop(renamed, None)
        if existing is not None and entry.name not in self._entries:
            self._entries[entry.name] = existing
