"""C{machine.*}: what the machine is and how it is doing."""

from typing import Any, ClassVar

from attrs import define

from brokerd.machine.description import describe_machine
from brokerd.machine.load import LoadWatch
from brokerd.machine.units import ServiceMethods
from brokerd.registry.caller import Role
from brokerd.registry.declare import method
from brokerd.threads import WorkerThreads

__all__ = ["LoadMethods", "MachineMethods"]


@define(eq=False, repr=False)
class MachineMethods:
    """What the machine is."""

    component: ClassVar[str] = "machine"
    _threads: WorkerThreads
    _services: ServiceMethods

    @method("machine.system_info", "GET /machine/system_info", result="{system_info}", permission=Role.VIEWER)
    async def system_info(self) -> dict[str, Any]:
        """Processor, system, network and card."""
        return {"system_info": {**await self._threads.run(describe_machine), **self._services.describe()}}


@define(eq=False, repr=False)
class LoadMethods:
    """How the machine is doing."""

    component: ClassVar[str] = "proc_stats"
    _load: LoadWatch

    @method(
        "machine.proc_stats", "GET /machine/proc_stats", result="load of the machine", permission=Role.VIEWER
    )
    async def proc_stats(self) -> dict[str, Any]:
        """Load of the machine and of this process."""
        return self._load.stats()
