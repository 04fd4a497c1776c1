"""Bad logins: each address may guess a few times, then ever more slowly, then perhaps not at all."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address, ip_network

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from brokerd.errors import TooMany

__all__ = ["LoginAttempts"]

_FREE = 5  # guesses in a row that cost nothing
_FIRST_WAIT = 5.0  # seconds that the next guess must wait; doubled each time
_LONGEST = 300.0  # seconds that the next guess must wait at most
_MOST = 1000  # addresses that are remembered


@define
class _Failures:
    count: int = 0
    until: float = 0.0


def _neighbourhood(address: str) -> str:
    """A client can choose among the addresses of its IPv6 network: all of them count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


@define(eq=False, repr=False)
class LoginAttempts:
    """Counts failed logins in a row, by address.

    @ivar most: failures after which an address is shut out for as long as this lives, or None.
    """

    _clock: IReactorTime
    _most: int | None = None
    _failures: OrderedDict[str, _Failures] = field(init=False, factory=OrderedDict)

    def check(self, address: str) -> None:
        """Let a login be tried.

        @raise TooMany: if this address has to wait; the text says how long.
        """
        known = self._failures.get(_neighbourhood(address))
        if known is None:
            return
        if self._most is not None and known.count >= self._most:
            raise TooMany(f"{known.count} failed logins from {address}: shut out until the broker restarts")
        left = known.until - self._clock.seconds()
        if left > 0:
            raise TooMany(f"{known.count} failed logins from {address}: try again in {left:.0f} s")

    def failed(self, address: str) -> None:
        """A password was wrong."""
        key = _neighbourhood(address)
        known = self._failures.setdefault(key, _Failures())
        self._failures.move_to_end(key)
        known.count += 1
        if known.count >= _FREE:
            delay = min(_FIRST_WAIT * 2.0 ** (known.count - _FREE), _LONGEST)
            known.until = self._clock.seconds() + delay
        while len(self._failures) > _MOST:
            self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        """A password was right: all is forgiven."""
        self._failures.pop(_neighbourhood(address), None)
