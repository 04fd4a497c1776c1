"""Passwords checked by a directory: find the user, look at its groups, bind in its name. All of it blocks."""

from typing import Any

from attrs import frozen

from brokerd.access.settings import LdapConfig
from brokerd.errors import ApiError

__all__ = ["DirectoryFailed", "LdapDirectory"]

_PATIENCE = 5  # seconds for connecting, and for each answer


class DirectoryFailed(ApiError):
    """The directory can't be asked; that says nothing about the password."""

    code = 503


@frozen
class LdapDirectory:
    """One LDAP server."""

    _config: LdapConfig

    def accepts(self, username: str, password: str) -> bool:
        """Whether the directory knows this user with this password, in the group that is asked for. Blocks.

        @raise DirectoryFailed: if it can't be asked.
        """
        from ldap3.core.exceptions import LDAPBindError, LDAPException

        if not username or not password:
            return False  # a bind without a password succeeds for everybody
        try:
            found = self._find(username)
            return found is not None and self._binds(found, password)
        except LDAPBindError as error:
            raise DirectoryFailed(f"the directory does not let us search: {error}")
        except LDAPException as error:
            raise DirectoryFailed(f"the directory {self._config.ldap_host} can't be asked: {error}")

    def _server(self) -> Any:
        import ssl

        from ldap3 import NONE, Server, Tls

        config, tls = self._config, None
        if config.ldap_secure:
            need = ssl.CERT_REQUIRED if config.ldap_verify else ssl.CERT_NONE
            tls = Tls(validate=need, ca_certs_file=config.ldap_ca_file or None)
        return Server(
            config.ldap_host,
            config.ldap_port or (636 if config.ldap_secure else 389),
            use_ssl=config.ldap_secure,
            tls=tls,
            get_info=NONE,
            connect_timeout=_PATIENCE,
        )

    def _connection(self, user: str, password: str) -> Any:
        from ldap3 import Connection

        return Connection(
            self._server(),
            user=user or None,
            password=password or None,
            receive_timeout=_PATIENCE,
            read_only=True,
            raise_exceptions=False,
        )

    def _filter(self, username: str) -> str:
        from ldap3.utils.conv import escape_filter_chars

        attribute = "sAMAccountName" if self._config.is_active_directory else "uid"
        wanted = self._config.user_filter or f"({attribute}=USERNAME)"
        return wanted.replace("USERNAME", escape_filter_chars(username))

    def _find(self, username: str) -> str | None:
        """The one user of that name, if its groups are right: its distinguished name."""
        from ldap3.core.exceptions import LDAPBindError, LDAPOperationResult

        config = self._config
        connection = self._connection(config.bind_dn, config.bind_password)
        try:
            if not connection.bind():
                raise LDAPBindError(connection.result["description"])
            attribute = "memberOf" if config.membership_attribute == "memberof" else "isMemberOf"
            wanted = [attribute] if config.group_dn else None
            connection.search(config.base_dn, self._filter(username), attributes=wanted, size_limit=2)
            if connection.result["result"] not in (0, 4):  # success, more than two found
                raise LDAPOperationResult(
                    result=connection.result["result"], description=connection.result["description"]
                )
            found = [each for each in connection.response or () if each.get("type") == "searchResEntry"]
            if len(found) != 1 or not self._in_group(found[0].get("attributes", {}).get(attribute)):
                return None
            return str(found[0]["dn"])
        finally:
            connection.unbind()

    def _in_group(self, groups: Any) -> bool:
        wanted = self._config.group_dn
        if not wanted:
            return True
        names = [groups] if isinstance(groups, str) else list(groups or ())
        if self._config.check_dn_case:
            return wanted in names
        return wanted.lower() in (each.lower() for each in names)

    def _binds(self, name: str, password: str) -> bool:
        connection = self._connection(name, password)
        try:
            return bool(connection.bind())
        finally:
            connection.unbind()
