"""TLS of the listener and of the client: version 1.2 at least, certificates from PEM files."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from codebooks.errors import GrouperError, Where

if TYPE_CHECKING:
    from hl7_adapters.mllp.options import ListenerOptions, SenderOptions


def server_context(options: ListenerOptions) -> ssl.SSLContext | None:
    """The listener's side; None without a certificate.

    With ``tls_client_ca`` a client without a certificate of that authority is refused.

    Raises:
        GrouperError: ``TLS_FILES``.
    """
    if not options.tls_certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _own(context, options.tls_certificate, options.tls_key)
    if options.tls_client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, options.tls_client_ca)
    return context


def client_context(options: SenderOptions) -> ssl.SSLContext | None:
    """The client's side; None without ``tls``. The receiver's name is always checked.

    Raises:
        GrouperError: ``TLS_FILES``.
    """
    if not options.tls:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if options.tls_ca:
        _trust(context, options.tls_ca)
    else:
        context.load_default_certs()
    if options.tls_certificate:
        _own(context, options.tls_certificate, options.tls_key)
    return context


def _own(context: ssl.SSLContext, certificate: str, key: str) -> None:
    try:
        # An empty password: a key under a password is an error, not a question at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError):
        raise GrouperError("TLS_FILES", Where(file=certificate)) from None


def _trust(context: ssl.SSLContext, authorities: str) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ValueError):
        raise GrouperError("TLS_FILES", Where(file=authorities)) from None
