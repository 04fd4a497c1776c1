"""The environment that G-code templates of this printer are rendered in."""

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.gcode.dispatch import Dispatcher
from klipperd.gcode.templates import GcodeTemplates
from klipperd.objects import PrinterObject
from klipperd.objects.services import HostControl, Objects
from klipperd.remote.procedures import Procedures

__all__ = ["GcodeTemplatesConfig", "gcode_templates"]


@frozen(kw_only=True)
class GcodeTemplatesConfig:
    """G-code templates; there is nothing to configure."""


def build_gcode_templates(
    config: GcodeTemplatesConfig,
    clock: IReactorTime,
    objects: Objects,
    dispatcher: Dispatcher,
    procedures: Procedures,
    host: HostControl,
) -> GcodeTemplates:
    """Build the environment."""
    return GcodeTemplates(clock, objects, dispatcher, procedures, host)


gcode_templates = PrinterObject("gcode_templates", GcodeTemplatesConfig, build_gcode_templates, internal=True)
