"""What publishers should mend is seen: one identity with several contents or owners, a declaration whose event is not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.support.examples import CODEC, MEMBER, ORDER, REPORT, SHIPMENT

from weftline.contracts.codec import FRAMING, rank_of
from weftline.contracts.kinds import BY_PROCESSOR, kind_of
from weftline.contracts.reference import read_reference
from weftline.domain.events import ErrorDeclaration
from weftline.domain.vocabulary import ErrorReason
from weftline.runtime.settings import Settings
from weftline.warehouse.advice import Stored, standing
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.reference import load as load_reference

TABLES = {kind.name: kind.records for kind in BY_PROCESSOR.values()}
BASE = [ORDER, REPORT, SHIPMENT, MEMBER]


@pytest.fixture(scope="module")
def database(clickhouse: str) -> Settings:
    own = Settings(clickhouse=clickhouse, clickhouse_database=f"mend_{os.getpid()}")
    with reader(own, database="system") as root:
        root.command(f"CREATE DATABASE {own.clickhouse_database}")
    migrate(own)
    return own


@pytest.fixture
def server(database: Settings) -> Iterator[Reader]:
    with reader(database) as found:
        yield found
        for table in TABLES.values():
            found.command(f"TRUNCATE TABLE {table}")


def stored(server: Reader, *events: Any) -> None:
    """Events as processors store them."""
    for event in events:
        table = TABLES[kind_of(event).name]
        value = CODEC.encode(event)
        server.command(
            f"INSERT INTO {table} (owner, event_time, source, event_id, rank, value) SELECT "
            "{owner:String}, fromUnixTimestamp64Milli({time:Int64}), {source:String}, {id:String}, {rank:UInt64}, unhex({value:String})",
            {
                "owner": event.owner,
                "time": event.event_time,
                "source": event.source,
                "id": event.event_id,
                "rank": rank_of(value[FRAMING:], event.error_declaration is not None),
                "value": value.hex(),
            },
        )


def declared(event: Any, **changes: Any) -> Any:
    return replace(event, error_declaration=ErrorDeclaration(event.event_time + 1, ErrorReason.INCORRECT_DATA, ()), **changes)


def elsewhere(event: Any) -> Any:
    """The same identity of another owner."""
    for field in ("order_id", "shipment_id"):
        if hasattr(event, field) and event.owner.endswith(str(getattr(event, field))):
            return replace(event, **{field: "another"})
    return replace(event, factory_id="another")


@pytest.mark.parametrize("event", BASE, ids=lambda event: type(event).__name__)
def test_what_is_said_twice_under_one_identity_is_listed_once(server: Reader, event: Any) -> None:
    alone = replace(event, event_id="alone")
    repeated = replace(event, event_id="repeated")
    corrected = replace(event, event_id="corrected")
    changed = replace(event, event_id="changed")
    moved = replace(event, event_id="moved")
    two = replace(event, event_id="two")
    stored(server, alone, repeated, repeated, corrected, declared(corrected))
    assert server.rows("SELECT * FROM identity_conflicts") == []
    stored(server, changed, replace(changed, center_id="other") if event is not ORDER else replace(changed, quantity=999))
    stored(server, moved, replace(moved, event_time=event.event_time + 5))
    stored(server, two, elsewhere(two))
    # The same identity of another source is another.
    stored(server, replace(elsewhere(alone), source="https://another.example"))
    found = server.rows("SELECT event_id, contents, length(event_times), owners, owner FROM identity_conflicts ORDER BY event_id")
    owners = sorted([two.owner, elsewhere(two).owner])
    assert [tuple(row) for row in found] == [
        ("changed", 2, 1, [event.owner], event.owner),
        ("moved", 2, 2, [event.owner], event.owner),
        ("two", 2, 1, owners, owners[0]),
    ]


@pytest.mark.parametrize("event", BASE, ids=lambda event: type(event).__name__)
def test_a_declaration_that_points_at_nothing_stands_until_its_event_comes(server: Reader, event: Any) -> None:
    right, lost, late = (replace(event, event_id=name) for name in ("right", "lost", "late"))
    stored(server, right, declared(right), declared(lost), late, declared(late, event_time=event.event_time + 60_000))
    # Told twice it is still one.
    stored(server, declared(lost))
    rows = "SELECT event_id, what, toUnixTimestamp64Milli(event_time), arrayMap(t -> toUnixTimestamp64Milli(t), event_times), owner FROM "
    found = server.rows(f"{rows} unmatched_declarations ORDER BY event_id")
    time = event.event_time
    assert [tuple(row) for row in found] == [
        ("late", "OTHER_TIME", time + 60_000, [time], event.owner),
        ("lost", "NO_EVENT", time, [], event.owner),
    ]
    stored(server, lost)
    assert [row[0] for row in server.rows("SELECT event_id FROM unmatched_declarations")] == ["late"]


@pytest.mark.parametrize("event", BASE, ids=lambda event: type(event).__name__)
def test_whoever_publishes_is_told_what_the_tables_know(server: Reader, event: Any) -> None:
    stored(server, event, declared(replace(event, event_id="gone")), replace(event, event_id="gone"))

    def said(*events: Any) -> list[str]:
        return ["; ".join(map(str, advice)) for advice in Stored(server).advise(events)]

    fresh = replace(event, event_id="fresh")
    later = replace(event, event_time=event.event_time + 1)
    found = said(fresh, event, later, elsewhere(event), replace(event, event_id="gone"), replace(event, source="https://x.example"))
    assert found[:2] == ["", ""]  # new; the same again
    assert "was published before with other content" in found[2]
    assert "was published before with other content" in found[3]
    assert "was declared erroneous, so this counts nothing" in found[4]
    assert found[5] == ""
    declarations = said(declared(event), declared(fresh), declared(later), declared(elsewhere(event)))
    assert declarations[0] == ""
    assert "which is not in the tables; until it comes nothing is corrected" in declarations[1]
    assert "happened at" in declarations[2]
    assert f"is about '{event.owner}' and not about '{elsewhere(event).owner}'" in declarations[3]


def test_parties_are_told_with_the_nearest_name_once_reference_data_say_who_there_is(server: Reader) -> None:
    assert Stored(server).advise([ORDER]) == [()]
    text = f"""
centers:
  - {{id: {ORDER.center_id}, valid_from: 2020-01-01, cooperative_id: nantong, name_zh: 中心, name_en: Center, source: test}}
factories:
  - {{id: {ORDER.factory_id}, valid_from: 2020-01-01, cooperative_id: nantong, name_zh: 工厂, name_en: Mill, source: test}}
"""
    load_reference(server, read_reference(text, "x"))
    try:
        misspelt = replace(ORDER, center_id=f"{ORDER.center_id}x", factory_id=f"x{ORDER.factory_id}")
        known, wrong = Stored(server).advise([ORDER, misspelt])
        assert known == ()
        assert [one.field for one in wrong] == ["center_id", "factory_id"]
        assert f"(did you mean {ORDER.center_id}?)" in wrong[0].problem
        assert f"(did you mean {ORDER.factory_id}?)" in wrong[1].problem
    finally:
        for table in ("center_reference", "factory_reference"):
            server.command(f"TRUNCATE TABLE {table}")


@pytest.mark.parametrize("event", BASE, ids=lambda event: type(event).__name__)
def test_an_event_is_found_by_its_identity_as_it_was_sent(server: Reader, event: Any) -> None:
    second = replace(event, event_time=event.event_time + 1)
    stored(server, event, second, declared(second), replace(event, event_id="another"))
    found = standing(server, event.source, event.event_id)
    assert [(one.event, one.declared) for one in found] == [(event, False), (second, True)]
    assert standing(server, event.source, "none") == []
