"""The passwords of the embedded ClickHouse: made at the first start, kept in the data folder where only its owner can read them.

``passwords/NAME`` holds one password and a line end, so that ``$(cat .weftline/passwords/reader)`` is one.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

FOLDER: Final = "passwords"


@dataclass(frozen=True, slots=True)
class Passwords:
    """By user: ``weftline`` is all of our programs but the board; ``reader`` is whoever asks with SQL."""

    weftline: str = field(repr=False)
    board: str = field(repr=False)
    reader: str = field(repr=False)


def read_passwords(folder: Path) -> Passwords | None:
    """Those of the stack in ``folder``; None if it has none, or they are somebody else's."""
    try:
        return Passwords(**{user.name: (folder / FOLDER / user.name).read_text("utf-8").strip() for user in fields(Passwords)})
    except (OSError, ValueError):
        return None


def ensure_passwords(folder: Path, given: str = "") -> Passwords:
    """Those of the stack in ``folder``, made where they are missing. ``given``: what ``weftline`` shall have; empty: what it had."""
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = {}
    for user in fields(Passwords):
        path = place / user.name
        known = path.read_text("utf-8").strip() if path.exists() else ""
        wanted = (given if user.name == "weftline" else "") or known or secrets.token_hex(20)
        if wanted != known:
            write_private(path, f"{wanted}\n")
        found[user.name] = wanted
    return Passwords(**found)


def ensure_link_key(folder: Path) -> str:
    """The key with which links to inboxes are signed (:mod:`weftline.pages.links`), made where it is missing: ``passwords/links``."""
    path = folder / FOLDER / "links"
    if not path.exists():
        write_private(path, f"{secrets.token_hex(32)}\n")
    return path.read_text("utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """A file that only its owner may read, there as a whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
