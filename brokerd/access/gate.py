"""The one place that says who a request's caller is."""

from collections.abc import Mapping

from attrs import frozen

from brokerd.access.addresses import AddressRules
from brokerd.access.keys import ApiKey, OneshotTokens
from brokerd.access.origins import OriginRules
from brokerd.errors import Forbidden, Unauthorized
from brokerd.registry.caller import Caller, Role

__all__ = ["Gate"]


@frozen
class Gate:
    """Judges callers.

    @ivar enable_api_key: whether the API key opens the door.
    """

    addresses: AddressRules
    origins: OriginRules
    key: ApiKey
    tokens: OneshotTokens
    enable_api_key: bool = True

    def caller(self, peer: str, headers: Mapping[str, str], token: str = "") -> Caller:
        """The caller of a request.

        @param headers: lower-case names.
        @param token: the C{token} of its query string, if any.
        @raise Unauthorized: if it shows a key or token that is wrong.
        """
        origin = self.addresses.origin(peer, headers)
        key = headers.get("x-api-key", "")
        if key and not self.unlocks(key) and not origin.trusted:
            raise Unauthorized("the API key is wrong")
        if origin.trusted or key:
            return Caller(Role.ADMIN, origin.address, origin.trusted)
        if token:
            role = self.tokens.redeem(token)
            if role is None:
                raise Unauthorized("the token is wrong or too old")
            return Caller(role, origin.address)
        return Caller(Role.ANYONE, origin.address)

    def unlocks(self, key: str) -> bool:
        """Whether that is the API key, and keys are accepted."""
        return self.enable_api_key and self.key.matches(key)

    def check_page(self, headers: Mapping[str, str]) -> None:
        """Refuse changes that a foreign page makes in the name of a trusted browser.

        @raise Forbidden: if the request comes from a page that may not.
        """
        if not self.origins.acceptable(headers):
            raise Forbidden(f"the page {headers.get('origin')} may not do this: see cors_domains")
