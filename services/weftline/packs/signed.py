"""A file that carries its own signature, so that a bank needs the file, the cooperative's public key and no server.

The signature is a JSON Web Signature (RFC 7515) by Ed25519 (RFC 8037, RFC 9864) with its content detached (RFC 7515, appendix F): the
content is all of the file but what :class:`Form` puts around it, byte for byte. Its header names the key by its thumbprint (RFC 7638)
and the form, so that the page of a pack cannot pass for its JSON. What stands around content and signature is fixed, so no byte of a file
can change without a fault.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from weftline.contracts.signing import SigningKey
from weftline.errors import UserError

_ALGORITHM: Final = "Ed25519"
_COMPACT: Final = rb"[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+"
_JWK_BYTES: Final = 10_000
_METAS: Final = re.compile(rb'<meta name="(weftline-pack(?:-json)?)" content="([0-9a-f]+)">')


class Form(Enum):
    """How a file holds content and signature: what stands before, between and behind them, and what its header calls it."""

    JSON = (b'{"pack": ', b',\n"signature": "', b'"}\n', "weftline-pack+json")
    HTML = (b"", b"<!-- weftline-signature ", b" -->\n", "weftline-pack+html")

    def file(self, content: bytes, signature: str) -> bytes:
        before, between, behind, _ = self.value
        return b"".join((before, content, between, signature.encode(), behind))

    def parts(self, data: bytes) -> tuple[bytes, str] | None:
        """Content and signature of a file; None if it is no such file."""
        before, between, behind, _ = self.value
        head, found, tail = data.rpartition(between)
        signature = tail.removesuffix(behind)
        if not found or signature == tail or not head.startswith(before) or re.fullmatch(_COMPACT, signature) is None:
            return None
        return head[len(before) :], signature.decode("ascii")

    @property
    def type(self) -> str:
        return self.value[3]


class Sound(NamedTuple):
    """A file that is as it was signed."""

    form: Form
    content: bytes
    thumbprint: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def said(self) -> dict[str, str | None]:
        """Which pack it is, for messages; of a page also of which JSON."""
        if self.form is Form.HTML:
            metas = {name.decode(): value.decode() for name, value in _METAS.findall(self.content)}
            return {"pack_id": metas.get("weftline-pack"), "json_sha256": metas.get("weftline-pack-json")}
        pack = json.loads(self.content)
        return {name: pack[name] for name in ("pack_id", "purpose", "made_for", "made_at")} | {
            "factory_id": pack["factory"]["id"],
            "json_sha256": self.sha256,
        }


class NotAsSigned(UserError):
    """The file is not as this key signed it, or not signed by it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A cooperative's public key, as whoever checks was given it."""

    key: OKPKey

    @property
    def thumbprint(self) -> str:
        return str(self.key.thumbprint())

    @property
    def jwk(self) -> dict[str, Any]:
        """As RFC 8037 writes it."""
        public = self.key.as_dict(private=False)
        return {
            "kty": public["kty"],
            "crv": public["crv"],
            "x": public["x"],
            "kid": self.thumbprint,
            "alg": _ALGORITHM,
            "use": "sig",
        }

    @classmethod
    def load(cls, path: Path) -> PublicKey:
        """The key in a file that ``weftline pack key`` printed. Raises :class:`UserError`."""
        try:
            with open(path, "rb") as file:
                said = json.loads(file.read(_JWK_BYTES))
            kind, curve, x = said["kty"], said["crv"], said["x"]
            key = OKPKey.import_key({"kty": kind, "crv": curve, "x": x})
            sound = (kind, curve) == ("OKP", _ALGORITHM) and key.as_dict(private=False)["x"] == x
        except OSError as error:
            raise UserError(f"public key {path}: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, JoseError):
            sound = False
        if not sound:
            raise UserError(f"public key {path} is no JSON Web Key of Ed25519, as `weftline pack key` prints it")
        return cls(key)


def public_of(private: SigningKey) -> PublicKey:
    """The public part of a key."""
    return PublicKey(OKPKey.import_key({"kty": "OKP", "crv": _ALGORITHM, "x": private.public}))


def signed(form: Form, content: bytes, private: SigningKey) -> bytes:
    """The file of a content."""
    key = OKPKey.import_key(private.pem)
    compact = jws.serialize_compact(_header(form, public_of(private)), content, key, algorithms=[_ALGORITHM])
    return form.file(content, jws.detach_content(compact))


def check(data: bytes, key: PublicKey) -> Sound:
    """What a file says, if it is as ``key`` signed it. Raises :class:`NotAsSigned`."""
    for form in Form:
        if (parts := form.parts(data)) is None:
            continue
        content, signature = parts
        try:
            found = jws.deserialize_compact(signature, key.key, algorithms=[_ALGORITHM], payload=content)
        except (JoseError, ValueError) as error:
            raise NotAsSigned("is not as this key signed it: a byte was changed, or another key signed it") from error
        if found.headers() != _header(form, key):
            raise NotAsSigned("bears a signature that was made for something else")
        return Sound(form, content, key.thumbprint)
    raise NotAsSigned("is no signed pack: what it ends with was changed, cut off or added to, or never was there")


def _header(form: Form, key: PublicKey) -> dict[str, Any]:
    return {"alg": _ALGORITHM, "kid": key.thumbprint, "typ": form.type}
