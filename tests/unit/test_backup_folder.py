"""A backup's folder: what was written is read back, and whatever is not as it was written is refused by name."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weftline.errors import UserError
from weftline.warehouse import backup_folder
from weftline.warehouse.backup_folder import MANIFEST, Manifest, Place

ROWS = {"order_records": [b"rows ", b"of records" * 1000], "alerts": [b""], "restores": []}
FILES = [*(f"{table}.native.zst" for table in ROWS), MANIFEST]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "deep" / "backup"
    backup_folder.create(place)
    tables = tuple(backup_folder.write_table(place, table, pieces) for table, pieces in ROWS.items())
    places = {"orders": Place("sample.orders.v1", "an-id", {2: 5, 10: 7})}
    backup_folder.write_manifest(place, Manifest("id", "0.1.0", 1, 10, 20, {"0001_a.sql": "sum"}, places, 5, tables))
    return place


def test_what_was_written_is_read_back_and_only_its_owner_may(folder: Path) -> None:
    manifest = backup_folder.read(folder)
    assert manifest.places["orders"].committed == {2: 5, 10: 7}
    for table in manifest.tables:
        packed = (folder / table.file).read_bytes()
        assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == b"".join(ROWS[table.table])
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def _missing(path: Path, _at: float) -> None:
    path.unlink()


def _cut(path: Path, at: float) -> None:
    path.write_bytes(path.read_bytes()[: int(at * path.stat().st_size)])


def _flipped(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1
    path.write_bytes(data)


def _longer(path: Path, _at: float) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(FILES),
    damage=st.sampled_from([_missing, _cut, _flipped, _longer]),
    at=st.floats(0, 1, exclude_max=True),
)
def test_any_damage_to_any_file_is_refused_and_the_file_is_named(
    folder: Path, name: str, damage: Callable[[Path, float], None], at: float
) -> None:
    path = folder / name
    before = path.read_bytes()
    try:
        damage(path, at)
        with pytest.raises(UserError, match=re.escape(str(path))):
            backup_folder.read(folder)
    finally:
        path.write_bytes(before)
    backup_folder.read(folder)


def test_an_edited_manifest_is_refused_though_it_is_sound_json(folder: Path) -> None:
    path = folder / MANIFEST
    content = json.loads(path.read_text("utf-8"))
    content["places"]["orders"]["committed"]["2"] = 4
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(UserError, match=r"manifest\.json: was changed"):
        backup_folder.read(folder)


def test_a_folder_that_is_there_is_never_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for place in (tmp_path, tmp_path / "mine"):
        with pytest.raises(UserError, match="exists"):
            backup_folder.create(place)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_backup_that_did_not_end_is_none(tmp_path: Path) -> None:
    backup_folder.create(tmp_path / "half")
    backup_folder.write_table(tmp_path / "half", "alerts", [b"x"])
    with pytest.raises(UserError, match="did not end"):
        backup_folder.read(tmp_path / "half")
    with pytest.raises(UserError, match="no such folder"):
        backup_folder.read(tmp_path / "nowhere")
