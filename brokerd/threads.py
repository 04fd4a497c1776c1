"""The one way to leave the reactor thread: a named, bounded pool of workers.

Everything that may block (files, archives, the database) is run here and nowhere else.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["WorkerThreads"]

P = ParamSpec("P")
T = TypeVar("T")


@define(eq=False, repr=False, slots=False)
class WorkerThreads(Service):
    """A pool of at most C{count} threads, all bearing C{label}.

    Stopping waits for the work that is under way, without blocking the reactor.
    """

    _reactor: IReactorFromThreads
    _label: str
    _count: int
    _pool: ThreadPool | None = field(init=False, default=None)
    _running: set[Deferred[Any]] = field(init=False, factory=set)

    def startService(self) -> None:
        super().startService()
        self._start_pool()

    def _start_pool(self) -> ThreadPool:
        pool = self._pool = ThreadPool(0, self._count, self._label)
        pool.start()
        return pool

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Call C{function} in a worker; the Deferred fires in the reactor thread with its result.

        Who cancels the Deferred no longer waits; the work goes on, and stopping still waits for it.
        """
        if self._pool is None:
            raise RuntimeError(f"{self._label}: the worker threads are not running")
        done = deferToThreadPool(cast(Any, self._reactor), self._pool, function, *args, **kwargs)
        self._running.add(done)
        waiting: Deferred[T] = Deferred(lambda _: None)

        def ended(result: Any) -> None:
            self._running.discard(done)
            if not waiting.called:
                waiting.callback(result)

        done.addBoth(ended)
        return waiting

    def stopService(self) -> Deferred[None]:
        super().stopService()
        pool, self._pool = self._pool, None
        waiting: list[Deferred[Any]] = []
        for running in self._running:
            ended: Deferred[None] = Deferred()
            running.addBoth(_tell, ended)
            waiting.append(ended)

        def close(_: object) -> None:
            if pool is not None:
                pool.stop()  # every worker is idle now, so joining them takes no time

        return DeferredList(waiting).addCallback(close)


def _tell(result: Any, ended: Deferred[None]) -> Any:
    ended.callback(None)
    return result
