"""TLS: whom our programs trust as clients, and what they show as servers."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Final

from weftline.errors import UserError

#: In place of a file: the authorities that this machine trusts.
SYSTEM: Final = "system"


def trusting(ca: str | Path) -> ssl.SSLContext:
    """A client's context that trusts the authorities of a PEM file, or of the machine (:data:`SYSTEM`), and checks the server's name.

    Raises :class:`UserError` for a file that cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=None if ca == SYSTEM else str(ca))
    except ssl.SSLError:
        raise UserError(f"{ca} is no PEM file of certificates; name the file of the authority that signed the server's") from None
    except OSError as error:
        raise UserError(f"certificates of authorities {ca}: {error.strerror}") from None


def shown_by(certificate: Path) -> ssl.SSLContext:
    """A client's context that trusts what a PEM file shows and nothing else, by whatever name: to ask a server of one's own how it is."""
    context = trusting(certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What a server that takes such a context shows."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def serving(certificate: Path | None, key: Path | None) -> dict[str, Any]:
    """What uvicorn is told to serve by TLS; nothing without a certificate.

    Raises :class:`UserError` for files that are not there or do not belong together.
    """
    if certificate is None and key is None:
        return {}
    if certificate is None or key is None:
        raise UserError("TLS: give WEFTLINE_TLS_CERTIFICATE and WEFTLINE_TLS_KEY, or neither")
    for path in (certificate, key):
        if not path.is_file():
            raise UserError(f"TLS: there is no file {path}; `weftline certificate` makes a certificate for trying")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError) as error:
        raise UserError(
            f"TLS: {certificate} and {key} are no certificate and its key (both PEM, the key without a password): {error}"
        ) from None
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}
