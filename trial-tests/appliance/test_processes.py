"""Children are restarted with growing delays and ended in order."""

import os

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from appliance.processes import ChildProcess


class ChildProcessTests(TestCase):
    timeout = 30

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        while not condition():
            await deferLater(reactor, 0.01)

    def child(self, script: str, **more) -> ChildProcess:  # type: ignore[no-untyped-def]
        child = ChildProcess(reactor, "child", ["/bin/sh", "-c", script], **more)
        self.addCleanup(child.stopService)
        return child

    async def test_a_child_that_dies_is_started_again(self) -> None:
        exits: list[int] = []
        child = self.child("exec sleep 1000", on_exit=lambda: exits.append(1))
        child.startService()
        first = child.pid
        assert first is not None
        child._process.signalProcess("KILL")  # type: ignore[union-attr]
        await self.until(lambda: exits)
        self.assertIsNone(child.pid)
        await self.until(lambda: child.pid)
        self.assertNotEqual(child.pid, first)

    async def test_stopping_waits_for_the_child(self) -> None:
        child = self.child("exec sleep 1000")
        child.startService()
        await child.stopService()
        self.assertIsNone(child.pid)

    async def test_a_child_that_ignores_term_is_killed(self) -> None:
        ready = self.mktemp()
        child = self.child(f"trap '' TERM; touch {ready}; while :; do sleep 0.05; done")
        child.startService()
        await self.until(lambda: os.path.exists(ready))
        await child.stopService()
        self.assertIsNone(child.pid)

    async def test_stopping_while_waiting_to_restart(self) -> None:
        exits: list[int] = []
        child = self.child("exit 3", on_exit=lambda: exits.append(1))
        child.startService()
        await self.until(lambda: exits)
        stopped: Deferred[None] | None = child.stopService()
        self.assertIsNone(stopped)
        self.assertIsNone(child.pid)
