"""The states of the motion host, as the broker knows them.

::

                 connected                 was_ready
    absent ------------------> startup ------------------> ready
      ^                         |  ^  |                    |  |
      |                was_stopped | was_starting          |  | was_stopped
      |                         |  |  +--------------------+  v
      +---- disconnected -------+--+------------------- stopped
            (from each state)          was_starting

C{stopped} is the host's C{shutdown} or C{error}; which of them, and why, the last report says. Going back to
C{startup} while connected is a restart: clients are told what they are told when the host goes away.
"""

from typing import Protocol

from attrs import define
from automat import TypeMachineBuilder

__all__ = ["Presence", "PresenceEvents", "host_presence"]


class PresenceEvents(Protocol):
    """What follows from a change."""

    def began(self) -> None:
        """The host starts: poll it until it is more."""

    def became_ready(self) -> None:
        """The host is ready for commands."""

    def stopped(self) -> None:
        """The host is in shutdown or error."""

    def left(self) -> None:
        """The host is gone, or starts again."""


class Presence(Protocol):
    """Inputs of the machine."""

    def connected(self) -> None:
        """The link is up."""

    def disconnected(self) -> None:
        """The link is down."""

    def was_starting(self) -> None:
        """The host reports C{startup}."""

    def was_ready(self) -> None:
        """The host reports C{ready}."""

    def was_stopped(self) -> None:
        """The host reports C{shutdown} or C{error}."""


@define
class _Core:
    events: PresenceEvents


def _began(presence: Presence, core: _Core) -> None:
    core.events.began()


def _ready(presence: Presence, core: _Core) -> None:
    core.events.became_ready()


def _stopped(presence: Presence, core: _Core) -> None:
    core.events.stopped()


def _left(presence: Presence, core: _Core) -> None:
    core.events.left()


def _left_and_began(presence: Presence, core: _Core) -> None:
    core.events.left()
    core.events.began()


_builder = TypeMachineBuilder(Presence, _Core)
_absent = _builder.state("absent")
_startup = _builder.state("startup")
_is_ready = _builder.state("ready")
_is_stopped = _builder.state("stopped")

_absent.upon(Presence.connected).to(_startup)(_began)
_absent.upon(Presence.disconnected).loop().returns(None)
_absent.upon(Presence.was_starting).loop().returns(None)
_absent.upon(Presence.was_ready).loop().returns(None)
_absent.upon(Presence.was_stopped).loop().returns(None)

_startup.upon(Presence.connected).loop().returns(None)
_startup.upon(Presence.disconnected).to(_absent)(_left)
_startup.upon(Presence.was_starting).loop().returns(None)
_startup.upon(Presence.was_ready).to(_is_ready)(_ready)
_startup.upon(Presence.was_stopped).to(_is_stopped)(_stopped)

_is_ready.upon(Presence.connected).loop().returns(None)
_is_ready.upon(Presence.disconnected).to(_absent)(_left)
_is_ready.upon(Presence.was_starting).to(_startup)(_left_and_began)
_is_ready.upon(Presence.was_ready).loop().returns(None)
_is_ready.upon(Presence.was_stopped).to(_is_stopped)(_stopped)

_is_stopped.upon(Presence.connected).loop().returns(None)
_is_stopped.upon(Presence.disconnected).to(_absent)(_left)
_is_stopped.upon(Presence.was_starting).to(_startup)(_left_and_began)
_is_stopped.upon(Presence.was_ready).to(_is_ready)(_ready)
_is_stopped.upon(Presence.was_stopped).loop().returns(None)

_build = _builder.build()


def host_presence(events: PresenceEvents) -> Presence:
    """A machine in the state C{absent}."""
    return _build(_Core(events))
