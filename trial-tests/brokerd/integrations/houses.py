"""A broker with integrations in its configuration file."""

from typing import Any

from attrs import evolve

from brokerd.configuration import load
from brokerd.integrations.house import House
from brokerd.settings import BrokerSettings, tcp_endpoint

from ..harness import BrokerTestCase


class HouseTestCase(BrokerTestCase):
    """A broker that is configured by a file.

    @ivar configuration: text of the file; C{prepare} may set it.
    """

    configuration = ""
    secrets = ""

    def prepare(self) -> None:
        """Start servers; the broker is not running yet."""

    def settings(self, **changes: Any) -> BrokerSettings:
        self.prepare()
        (self.data / "config").mkdir()
        (self.data / "config" / "moonraker.conf").write_text(self.configuration)
        (self.data / "moonraker.secrets").write_text(self.secrets)
        settings = load(self.data, None).settings
        return evolve(settings, listen=(tcp_endpoint("127.0.0.1", 0),), **changes)

    @property
    def house(self) -> House:
        return self.parts.house

    async def call(self, method: str, /, **arguments: Any) -> Any:
        """The result of a method, called inside the process."""
        return await self.house.call(method, **arguments)
