"""The TLS settings of the listening ports: made in a thread when the first client speaks TLS."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from brokerd.threads import WorkerThreads

__all__ = ["ServerTls", "user_pair"]

log = Logger()


def user_pair(folder: Path) -> tuple[Path, Path] | None:
    """The user's own key and certificate (which may have its chain after it), if both are there. Blocks."""
    key, certificate = folder / "moonraker.key", folder / "moonraker.cert"
    return (key, certificate) if key.is_file() and certificate.is_file() else None


def _load(folder: Path, now: float) -> Any:
    """The context factory. Blocks.

    @raise Exception: if key or certificate is unusable.
    """
    from OpenSSL import crypto
    from twisted.internet.ssl import CertificateOptions, TLSVersion

    pair = user_pair(folder)
    if pair is None:
        from brokerd.tls.authority import Authority
        from brokerd.tls.names import own_addresses, own_names

        moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
        own = Authority(folder).ensure(moment, own_names(), own_addresses())
        pair = (own.key, own.certificate)
    key = crypto.load_privatekey(crypto.FILETYPE_PEM, pair[0].read_bytes())
    first, *chain = _certificates(pair[1].read_bytes())
    options = CertificateOptions(
        privateKey=key,
        certificate=first,
        extraCertChain=chain,
        acceptableProtocols=[b"http/1.1"],
        raiseMinimumTo=TLSVersion.TLSv1_2,
    )
    options.getContext()  # a key that does not fit its certificate shows now
    return options


def _certificates(text: bytes) -> list[Any]:
    from OpenSSL import crypto

    end = b"-----END CERTIFICATE-----"
    blocks = [block + end for block in text.split(end)[:-1]]
    return [crypto.load_certificate(crypto.FILETYPE_PEM, each.lstrip()) for each in blocks]


@define(eq=False, repr=False)
class ServerTls:
    """Gives the context factory, or says why there is none.

    @ivar folder: of certificates.
    @ivar problem: what is wrong with them, or empty.
    """

    folder: Path
    _threads: WorkerThreads
    _now: Callable[[], float]
    problem: str = field(init=False, default="")
    _made: Any = field(init=False, default=None)
    _waiting: list[Deferred[Any]] | None = field(init=False, default=None)

    async def context(self) -> Any:
        """The context factory; None if there is none, which is logged and said in L{problem}."""
        if self._made is not None:
            return self._made
        if self._waiting is not None:
            mine: Deferred[Any] = Deferred()
            self._waiting.append(mine)
            return await mine
        self._waiting = []
        try:
            self._made = await self._threads.run(_load, self.folder, self._now())
            self.problem = ""
        except Exception as error:
            self.problem = f"no TLS: the certificates in {self.folder} are unusable: {error}"
            log.failure("no TLS from {folder}", folder=self.folder)
        waiting, self._waiting = self._waiting, None
        for each in waiting:
            each.callback(self._made)
        return self._made
