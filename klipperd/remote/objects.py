"""Query and watch the statuses of printer objects.

Each status is computed once a tick, whoever watches, and compared once with that of the tick before; a
subscription picks its fields from what has changed.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from klipperd.errors import CommandError
from klipperd.objects.call import param, remote
from klipperd.objects.services import Objects
from klipperd.remote.plain import plain_status
from klipperd.remote.procedures import Client

__all__ = ["TICK", "ObjectProcedures"]

_log = Logger()

TICK = 0.25
"""Seconds between two updates of a subscription."""

Status = dict[str, dict[str, Any]]


@frozen
class _Wanted:
    """Object -> fields, None for all of them."""

    fields: Mapping[str, frozenset[str] | None]

    @classmethod
    def read(cls, objects: Mapping[str, Any]) -> "_Wanted":
        """Check what a request asks for. @raise CommandError: when it is no list of names."""
        found: dict[str, frozenset[str] | None] = {}
        for name, fields in objects.items():
            if fields is not None and not (
                isinstance(fields, list) and all(isinstance(f, str) for f in fields)
            ):
                raise CommandError(f"objects: {name!r} wants null or a list of field names, not {fields!r}")
            found[name] = None if fields is None else frozenset(fields)
        return cls(found)

    def of(self, status: Status) -> Status:
        """The wanted part of C{status}, objects without any field included."""
        return {name: self._pick(fields, status.get(name, {})) for name, fields in self.fields.items()}

    def changed_in(self, changes: Status) -> Status:
        """The wanted part of C{changes}, without objects that have none."""
        found = {}
        for name, changed in changes.items():
            if name in self.fields:
                picked = self._pick(self.fields[name], changed)
                if picked:
                    found[name] = picked
        return found

    @staticmethod
    def _pick(fields: frozenset[str] | None, status: dict[str, Any]) -> dict[str, Any]:
        if fields is None:
            return dict(status)  # clients in the same process may do with it what they like
        return {name: value for name, value in status.items() if name in fields}


@define(eq=False, repr=False)
class _Subscription:
    """What one client watches. C{answered}: the first answer, until the first tick compares with it."""

    client: Client
    wanted: _Wanted
    template: Mapping[str, Any]
    answered: Status | None


def _changes(before: Status, now: Status) -> Status:
    """The fields of C{now} that were not the same before."""
    found = {}
    for name, status in now.items():
        old = before.get(name)
        if old is None:
            found[name] = status
            continue
        changed = {
            field: value
            for field, value in status.items()
            if field not in old or (old[field] is not value and old[field] != value)
        }
        if changed:
            found[name] = changed
    return found


@define(eq=False, repr=False)
class ObjectProcedures:
    """C{objects/list}, C{objects/query} and C{objects/subscribe}, at L{TICK}.

    C{eventtime} is C{clock}'s; ticks come by C{ticker}, which is real time even where the clock is scaled.
    """

    _objects: Objects
    _clock: IReactorTime
    _ticker: IReactorTime
    _subscriptions: dict[Client, _Subscription] = field(factory=dict, init=False)
    _last: Status = field(factory=dict, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _failing: set[str] = field(factory=set, init=False)

    @remote("objects/list")
    async def list_objects(self) -> Mapping[str, Any]:
        """The names of all objects that have a status."""
        return {"objects": [*self._objects.status_sources()]}

    @remote("objects/query")
    async def query(self, *, objects: Mapping[str, Any]) -> Mapping[str, Any]:
        """The present status of some objects."""
        now = self._clock.seconds()
        wanted = _Wanted.read(objects)
        return {"status": wanted.of(self._status_of(wanted.fields, now)), "eventtime": now}

    @remote("objects/subscribe", with_client=True)
    async def subscribe(
        self,
        client: Client,
        *,
        objects: Mapping[str, Any],
        response_template: Mapping[str, Any] = param(default={}),
    ) -> Mapping[str, Any]:
        """The present status of some objects, and from then on whatever changes of it.

        A client has one subscription: a second one takes the place of the first."""
        now = self._clock.seconds()
        wanted = _Wanted.read(objects)
        status = self._status_of(wanted.fields, now)
        known = client in self._subscriptions
        self._subscriptions[client] = _Subscription(client, wanted, response_template, status)
        if not known:
            client.on_close.append(lambda: self._unsubscribe(client))
        if self._timer is None:
            self._timer = self._ticker.callLater(TICK, self._tick)
        return {"status": wanted.of(status), "eventtime": now}

    def _unsubscribe(self, client: Client) -> None:
        self._subscriptions.pop(client, None)
        if not self._subscriptions and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._last = {}

    def _status_of(self, names: "Mapping[str, Any] | set[str]", now: float) -> Status:
        sources = self._objects.status_sources()
        return {name: self._read(name, sources[name], now) for name in names if name in sources}

    def _read(self, name: str, source: Any, now: float) -> dict[str, Any]:
        try:
            status = plain_status(source.status(now))
        except Exception:
            if name not in self._failing:  # four times a second would flood the log
                self._failing.add(name)
                _log.failure("the status of {name} failed", name=name)
            return {}
        self._failing.discard(name)
        return status

    def _tick(self) -> None:
        # The next tick is counted from this one's due time as far as the clock tells: no drift, no pile-up.
        self._timer = self._ticker.callLater(TICK, self._tick)
        now = self._clock.seconds()
        names = {name for s in self._subscriptions.values() for name in s.wanted.fields}
        status = self._status_of(names, now)
        changes = _changes(self._last, status)
        self._last = status
        for subscription in list(self._subscriptions.values()):
            self._update(subscription, status, changes, now)

    def _update(self, subscription: _Subscription, status: Status, changes: Status, now: float) -> None:
        if subscription.answered is not None:
            # What changed since the last tick is not what changed since this client's first answer.
            changes = _changes(subscription.answered, status)
            subscription.answered = None
        changed = subscription.wanted.changed_in(changes)
        if changed:
            subscription.client.notify(subscription.template, {"eventtime": now, "status": changed})
