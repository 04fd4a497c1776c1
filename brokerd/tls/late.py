"""Twisted's TLS, imported when a connection needs it: it takes 10 MB and a tenth of the start.

Twisted does without pyOpenSSL where it isn't installed. So its transports are imported as if it weren't
(L{without_tls}), and what Twisted then lacks is put in place later (L{bring_tls}). Listening with TLS needs
nothing of this: L{brokerd.faces.port} wraps connections itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["bring_tls", "without_tls"]

_BINDINGS = ("OpenSSL", "service_identity")
_LACKING = (
    "Certificate",
    "CertificateOptions",
    "KeyPair",
    "PrivateCertificate",
    "optionsForClientTLS",
    "trustRootFromCertificates",
)
"""Names of L{twisted.internet.ssl} that L{twisted.internet.endpoints} has where there is TLS."""


@contextmanager
def without_tls() -> Iterator[None]:
    """Import inside what would import TLS at once, such as a reactor."""
    hidden = [name for name in _BINDINGS if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def bring_tls() -> None:
    """Let Twisted's endpoints have TLS, however they were imported."""
    from twisted.internet import endpoints

    if endpoints.TLSMemoryBIOFactory is None:
        from twisted.internet import ssl
        from twisted.protocols.tls import TLSMemoryBIOFactory

        for name in _LACKING:
            setattr(endpoints, name, getattr(ssl, name))
        endpoints.TLSMemoryBIOFactory = TLSMemoryBIOFactory
