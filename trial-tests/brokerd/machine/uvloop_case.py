"""Programs under uvloop, which keeps SIGCHLD to itself. Run by C{test_services} in its own process."""

import uvloop
from twisted.internet import asyncioreactor

asyncioreactor.install(uvloop.new_event_loop())

from twisted.internet import reactor  # noqa: E402
from twisted.internet.defer import Deferred  # noqa: E402

from brokerd.programs import Programs  # noqa: E402


async def run() -> None:
    programs = Programs(reactor)
    late = await programs.run("sh", "-c", "exec >&- 2>&-; sleep 0.05", timeout=20)
    killed = await programs.run("sh", "-c", "exec >&- 2>&-; kill -9 $$", timeout=20)
    print(late.code, killed.code)
    reactor.stop()


reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()))
reactor.run()
