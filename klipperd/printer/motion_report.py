"""Where the machine is right now, and streams of its motion for diagnosis."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import hypot
from typing import Any

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.errors import CommandError
from klipperd.motion.dumps import Stream, dump_motor, dump_queue
from klipperd.motion.toolhead import Toolhead
from klipperd.motion.trapq import MotionQueue
from klipperd.objects import PrinterObject, remote, status_field
from klipperd.objects.values import nearest
from klipperd.printer.extruder import Extruder
from klipperd.remote.procedures import Client

__all__ = ["MotionReport", "MotionReportConfig", "MotionReportStatus", "motion_report"]


@frozen(kw_only=True)
class MotionReportConfig:
    """There is nothing to configure."""


@frozen
class MotionReportStatus:
    """Status of C{motion_report}."""

    live_position: Sequence[float] = status_field(doc="present position: x, y, z, e (mm)")
    live_velocity: float = status_field(doc="present speed of the tool head (mm/s)")
    live_extruder_velocity: float = status_field(doc="present speed of the active extruder (mm/s)")
    steppers: Sequence[str] = status_field(doc="names that motion_report/dump_stepper takes")
    trapq: Sequence[str] = status_field(doc="names that motion_report/dump_trapq takes")


@define(eq=False, repr=False)
class MotionReport:
    """Reads the motion queues."""

    _toolhead: Toolhead
    _motors: dict[str, Stream]
    _queues: dict[str, Stream]

    @remote("motion_report/dump_stepper", with_client=True)
    async def dump_stepper(
        self, client: Client, *, name: str, response_template: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Stream the step commands of a motor."""
        _subscribe(client, "stepper", self._motors, name, response_template)
        return {"header": ("interval", "count", "add")}

    @remote("motion_report/dump_trapq", with_client=True)
    async def dump_trapq(
        self, client: Client, *, name: str, response_template: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Stream the trapezoids of C{toolhead} or of an extruder."""
        _subscribe(client, "trapq", self._queues, name, response_template)
        header = ("time", "duration", "start_velocity", "acceleration", "start_position", "direction")
        return {"header": header}

    async def close(self) -> None:
        """The printer goes away."""
        for stream in (*self._motors.values(), *self._queues.values()):
            stream.stop()

    def status(self, eventtime: float) -> MotionReportStatus:
        """Position and speeds at this moment."""
        toolhead = self._toolhead
        now = toolhead.now()
        x, y, z = toolhead.queue.position_at(now)
        e, e_speed = 0.0, 0.0
        if toolhead.extruder is not None:
            e = toolhead.extruder.queue.position_at(now)[0]
            e_speed = toolhead.extruder.queue.velocity_at(now)[0]
        return MotionReportStatus(
            live_position=(x, y, z, e),
            live_velocity=hypot(*toolhead.queue.velocity_at(now)),
            live_extruder_velocity=e_speed,
            steppers=list(self._motors),
            trapq=list(self._queues),
        )


def _subscribe(
    client: Client, kind: str, streams: dict[str, Stream], name: str, template: Mapping[str, Any] | None
) -> None:
    if name not in streams:
        raise CommandError(f"There is no {kind} {name!r}{nearest(name, list(streams))}")
    client.on_close.append(streams[name].subscribe(partial(client.notify, template or {})))


def build_motion_report(
    config: MotionReportConfig, toolhead: Toolhead, extruders: Sequence[Extruder], clock: IReactorTime
) -> MotionReport:
    """Report on all motors and queues."""
    queues: dict[str, MotionQueue] = {"toolhead": toolhead.queue}
    queues.update({extruder.name: extruder.motion.queue for extruder in extruders})
    now = toolhead.now
    motors = {m.name: Stream(clock, now, partial(dump_motor, m)) for m in toolhead.generation.motors}
    streams = {name: Stream(clock, now, partial(dump_queue, queue)) for name, queue in queues.items()}
    return MotionReport(toolhead, motors, streams)


motion_report = PrinterObject("motion_report", MotionReportConfig, build_motion_report, internal=True)
