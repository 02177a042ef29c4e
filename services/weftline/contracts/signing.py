"""Signatures of publishers: Ed25519 over topic, key and value, in a header of the record.

Kafka knows who may write to a topic, not for whom he speaks; a signature lies in the log beside what it vouches for, so that anybody can
check it later, and a copy of the record keeps it. The header :data:`HEADER` reads ``KEY.SIGNATURE``: the public key (32 bytes) and the
signature (64 bytes), each in base64url without padding. Signed is what :func:`signed` says.

Microseconds of CPU on one of two busy cores: to sign 45, to check 138, for events of 173 to 515 bytes alike; 405 and 344 for 100 kB. An
event costs a processor 70 to 240 without it. A record whose key nobody has been granted is refused before it is checked.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
import struct
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from weftline.errors import UserError

HEADER: Final = "weftline_signature"
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64
#: So that a signature made for another purpose, or by another version of this rule, is none here.
_DOMAIN: Final = b"weftline-event-1"


class Signature(NamedTuple):
    """What the header holds."""

    public_key: bytes
    signature: bytes


def signed(topic: str, key: bytes | None, value: bytes) -> bytes:
    """The bytes that are signed: a tag, then topic and key, each after its length (4 bytes, big endian), then the value."""
    parts = (topic.encode(), key or b"")
    return b"".join((_DOMAIN, *(struct.pack(">I", len(part)) + part for part in parts), value))


def parse(header: bytes) -> Signature | None:
    """The signature in a header, or None if there is none in it."""
    key, _, signature = header.partition(b".")
    try:
        found = Signature(_decoded(key), _decoded(signature))
    except (ValueError, binascii.Error):
        return None
    sound = len(found.public_key) == _KEY_BYTES and len(found.signature) == _SIGNATURE_BYTES
    return found if sound else None


def vouches(by: Signature, topic: str, key: bytes | None, value: bytes) -> bool:
    """Whether the signature is of these bytes."""
    try:
        Ed25519PublicKey.from_public_bytes(by.public_key).verify(by.signature, signed(topic, key, value))
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """A publisher's private key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = written(key.public_key().public_bytes_raw())

    @classmethod
    def new(cls) -> SigningKey:
        """A key that nobody else has."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path | str) -> SigningKey:
        """The key in a PEM file (PKCS 8, not encrypted). :class:`UserError` for a file that is none, or that others may read."""
        try:
            # Open first, then look: a file is not exchanged in between.
            with open(path, "rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(10_000)
        except OSError as error:
            raise UserError(f"private key {path}: {error.strerror}; `weftline publisher key new` makes one") from None
        if stat.S_ISREG(mode) and mode & (stat.S_IRWXO | stat.S_IWGRP):
            raise UserError(f"private key {path}: others may read or change it; `chmod 600 {path}`")
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: bytes, path: Path | str) -> SigningKey:
        """The same of a text that was read; ``path`` is where, for messages."""
        try:
            key = load_pem_private_key(text, password=None)
        except (ValueError, TypeError) as error:
            raise UserError(f"private key {path} is no PEM file of an unencrypted private key: {error}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise UserError(f"private key {path} is not of Ed25519; `weftline publisher key new` makes one")
        return cls(key)

    @property
    def pem(self) -> bytes:
        """The private key as a file has it."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def save(self, path: Path) -> None:
        """Write the key to a new file that its owner alone may read. :class:`UserError` if there is a file of that name."""
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(self.pem)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; choose another name, or move it away") from None

    def header(self, topic: str, key: bytes | None, value: bytes) -> tuple[str, bytes]:
        """The header that vouches for a record."""
        signature = self._key.sign(signed(topic, key, value))
        return HEADER, f"{self.public}.{_written(signature)}".encode()


def written(public_key: bytes) -> str:
    """A public key as reference data and headers write it: 43 characters."""
    return _written(public_key)


def public_key(text: str) -> bytes:
    """The 32 bytes of a public key that :func:`written` wrote. Raises :class:`ValueError`."""
    key = _decoded(text.encode())
    if len(key) != _KEY_BYTES:
        raise ValueError(f"has {len(key)} bytes, not {_KEY_BYTES}")
    return key


def _written(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: bytes) -> bytes:
    data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _written(data).encode() != text:
        raise ValueError("is not the one spelling of its bytes")
    return data
