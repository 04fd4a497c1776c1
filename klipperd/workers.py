"""The one way of klipperd to leave the reactor thread, for what may block: files and their fsync."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, execute
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

__all__ = ["SameThread", "WorkerThreads", "Workers"]

P = ParamSpec("P")
T = TypeVar("T")


class Workers:
    """Something that calls functions without keeping the reactor waiting."""

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """Call C{function}; the Deferred fires in the reactor thread with its result or failure."""
        raise NotImplementedError


@define(eq=False, repr=False, slots=False)
class WorkerThreads(Service, Workers):
    """At most two threads. Stopping waits for the work under way without blocking the reactor."""

    _reactor: IReactorFromThreads
    _pool: ThreadPool | None = field(init=False, default=None)
    _running: "set[Deferred[Any]]" = field(init=False, factory=set)

    def startService(self) -> None:
        """Accept work."""
        super().startService()
        self._pool = ThreadPool(0, 2, "klipperd-worker")
        self._pool.start()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """See L{Workers.run}. @raise RuntimeError: when the service does not run."""
        if self._pool is None:
            raise RuntimeError("the worker threads are not running")
        done = deferToThreadPool(cast(Any, self._reactor), self._pool, function, *args, **kwargs)
        self._running.add(done)

        def ended(result: Any) -> Any:
            self._running.discard(done)
            return result

        done.addBoth(ended)
        return done

    def stopService(self) -> "Deferred[None]":
        """Refuse further work; fires when the work under way is done."""
        super().stopService()
        pool, self._pool = self._pool, None
        return Deferred.fromCoroutine(self._drain(pool))

    async def _drain(self, pool: ThreadPool | None) -> None:
        for running in list(self._running):
            ended: Deferred[None] = Deferred()
            running.addBoth(_tell, ended)
            await ended
        if pool is not None:
            pool.stop()


def _tell(result: Any, ended: "Deferred[None]") -> Any:
    ended.callback(None)
    return result


@define(eq=False, repr=False)
class SameThread(Workers):
    """Calls at once: for tests and batch runs, where nobody waits for the reactor."""

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Deferred[T]":
        """See L{Workers.run}."""
        return execute(function, *args, **kwargs)
