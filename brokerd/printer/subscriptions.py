"""Who wants to know what of the printer: merged into one subscription at the motion host, split again.

Subscribers with the same wishes form a group; an update is filtered and handed over once for each group, so
that whoever encodes it does so once for all its connections.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

from attrs import define, field

from brokerd.errors import BadRequest

__all__ = ["Group", "StatusHub", "Subscriber", "Wanted", "Watcher", "parse_objects", "select"]

# Object name -> the wanted fields, or None for all of them.
Wanted = Mapping[str, frozenset[str] | None]
Status = Mapping[str, Mapping[str, Any]]
_Key = frozenset[tuple[str, frozenset[str] | None]]


class Subscriber(Protocol):
    """One who gets updates. Subscribers with C{channel} in common are handed a group's update together."""

    @property
    def channel(self) -> "Group":
        """How updates reach subscribers of this kind."""


class Group(Protocol):
    """Delivers one update to several subscribers of a kind."""

    def deliver_status(
        self, subscribers: Iterable[Any], status: dict[str, Mapping[str, Any]], eventtime: float
    ) -> None:
        """Hand the same update to each of C{subscribers}."""


def parse_objects(given: Mapping[str, Any]) -> dict[str, frozenset[str] | None]:
    """The objects of a query or subscription.

    @raise BadRequest: if one is neither null nor a list of field names.
    """
    wanted: dict[str, frozenset[str] | None] = {}
    for name, fields in given.items():
        if fields is None or fields == "":
            wanted[name] = None
        elif isinstance(fields, str):
            wanted[name] = frozenset(each.strip() for each in fields.split(","))
        elif isinstance(fields, list) and all(isinstance(each, str) for each in fields):
            wanted[name] = frozenset(fields)
        else:
            raise BadRequest(f"objects: {name!r} must be null or a list of field names")
    return wanted


def select(status: Status, wanted: Wanted) -> dict[str, Mapping[str, Any]]:
    """The part of C{status} that is wanted; objects of which nothing is left are left out."""
    selected: dict[str, Mapping[str, Any]] = {}
    for name, fields in wanted.items():
        values = status.get(name)
        if values is None:
            continue
        if fields is not None:
            values = {each: values[each] for each in values if each in fields}
            if not values:
                continue
        selected[name] = values
    return selected


def _as_json(wanted: Wanted) -> dict[str, list[str] | None]:
    return {name: None if fields is None else sorted(fields) for name, fields in wanted.items()}


@define(eq=False, repr=False)
class StatusHub:
    """All subscriptions of one broker.

    @ivar _ask: makes the host's subscription; it is given the merged wishes and returns their full status.
    @ivar _groups: the subscribers by their wishes and channels.
    """

    _ask: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    _groups: dict[_Key, dict[Any, dict[Any, None]]] = field(init=False, factory=dict)
    _keys: dict[Any, _Key] = field(init=False, factory=dict)
    _known: dict[str, dict[str, Any]] = field(init=False, factory=dict)

    async def subscribe(self, subscriber: Subscriber, objects: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the subscriber's wishes; the result is the status of all that it wants now.

        @raise BadRequest: if C{objects} is malformed.
        """
        wanted = self.want(subscriber, objects)
        if not wanted:
            return {"eventtime": 0.0, "status": {}}
        try:
            answer = await self._renew(except_for=subscriber)
        except BaseException:
            self.drop(subscriber)
            raise
        return {"eventtime": answer["eventtime"], "status": select(answer["status"], wanted)}

    def want(self, subscriber: Subscriber, objects: Mapping[str, Any]) -> Wanted:
        """Note the subscriber's wishes for the next time that the host is asked.

        @raise BadRequest: if C{objects} is malformed.
        """
        wanted = parse_objects(objects)
        self.drop(subscriber)
        if wanted:
            key = frozenset(wanted.items())
            self._keys[subscriber] = key
            channels = self._groups.setdefault(key, {})
            channels.setdefault(subscriber.channel, {})[subscriber] = None
        return wanted

    def drop(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; the host's subscription shrinks at the next change."""
        key = self._keys.pop(subscriber, None)
        if key is None:
            return
        channels = self._groups[key]
        members = channels[subscriber.channel]
        del members[subscriber]
        if not members:
            del channels[subscriber.channel]
        if not channels:
            del self._groups[key]

    async def restore(self) -> None:
        """Subscribe again after the host came back; everybody gets the full status of what it wants."""
        self._known.clear()
        if self._groups:
            await self._renew(except_for=None)

    async def refresh(self) -> None:
        """Ask for what L{want} noted since."""
        if self._groups:
            await self._renew(except_for=None)

    def update(self, status: Status, eventtime: float, except_for: Subscriber | None = None) -> None:
        """Pass on what changed; clients hear of it before the broker acts on it and tells what follows."""
        own: list[tuple[Watcher, Any]] = []
        for name, values in status.items():
            self._known.setdefault(name, {}).update(values)
        for key, channels in list(self._groups.items()):
            chosen = select(status, dict(key))
            if not chosen:
                continue
            for channel, members in list(channels.items()):
                several = [each for each in members if each is not except_for]
                if several and isinstance(channel, Watcher):
                    own.append((channel, chosen))
                elif several:
                    channel.deliver_status(several, chosen, eventtime)
        for watcher, chosen in own:
            watcher.changed(chosen, eventtime)

    def known(self, name: str) -> Mapping[str, Any]:
        """The last values of an object, as far as somebody subscribed to it."""
        return self._known.get(name, {})

    async def _renew(self, except_for: Subscriber | None) -> Mapping[str, Any]:
        """Ask for the union of all wishes. What changed unnoticed between two subscriptions is passed on."""
        answer = await self._ask(_as_json(self._merged()))
        changed = self._changes(answer["status"])
        if changed:
            self.update(changed, answer["eventtime"], except_for)
        return answer

    def _merged(self) -> dict[str, frozenset[str] | None]:
        merged: dict[str, frozenset[str] | None] = {}
        for key in self._groups:
            for name, fields in key:
                before = merged.get(name, frozenset())
                merged[name] = None if fields is None or before is None else before | fields
        return merged

    def _changes(self, status: Status) -> dict[str, dict[str, Any]]:
        changes = {}
        for name, values in status.items():
            before = self._known.get(name)
            if before is None:
                changes[name] = dict(values)
                continue
            different = {
                each: value for each, value in values.items() if each not in before or before[each] != value
            }
            if different:
                changes[name] = different
        return changes


@define(eq=False, repr=False)
class Watcher:
    """A subscriber inside the broker.

    @ivar changed: called with each update and its event time.
    """

    changed: Callable[[Mapping[str, Mapping[str, Any]], float], None]

    @property
    def channel(self) -> "Watcher":
        return self

    def deliver_status(
        self, subscribers: Iterable[Any], status: dict[str, Mapping[str, Any]], eventtime: float
    ) -> None:
        self.changed(status, eventtime)
