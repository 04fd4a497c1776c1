"""What the host itself gives to build functions, besides L{twisted.internet.interfaces.IReactorTime}.

These are narrow views of L{klipperd.host}, so that printer objects never import it.
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol

from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime

from klipperd.config.document import ConfigDocument

__all__ = ["HeatModel", "HostControl", "HostSettings", "HostState", "Objects", "Offline", "StatusSource"]


class HostState(Enum):
    """The named states that the host is in, always exactly one."""

    STARTUP = "startup"
    READY = "ready"
    SHUTDOWN = "shutdown"
    ERROR = "error"
    DISCONNECTED = "disconnected"


class HeatModel(Protocol):
    """A heated part that is only thought of."""

    def aim(self, celsius: float) -> None:
        """Another target from now on, 0 for off."""

    @property
    def temperature(self) -> float:
        """Degrees Celsius, now."""

    @property
    def settled(self) -> bool:
        """Whether it is off, or its temperature has arrived."""


class Offline(Protocol):
    """What takes the place of hardware where there is none: in batch runs and simulations."""

    @property
    def stretch(self) -> float:
        """How many times as far ahead as usual motion is planned."""

    @property
    def approach_share(self) -> float:
        """How much of the way that homing allows for it goes until the endstop is thought to trigger."""

    def adapt(self, document: ConfigDocument, catalogue: Any) -> ConfigDocument:
        """The configuration to build from, given the user's and the L{klipperd.objects.catalogue.Catalogue}.

        @raise klipperd.errors.ConfigError: it can't be used.
        """

    def open_line(self, name: str, clock: IReactorTime) -> Any:
        """What takes the place of the L{klipperd.mcu.line.Line} to an MCU."""

    def heat(self, section: str, config: Any, clock: IReactorTime) -> HeatModel:
        """The heater of a section with its options (L{klipperd.printer.heater_options.HeaterConfig})."""

    def waited(self, seconds: float) -> None:
        """A command has waited for temperatures for so long."""


@frozen
class HostSettings:
    """Settings of the process that printer objects may need. All paths are absolute."""

    config_file: str
    log_file: str | None = None
    software_version: str = "v0.13.0-0"
    clock_page: int = 0
    """Address of the shared clock page (L{klipperd.clock}), or 0 when time is real."""
    clock_slots: tuple[int, ...] = ()
    """Lease slots of the clock page that MCU links may take, one each."""
    offline: Offline | None = None
    """Set where there is no hardware."""


class HostControl:
    """The host as printer objects see it."""

    def state(self) -> HostState:
        """The present state."""
        raise NotImplementedError

    def state_message(self) -> str:
        """The present state's text for the user."""
        raise NotImplementedError

    def shutdown(self, reason: str) -> None:
        """Go to the shutdown state: everything stops, heaters go off. C{reason} names what, which value
        and limit, and what to do. A second call while shut down only logs."""
        raise NotImplementedError

    def restart(self, *, firmware: bool) -> None:
        """Tear the printer down and build it anew from its configuration file, soon after this returns."""
        raise NotImplementedError


class StatusSource(Protocol):
    """Something with a status: C{status(eventtime)} gives a frozen attrs instance or a mapping."""

    def status(self, eventtime: float) -> Any:
        """The fields at C{eventtime} (s of the host's clock)."""


@define(eq=False, repr=False)
class Objects:
    """All built objects by status name, for whoever shows or queries them (templates, subscriptions).
    Not a way to reach other objects: ask for those by type."""

    _sources: Callable[[], Mapping[str, StatusSource]]

    def status_sources(self) -> Mapping[str, StatusSource]:
        """Status name -> object; host-level ones such as C{webhooks} included."""
        return self._sources()
