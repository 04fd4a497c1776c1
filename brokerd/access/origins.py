"""Which web origins may use the API from a browser (CORS), and from which pages changes are accepted."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from attrs import define, field

__all__ = ["OriginRules"]


@define(eq=False, repr=False)
class OriginRules:
    """Allowed origins.

    @ivar domains: patterns such as C{*.local} or C{http://*.my-domain.com:*}; C{*} allows all. Once there is
        one, pages served from trusted addresses are allowed, too.
    @ivar trusts: whether an address is trusted.
    """

    domains: tuple[str, ...] = ()
    trusts: Callable[[str], bool] = lambda address: False
    _patterns: tuple[re.Pattern[str], ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._patterns = tuple(_pattern(each) for each in self.domains)

    def allowed(self, origin: str) -> bool:
        """Whether a foreign page of that origin may read our answers."""
        if any(pattern.fullmatch(origin) for pattern in self._patterns):
            return True
        try:
            return bool(self.domains) and self.trusts(urlsplit(origin).hostname or "")
        except ValueError:
            return False  # no URL

    def same_site(self, origin: str, headers: Mapping[str, str]) -> bool:
        """Whether the page that asks was served under the name that it asks."""
        host = headers.get("x-forwarded-host") or headers.get("host", "")
        return urlsplit(origin).netloc.lower() == host.strip().lower()

    def acceptable(self, headers: Mapping[str, str]) -> bool:
        """Whether a request that changes something, or opens a websocket, may come from its page.

        Browsers name the page's origin; programs name none and are judged by their address and key alone.
        """
        origin = headers.get("origin", "")
        return not origin or self.same_site(origin, headers) or self.allowed(origin)


def _pattern(domain: str) -> re.Pattern[str]:
    text = re.escape(domain.strip()).replace(r"\*", ".*")
    if "://" not in domain:
        text = f"[a-z][a-z0-9+.-]*://{text}"
    return re.compile(text, re.IGNORECASE)
