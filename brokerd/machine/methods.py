"""C{machine.*}: what the machine is and how it is doing."""

from typing import Any, ClassVar

from attrs import define

from brokerd.machine.description import describe_machine
from brokerd.machine.load import LoadWatch
from brokerd.machine.units import ServiceMethods
from brokerd.registry.caller import Role
from brokerd.registry.declare import method, shape
from brokerd.threads import WorkerThreads

__all__ = ["LoadMethods", "MachineMethods"]

shape(
    "SystemInfo",
    """{
    python: {version: [int | str], version_string: str}
    cpu_info: {
        cpu_count: int | null
        bits: str
        processor: str
        cpu_desc: str
        serial_number: str
        hardware_desc: str
        model: str
        total_memory: int | null
        memory_units: str
    }
    sd_info: {
        manufacturer_id?: str
        manufacturer?: str
        oem_id?: str
        product_name?: str
        product_revision?: str
        serial_number?: str
        manufacturer_date?: str
        capacity?: str
        total_bytes?: int
    }
    distribution: {
        name: str
        id: str
        version: str
        version_parts: {major: str, minor: str, build_number: str}
        like: str
        codename: str
        release_info: {*: str}  # /etc/os-release
        kernel_version: str
    }
    virtualization: {virt_type: str, virt_identifier: str}
    network: {*: {
        mac_address: str
        ip_addresses: [{family: "ipv4" | "ipv6", address: str, is_link_local: bool}]
    }}
    canbus: {*: {tx_queue_len: int, bitrate: int | null, driver: str}}
    provider: str
    available_services: [str]
    service_state: {*: {active_state: str, sub_state: str}}
    instance_ids: {moonraker: str, klipper: str}
}""",
)


@define(eq=False, repr=False)
class MachineMethods:
    """What the machine is."""

    component: ClassVar[str] = "machine"
    _threads: WorkerThreads
    _services: ServiceMethods

    @method(
        "machine.system_info",
        "GET /machine/system_info",
        result="{system_info: SystemInfo}",
        permission=Role.VIEWER,
    )
    async def system_info(self) -> dict[str, Any]:
        """Processor, system, network and card."""
        return {"system_info": {**await self._threads.run(describe_machine), **self._services.describe()}}


@define(eq=False, repr=False)
class LoadMethods:
    """How the machine is doing."""

    component: ClassVar[str] = "proc_stats"
    _load: LoadWatch

    @method("machine.proc_stats", "GET /machine/proc_stats", result="ProcStats", permission=Role.VIEWER)
    async def proc_stats(self) -> dict[str, Any]:
        """Load of the machine and of this process."""
        return self._load.stats()
