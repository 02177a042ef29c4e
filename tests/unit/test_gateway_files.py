"""Spreadsheets over HTTP: a partner's mapping, its ledger, and nobody else's rows."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.examples import CODEC, ORDER
from tests.support.gateway import World
from tests.support.spreadsheets import HEADER, ORDERS, ROWS, write_csv, write_xlsx

from weftline.errors import UserError
from weftline.gateway import uploads

#: The partner of these tests can be one source, center and cooperative only, so its mapping need not say them.
OWN = "\n".join(line for line in ORDERS.splitlines() if not line.startswith("constants"))
FOREIGN = ORDERS.replace("https://lims.example/c1", ORDER.source)


@pytest.fixture
def world() -> World:
    world = World()
    assert world.ask("center", "PUT", "/v1/mappings/orders", content=OWN.encode()).status_code == 200
    return world


def table(tmp_path: Path, rows: Sequence[Sequence[Any]]) -> bytes:
    return write_csv(tmp_path / "orders.csv", [HEADER, *rows]).read_bytes()


def send(world: World, data: bytes, who: str = "center", **asked: Any) -> Any:
    return world.ask(who, "POST", "/v1/files", params={"mapping": "orders", "name": "orders.csv", **asked}, content=data)


def events(world: World) -> list[Any]:
    return [CODEC.decode(record.topic, record.value) for record in world.outbox.sent]


# -- Mappings


def test_a_mapping_is_kept_per_partner_with_hash_and_date(world: World) -> None:
    kept = world.ask("center", "PUT", "/v1/mappings/orders", content=OWN.encode()).json()
    assert world.ask("center", "GET", "/v1/mappings").json() == {"mappings": [kept]}
    assert len(kept["sha256"]) == 64
    found = world.ask("center", "GET", "/v1/mappings/orders")
    assert found.text == OWN
    assert found.headers["etag"] == f'"{kept["sha256"]}"'
    assert world.ask("other", "GET", "/v1/mappings").json() == {"mappings": []}
    assert world.ask("other", "GET", "/v1/mappings/orders").status_code == 404


def test_what_is_wrong_with_a_mapping_is_told_with_its_line(world: World) -> None:
    wrong = world.ask("center", "PUT", "/v1/mappings/orders", content=OWN.replace("order_id", "oder_id").encode())
    assert wrong.status_code == 422
    assert "order_id" in wrong.json()["detail"]
    assert world.ask("center", "GET", "/v1/mappings/orders").text == OWN


@pytest.mark.parametrize("name", [".hidden", "a" * 65, "a b", "单"])
def test_a_mapping_has_a_plain_name(world: World, name: str) -> None:
    assert world.ask("center", "PUT", f"/v1/mappings/{name}", content=OWN.encode()).status_code == 422


@pytest.mark.parametrize("who", ["factory", "officer", "operator", None])
def test_only_who_publishes_has_files_and_mappings(world: World, who: str | None) -> None:
    expected = 401 if who is None else 403
    for method, path in (
        ("POST", "/v1/files?mapping=orders"),
        ("PUT", "/v1/mappings/m"),
        ("GET", "/v1/mappings"),
        ("GET", "/v1/mappings/m"),
    ):
        assert world.ask(who, method, path, content=b"").status_code == expected


# -- Files


def test_a_file_is_published_once_and_an_edited_row_takes_the_old_event_back(world: World, tmp_path: Path) -> None:
    first = send(world, table(tmp_path, ROWS))
    assert (first.status_code, first.json()["new"], first.json()["file"]) == (202, 3, "orders.csv")
    assert {(event.source, event.center_id) for event in events(world)} == {(ORDER.source, ORDER.center_id)}
    assert "已全部发布" in first.json()["text"]

    again = send(world, table(tmp_path, ROWS))
    assert (again.status_code, again.json()["new"], again.json()["unchanged"]) == (202, 0, 3)
    assert len(events(world)) == 3

    edited = send(world, table(tmp_path, [[*ROWS[0][:8], 4], *ROWS[1:]]))
    assert (edited.json()["edited"], edited.json()["unchanged"]) == (1, 2)
    declared, new = events(world)[3:] if events(world)[3].error_declaration else reversed(events(world)[3:])
    assert (declared.event_id, declared.error_declaration is not None) == (events(world)[0].event_id, True)
    assert (new.order_id, new.quantity, new.error_declaration) == ("A-30", 4, None)


def test_a_workbook_is_taken_as_well(world: World, tmp_path: Path) -> None:
    data = write_xlsx(tmp_path / "orders.xlsx", [HEADER, *ROWS]).read_bytes()
    assert send(world, data, name="../orders.xlsx").json()["new"] == 3


def test_a_dry_run_sends_nothing_and_shows_everything(world: World, tmp_path: Path) -> None:
    odd = [[*ROWS[0][:4], "shet", *ROWS[0][5:]], *ROWS[1:]]
    shown = send(world, table(tmp_path, odd), dry_run=True)
    assert shown.status_code == 200
    assert [change["event"]["order_id"] for change in shown.json()["changes"]] == ["A-30", "A-30", "0031"]
    assert "shet" in shown.json()["warnings"][0]["reason"]
    assert "nothing was published" in shown.json()["text"]
    assert "All of it" not in shown.json()["text"]
    assert events(world) == []
    assert send(world, table(tmp_path, ROWS)).json()["new"] == 3


def test_one_faulty_cell_holds_up_all_and_is_named(world: World, tmp_path: Path) -> None:
    data = table(tmp_path, [*ROWS, [*ROWS[0][:2], "A-31", *ROWS[0][3:8], "drei"]])
    refused = send(world, data)
    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json()["faults"]] == ["I5 数量"]
    assert str(tmp_path.parent) not in refused.text
    assert "/tmp" not in refused.text
    assert "with &skip_faulty=true" in refused.json()["detail"]
    assert events(world) == []
    assert send(world, data, skip_faulty=True).json()["faulty_rows"] == 1
    assert len(events(world)) == 3


def test_rows_that_speak_for_somebody_else_are_refused_and_nothing_is_sent(world: World, tmp_path: Path) -> None:
    world.ask("center", "PUT", "/v1/mappings/orders", content=FOREIGN.encode())
    refused = send(world, table(tmp_path, ROWS))
    assert refused.status_code == 422
    assert "this token does not speak for 'c1'" in refused.json()["detail"]
    assert events(world) == []


def test_two_partners_have_two_ledgers(world: World, tmp_path: Path) -> None:
    send(world, table(tmp_path, ROWS))
    assert world.ask("other", "PUT", "/v1/mappings/orders", content=OWN.encode()).status_code == 200
    assert send(world, table(tmp_path, ROWS), "other").json()["new"] == 3


def test_what_kafka_did_not_take_is_sent_with_the_next_try(world: World, tmp_path: Path) -> None:
    world.outbox.down = True
    assert send(world, table(tmp_path, ROWS)).status_code == 503
    world.outbox.down = False
    assert send(world, table(tmp_path, ROWS)).json()["resent"] == 3
    assert sorted(event.order_id for event in events(world)) == ["0031", "A-30", "A-30"]


def test_a_file_has_limits(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_ROWS", 2)
    long = send(world, table(tmp_path, ROWS))
    assert (long.status_code, "more than 2 rows" in long.json()["detail"]) == (422, True)
    large = world.ask("center", "POST", "/v1/files?mapping=orders", content=b"x" * (uploads.MAX_BYTES + 1))
    assert large.status_code == 413
    assert send(world, b"\0\1\2\3nothing").status_code == 422
    assert send(world, b"", mapping="unknown").status_code == 404
    assert events(world) == []


def bomb(declared: int | None) -> bytes:
    """A workbook of 1 MB that unpacks to more than is taken; ``declared``: the size that its table of contents says."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("xl/worksheets/sheet1.xml", "w") as part:
        for _ in range(uploads.MAX_UNPACKED_BYTES // (1 << 20) + 1):
            part.write(bytes(1 << 20))
    data = target.getvalue()
    if declared is not None:
        real = (uploads.MAX_UNPACKED_BYTES // (1 << 20) + 1 << 20).to_bytes(4, "little")
        assert data.count(real) >= 1
        data = data.replace(real, declared.to_bytes(4, "little"))
    return data


@pytest.mark.parametrize("declared", [None, 1000])
def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_read(tmp_path: Path, declared: int | None) -> None:
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(bomb(declared))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UserError, match="unpacks to more than 128 MB"):
        uploads.refuse_bomb(path)
