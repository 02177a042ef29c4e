"""Private keys that a setting names, for programs that sign."""

from __future__ import annotations

from pathlib import Path

from weftline.contracts.signing import SigningKey
from weftline.errors import UserError
from weftline.runtime.settings import secrets_folder


def signing_key(path: Path | None) -> SigningKey | None:
    """The key in a file; None where there is none. A file among the secrets is guarded by their folder, not by its mode, since
    containers of several users read them; an empty one there is none. Raises :class:`UserError`."""
    if path is None:
        return None
    folder = secrets_folder()
    if folder is None or not path.resolve().is_relative_to(folder.resolve()):
        return SigningKey.load(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UserError(f"private key {path}: {error.strerror}") from None
    return SigningKey.parse(text, path) if text.strip() else None
