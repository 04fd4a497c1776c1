"""Trusted clients that are known by name: their addresses, looked up again and again."""

from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IReactorCore
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["TrustedNames"]

log = Logger()
_PERIOD = 60.0  # seconds


@define(eq=False, repr=False, slots=False)
class TrustedNames(Service):
    """Knows the addresses of some names. A name that can't be looked up just now keeps its last ones."""

    _reactor: Any
    _names: tuple[str, ...]
    _known: dict[str, frozenset[str]] = field(init=False, factory=dict)
    _all: frozenset[str] = field(init=False, factory=frozenset)
    _looking: LoopingCall | None = field(init=False, default=None)

    def addresses(self) -> frozenset[str]:
        """All addresses that are known now."""
        return self._all

    def startService(self) -> None:
        super().startService()
        if self._names:
            looking = self._looking = LoopingCall(self._look)
            looking.clock = self._reactor
            looking.start(_PERIOD)

    def stopService(self) -> None:
        super().stopService()
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.stop()

    def _look(self) -> None:
        for name in self._names:
            found: Deferred[str] = IReactorCore(self._reactor).resolve(name)
            found.addCallbacks(self._found, self._missing, (name,), {}, (name,), {})

    def _found(self, address: str, name: str) -> None:
        self._known[name] = frozenset([address])
        self._all = frozenset().union(*self._known.values())

    def _missing(self, failure: Any, name: str) -> None:
        if failure.check(DNSLookupError, OSError) is None:
            log.failure("looking up {name}", failure, name=name)
        elif name not in self._known:
            log.info("the trusted client {name} can't be looked up", name=name)
