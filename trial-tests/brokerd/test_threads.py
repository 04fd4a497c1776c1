"""Worker threads: cancelled work is still waited for when the pool stops."""

import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from brokerd.threads import WorkerThreads


class ThreadTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.threads = WorkerThreads(reactor, "test", 2)
        self.threads.startService()

    async def test_results_and_failures(self) -> None:
        self.assertEqual(await self.threads.run(lambda a, b: a + b, 1, b=2), 3)
        await self.assertFailure(self.threads.run(int, "x"), ValueError)
        await self.threads.stopService()

    async def test_cancelled_work_is_waited_for(self) -> None:
        began, may_end, ended = threading.Event(), threading.Event(), []

        def work() -> None:
            began.set()
            may_end.wait(10)
            ended.append(True)

        running: Deferred[Any] = self.threads.run(work)
        self.assertTrue(began.wait(10))
        running.cancel()
        await self.assertFailure(running, CancelledError)
        stopping = self.threads.stopService()
        self.assertFalse(stopping.called)
        may_end.set()
        await stopping
        self.assertEqual(ended, [True])
