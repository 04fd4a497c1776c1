"""What the tests of MCUs share: a host that notes what it is told, and MCUs on the test's reactor."""

from typing import Any

from attrs import define, field
from twisted.internet import defer, reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from klipperd.fine_clock import FineClock
from klipperd.mcu import timekeeper
from klipperd.mcu.board import Board
from klipperd.mcu.line import LineSettings
from klipperd.mcu.mcu import Mcu
from klipperd.objects.services import HostControl, HostState
from klipperd.workers import SameThread

from .fake import FakeMcu


@define(eq=False)
class NotingHost(HostControl):
    """Remembers why it was shut down."""

    reasons: list[str] = field(factory=list)

    def state(self) -> HostState:
        return HostState.SHUTDOWN if self.reasons else HostState.READY

    def state_message(self) -> str:
        return ""

    def shutdown(self, reason: str) -> None:
        self.reasons.append(reason)

    def restart(self, *, firmware: bool) -> None:
        raise AssertionError("nobody asked for that")


class McuCase(TestCase):
    """A test with MCUs."""

    timeout = 60

    def setUp(self) -> None:
        self.clock = FineClock(reactor)  # type: ignore[arg-type]
        self.addCleanup(self.clock.close)
        self.host = NotingHost()
        self.patch(timekeeper, "_FIRST_PERIOD", 0.005)  # there is no jitter to average here

    def fake(self, **options: Any) -> FakeMcu:
        fake = FakeMcu(**options)
        self.addCleanup(fake.close)
        return fake

    def mcu(self, path: str, name: str = "mcu", **settings: Any) -> Mcu:
        """An MCU at a path, closed after the test."""
        made = Mcu.at(
            name,
            LineSettings(path, **settings),
            clock=self.clock,
            reactor=reactor,  # type: ignore[arg-type]
            workers=SameThread(),
            host=self.host,
        )
        self.addCleanup(lambda: defer.Deferred.fromCoroutine(made.close()))
        return made

    async def prepared(self, path: str, name: str = "mcu", **settings: Any) -> Mcu:
        made = self.mcu(path, name, **settings)
        await made.prepare()
        return made

    def board(self, *mcus: Mcu, **options: Any) -> Board:
        return Board.of(self.clock, mcus, **options)

    async def until(self, condition: Any) -> None:
        """Wait until something is so; the test's time-out bounds it."""
        while not condition():
            await deferLater(self.clock, 0.005)
