"""Watching the machine's load: a sample each second, sent to all clients."""

from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from brokerd.machine.procfs import LoadMeter, Sample
from brokerd.notifications import Broadcaster, notification
from brokerd.registry.declare import shape
from brokerd.threads import WorkerThreads

__all__ = ["LoadWatch"]

shape("ProcessSample", "{time: num, cpu_usage: num, memory: int | null, mem_units: str | null}")
shape(
    "NetworkUse",
    """{
    rx_bytes: int, tx_bytes: int, rx_packets: int, tx_packets: int
    rx_errs: int, tx_errs: int, rx_drop: int, tx_drop: int
    bandwidth: num  # bytes/s
}""",
)
shape("MemoryUse", "{total?: int, available?: int, used?: int}")
shape(
    "ProcStats",
    """{
    moonraker_stats: [ProcessSample]  # the last 30 s
    throttled_state: {bits: int, flags: [str]} | null
    cpu_temp?: num | null  # C
    network?: {*: NetworkUse}
    system_cpu_usage?: {*: num}  # percent, in all and by processor
    system_memory?: MemoryUse  # kB
    websocket_connections?: int
    system_uptime: num  # s
}""",
)
shape(
    "LoadUpdate",
    """{
    moonraker_stats: ProcessSample
    cpu_temp: num | null  # C
    network: {*: NetworkUse}
    system_cpu_usage: {*: num}  # percent, in all and by processor
    system_memory: MemoryUse  # kB
    websocket_connections: int
}""",
)

log = Logger()

PROC_STAT_UPDATE = notification(
    "notify_proc_stat_update", "the machine's load, once a second", params=("LoadUpdate",), patient=True
)
CPU_THROTTLED = notification(
    "notify_cpu_throttled", "the processor is held back, or no longer", params=("{bits: int, flags: [str]}",)
)
_KEPT = 30


@define(eq=False, repr=False, slots=False)
class LoadWatch(Service):
    """Samples of the last half minute.

    @ivar _now: Unix time (s).
    @ivar _clients: how many websockets are open.
    """

    _clock: IReactorTime
    _threads: WorkerThreads
    _broadcaster: Broadcaster
    _now: Callable[[], float]
    _clients: Callable[[], int]
    _meter: LoadMeter = field(init=False, factory=LoadMeter)
    _history: deque[dict[str, Any]] = field(init=False, factory=lambda: deque(maxlen=_KEPT))
    _last: Sample | None = field(init=False, default=None)
    _sampling: LoopingCall | None = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        self._sampling = LoopingCall(lambda: Deferred.fromCoroutine(self._sample()))
        self._sampling.clock = self._clock
        done = self._sampling.start(1.0)
        done.addErrback(lambda failure: log.failure("sampling the machine's load", failure))

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        if self._sampling is not None and self._sampling.running:
            self._sampling.stop()
        return None

    async def _sample(self) -> None:
        sample = await self._threads.run(self._meter.sample, self._now(), self._clock.seconds())
        before, self._last = self._last, sample
        self._history.append(sample.process)
        if sample.throttled is not None and sample.throttled != (before and before.throttled):
            self._broadcaster.send(CPU_THROTTLED, sample.throttled)
        self._broadcaster.send(PROC_STAT_UPDATE, {"moonraker_stats": sample.process, **self._rest(sample)})

    def _rest(self, sample: Sample) -> dict[str, Any]:
        return {
            "cpu_temp": sample.cpu_temperature,
            "network": sample.network,
            "system_cpu_usage": sample.cpus,
            "system_memory": sample.memory,
            "websocket_connections": self._clients(),
        }

    def stats(self) -> dict[str, Any]:
        """The samples of the last half minute and the rest of the last one."""
        rest = self._rest(self._last) if self._last is not None else {}
        uptime = self._last.uptime if self._last is not None else 0.0
        return {
            "moonraker_stats": list(self._history),
            "throttled_state": self._last.throttled if self._last is not None else None,
            **rest,
            "system_uptime": uptime,
        }
