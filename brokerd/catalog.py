"""All that the broker can serve, known without running one. A new group of methods is added here.

Integrations are in L{brokerd.integrations.kinds}: they are imported only where they are asked for.
"""

from brokerd.access.methods import AccessMethods
from brokerd.analysis.methods import AnalysisMethods
from brokerd.connection_methods import ConnectionMethods
from brokerd.database.maintenance import DatabaseDebugMethods, DatabaseMaintenance
from brokerd.database.methods import DatabaseMethods
from brokerd.extensions import ExtensionMethods
from brokerd.files.methods import FileMethods
from brokerd.files.transfer import FileTransfer
from brokerd.integrations import kinds
from brokerd.jobs.history import HistoryMethods
from brokerd.jobs.queue import JobQueueMethods
from brokerd.log_methods import LogMethods
from brokerd.machine.methods import LoadMethods, MachineMethods
from brokerd.machine.peripherals.methods import PeripheralMethods
from brokerd.machine.sudo import Sudo
from brokerd.machine.units import ServiceMethods
from brokerd.news.announcements import AnnouncementMethods
from brokerd.notifications import declared_notifications
from brokerd.octoprint import OctoprintEndpoints
from brokerd.printer.methods import PrinterMethods
from brokerd.printers.methods import PrinterList
from brokerd.registry.served import Served, served_by
from brokerd.server_methods import ServerMethods
from brokerd.stores.methods import StoreMethods
from brokerd.tls.methods import TlsEndpoints
from brokerd.updates.methods import UpdateMethods
from brokerd.webcams import WebcamMethods

# Notifications are declared where they are sent from; these modules send some.
import brokerd.faces.websocket  # isort: skip

# Sections are declared beside what they configure; this one stands by itself.
import brokerd.files.config  # noqa: F401  # isort: skip

__all__ = ["COMPONENTS", "every_component", "notifications", "served"]

COMPONENTS: tuple[type, ...] = (
    ServerMethods,
    ConnectionMethods,
    ExtensionMethods,
    AccessMethods,
    DatabaseMethods,
    DatabaseMaintenance,
    DatabaseDebugMethods,
    FileMethods,
    FileTransfer,
    PrinterMethods,
    MachineMethods,
    ServiceMethods,
    Sudo,
    PeripheralMethods,
    LoadMethods,
    StoreMethods,
    HistoryMethods,
    JobQueueMethods,
    WebcamMethods,
    AnnouncementMethods,
    LogMethods,
    UpdateMethods,
    AnalysisMethods,
    OctoprintEndpoints,
    PrinterList,
    TlsEndpoints,
)


def every_component() -> tuple[type, ...]:
    """The components of every broker and those of all integrations."""
    return (*COMPONENTS, *kinds.components())


def served() -> Served:
    """Names of all methods and HTTP forms."""
    return served_by(every_component())


def notifications() -> tuple[str, ...]:
    """Names of all notifications that can be sent."""
    kinds.components()
    return tuple(sorted(each.name for each in declared_notifications()))
