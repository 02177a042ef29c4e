"""A backup as a folder: a file per table, and ``manifest.json``, which says what belongs to it and is written last.

So a folder without a manifest is a backup that did not end, and every byte of one with a manifest is held against a SHA-256: what is
cut, changed or missing is refused, and named. That is a guard against accidents, not against somebody who means it.

Files are ``TABLE.native.zst``, ClickHouse's Native format under zstd; ``clickhouse local`` reads them without us. Only their owner may
read them: they hold everything that was published.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import zstandard

from weftline.errors import UserError

#: Changes when an older Weftline could not read what a newer one writes.
FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
LEVEL: Final = 3
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table's rows: the file, its length in bytes and its SHA-256."""

    table: str
    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Place:
    """How far a processor had read its topic: ``committed`` by partition, each the next record to read."""

    topic: str
    topic_id: str
    committed: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is: who made it (``weftline``, ``edition`` of the rules, ``migrations`` with their checksums), when (ms, UTC), the
    processors' ``places`` as they were *before* the first table was read, by processor, and the files. ``unsettled_since`` (ms): what
    was stored from then on may be missing in tables that are made from records."""

    id: str
    weftline: str
    edition: int
    began_at: int
    ended_at: int
    migrations: Mapping[str, str]
    places: Mapping[str, Place]
    unsettled_since: int
    tables: tuple[TableFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(table.bytes for table in self.tables)


def create(folder: Path) -> None:
    """Make the folder, for its owner alone; one that is there already is refused, whatever is in it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise UserError(f"{folder} exists; a backup goes into a folder of its own, name a new one") from None


def write_table(folder: Path, table: str, pieces: Iterable[bytes]) -> TableFile:
    """Write the rows of a table, on the disk when it returns."""
    path = folder / f"{table}.native.zst"
    digest = hashlib.sha256()
    length = 0
    packer = zstandard.ZstdCompressor(level=LEVEL).compressobj()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:

        def put(data: bytes) -> int:
            digest.update(data)
            file.write(data)
            return len(data)

        for piece in pieces:
            length += put(packer.compress(piece))
        length += put(packer.flush())
        file.flush()
        os.fsync(file.fileno())
    return TableFile(table, path.name, length, digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """End a backup: from now on it is one."""
    # Through JSON once: it makes texts of the partitions' numbers, which sort otherwise.
    content = json.loads(json.dumps({"format": FORMAT, **asdict(manifest)}))
    fresh = folder / f"{MANIFEST}.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(json.dumps({**content, "sha256": _digest(content)}, indent=2))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(folder / MANIFEST)
    for place in (folder, folder.parent):
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(folder: Path) -> Manifest:
    """The manifest of a backup, every file of which is as it was written. UserError names the file that is not."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text("utf-8"))
        said, format_ = content.pop("sha256"), content.pop("format")
    except FileNotFoundError:
        why = "the backup did not end; take another" if folder.is_dir() else "there is no such folder"
        raise UserError(f"{path}: is missing: {why}") from None
    except (ValueError, KeyError, AttributeError):
        raise UserError(f"{path}: is damaged; take another backup") from None
    if format_ != FORMAT:
        raise UserError(f"{path}: is of format {format_}, this Weftline reads format {FORMAT}; use the one that made it")
    if said != _digest({"format": format_, **content}):
        raise UserError(f"{path}: was changed since it was written; take another backup")
    manifest = _manifest(content)
    for table in manifest.tables:
        _check(folder / table.file, table)
    return manifest


def _manifest(content: dict[str, Any]) -> Manifest:
    places = {
        name: Place(of["topic"], of["topic_id"], {int(partition): offset for partition, offset in of["committed"].items()})
        for name, of in content.pop("places").items()
    }
    tables = tuple(TableFile(**table) for table in content.pop("tables"))
    return Manifest(**content, places=places, tables=tables)


def _check(path: Path, table: TableFile) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            length = file.tell()
    except FileNotFoundError:
        raise UserError(f"{path}: is missing; take another backup") from None
    if length != table.bytes:
        raise UserError(f"{path}: has {length:,} bytes, the manifest says {table.bytes:,}; take another backup")
    if digest != table.sha256:
        raise UserError(f"{path}: was changed or damaged since it was written (its SHA-256 is another); take another backup")


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
