"""Certificates for trying TLS: an authority that signs one server and is forgotten."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weftline.errors import UserError

ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
#: Clocks of two machines differ.
_EARLIER: Final = timedelta(hours=1)


class Files(NamedTuple):
    """What was made."""

    authority: Path
    certificate: Path
    key: Path


def make(folder: Path, names: Iterable[str], days: int) -> Files:
    """Write ``ca.pem``, ``server.pem`` and ``server.key`` (mode 0600). :class:`UserError` if one is there, or a name is none."""
    files = Files(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if there := [str(path) for path in files if path.exists()]:
        raise UserError(f"{', '.join(there)}: there is one already; name another folder, or remove it")
    alternatives = x509.SubjectAlternativeName(list(map(_alternative, dict.fromkeys((*ALWAYS, *names)))))
    begin = datetime.now(UTC) - _EARLIER
    end = begin + _EARLIER + timedelta(days=days)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = _name("Weftline, for trying"), _name("Weftline")
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())

    def blank(of: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().issuer_name(issuer).subject_name(of).public_key(public)
        return made.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)

    authority = (
        blank(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    server = (
        blank(subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path, data, mode in (
        (files.key, secret, 0o600),
        (files.certificate, server.public_bytes(Encoding.PEM), 0o644),
        (files.authority, authority.public_bytes(Encoding.PEM), 0o644),
    ):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    return files


def ends_at(certificate: Path) -> datetime:
    """Until when the first certificate of a PEM file holds; :class:`UserError` if it holds none."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise UserError(f"{certificate} holds no certificate: {error}") from None


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not name.isascii() or not name.replace("-", "").replace(".", "").isalnum():
        raise UserError(f"{name!r} is no name of a server; give it without scheme and port, such as board.example")
    return x509.DNSName(name)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
