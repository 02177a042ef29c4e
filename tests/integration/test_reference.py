"""Reference data on the real engine: validity dates, loading again, parties that nobody knows, and the names of a demonstration."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.commands import weftline
from tests.support.notifying import SECRET

from weftline.contracts.paths import schemas_root
from weftline.contracts.reference import Alias, Center, Factory, Reference, read_reference
from weftline.embedded.demo import introduce
from weftline.embedded.simulator.config import SimulationConfig, demo_config
from weftline.embedded.simulator.reference import reference_of
from weftline.embedded.simulator.simulation import Simulation
from weftline.embedded.simulator.workdays import DAY
from weftline.runtime.clock import system_clock
from weftline.runtime.settings import Settings
from weftline.warehouse.client import Reader, reader
from weftline.warehouse.migrations import migrate
from weftline.warehouse.reference import LIVE, TABLES, Known, Loaded, Unknown, known_centers, known_factories, likely, load, unknown

_numbers = itertools.count()


@pytest.fixture
def settings(clickhouse: str) -> Settings:
    """Settings with a database of the test's own, migrated."""
    own = Settings(clickhouse=clickhouse, clickhouse_database=f"reference_{os.getpid()}_{next(_numbers)}")
    migrate(own)
    return own


@pytest.fixture
def server(settings: Settings) -> Iterator[Reader]:
    with reader(settings) as connection:
        yield connection


def day(server: Reader, ahead: int) -> date:
    """The server's day so many days from now; tests keep off the next one, lest midnight pass meanwhile."""
    ((today,),) = server.rows("SELECT today()")
    assert isinstance(today, date)
    return today + timedelta(days=ahead)


def center(valid_from: date, name: str = "名", rounds: float | None = None, **more: Any) -> Center:
    return Center(id="c1", valid_from=valid_from, name_zh=name, name_en=name, source="s", rounds_per_day=rounds, **more)


def factory(id: str, valid_from: date, cooperative: str = "") -> Factory:
    return Factory(id=id, valid_from=valid_from, cooperative_id=cooperative, name_zh="厂", name_en="Works", source="s")


def test_an_entry_holds_from_its_day_until_the_next(server: Reader) -> None:
    before, since, later = (day(server, ahead) for ahead in (-40, 0, 30))
    entries = (center(later, "third", 9.0), center(before, "first", 7.5, cooperative_id="haimen"), center(since, "second"))
    assert load(server, Reference(entries)) == Loaded(3, 0, 0, 1)
    # The second knows no capacity and no cooperative, so the first's do not shine through.
    assert known_centers(server, 10) == ([Known("c1", "", "second", "second", None)], 1)
    assert load(server, Reference((center(day(server, -20), "between"),))) == Loaded(1, 0, 0, 0)
    assert known_centers(server, 10).parties[0].name_zh == "second"

    # What the view says on other days, by its own text.
    ((view,),) = server.rows("SELECT as_select FROM system.tables WHERE database = currentDatabase() AND name = 'centers'")
    assert view.count("today()") == 1
    for on, name in ((before, "first"), (day(server, -20), "between"), (later - timedelta(days=1), "second"), (later, "third")):
        rows = server.rows(view.replace("today()", "{on:Date}"), {"on": on})
        assert [row[2] for row in rows] == [name]
    assert server.rows(view.replace("today()", "{on:Date}"), {"on": before - timedelta(days=1)}) == []


def test_a_membership_begins_and_ends_on_its_days(server: Reader) -> None:
    entries = (
        factory("stays", day(server, -9), "haimen"),
        factory("left", day(server, -9), "haimen"),
        factory("left", day(server, -2)),
        factory("joins", day(server, -9)),
        factory("joins", day(server, 9), "haimen"),
        factory("unborn", day(server, 9), "haimen"),
    )
    assert load(server, Reference(factories=entries)) == Loaded(6, 0, 0, 2)
    members = {party.id: party.cooperative_id for party in known_factories(server, 10).parties}
    assert members == {"stays": "haimen", "left": "", "joins": ""}


def test_a_center_goes_live_once_and_an_entry_that_does_not_say_so_changes_nothing(server: Reader) -> None:
    moment = 1_767_225_600_000
    load(server, Reference((center(day(server, -40), live_from=moment), center(day(server, -20)))))
    assert dict(server.rows(LIVE)) == {"c1": moment}
    assert known_centers(server, 10).parties[0].live_from == moment
    assert load(server, Reference((center(day(server, -40), live_from=moment),))) == Loaded(0, 0, 1, 0)
    # Told before the day comes: what happens until then is history already.
    load(server, Reference((center(day(server, 30), live_from=moment + 1),)))
    assert dict(server.rows(LIVE)) == {"c1": moment + 1}
    assert known_centers(server, 10).parties[0].live_from == moment + 1


def test_loading_again_writes_nothing_and_a_changed_entry_replaces_its_day(server: Reader) -> None:
    example = read_reference((schemas_root() / "examples" / "reference.yaml").read_text("utf-8"))
    tables = [table.name for table in TABLES]

    def stored() -> list[list[tuple[Any, ...]]]:
        return [server.rows(f"SELECT * FROM {table} ORDER BY ALL") for table in tables]

    total = sum(len(getattr(example, table.part)) for table in TABLES)
    first = load(server, example)
    assert first[:3] == (total, 0, 0)
    before = stored(), known_centers(server, 99), known_factories(server, 99)
    assert load(server, example)[:3] == (0, 0, total)
    assert (stored(), known_centers(server, 99), known_factories(server, 99)) == before
    renamed = replace(example.centers[-1], name_en="It's \\ {new:String}; 新", rounds_per_day=0.1)
    assert load(server, replace(example, centers=(*example.centers[:-1], renamed)))[:3] == (0, 1, total - 1)
    assert known_centers(server, 99).parties[-1] == Known(
        renamed.id, renamed.cooperative_id, renamed.name_zh, renamed.name_en, renamed.rounds_per_day
    )
    # And back again: what was loaded last holds, though the table has seen it before.
    assert load(server, example)[:3] == (0, 1, total - 1)
    assert known_centers(server, 99) == before[1]


def test_lists_are_bounded_and_say_how_long_they_are(server: Reader) -> None:
    entries = tuple(factory(f"f{number:03}", day(server, -1)) for number in range(300))
    load(server, Reference(factories=entries))
    listed = known_factories(server, 7)
    assert ([party.id for party in listed.parties], listed.total) == ([f"f{number:03}" for number in range(7)], 300)
    assert known_centers(server, 7) == ([], 0)


def fact(server: Reader, table: str, at: int, center_id: str, factory_id: str, *, counts: int = 1, rev: int = 1) -> None:
    """A judged fact as a processor stores it, as far as it names parties; ``at`` in ms is its identity too."""
    server.command(
        f"INSERT INTO {table} (center_id, owner, event_time, source, event_id, rev, counts, cooperative_id, factory_id) "
        "SELECT {center:String}, 'o', {at:DateTime64(3, 'UTC')}, 's', {id:String}, {rev:UInt64}, {counts:UInt8}, 'co', {factory:String}",
        {"center": center_id, "at": at, "id": str(at), "rev": rev, "counts": counts, "factory": factory_id},
    )


def test_parties_that_events_name_and_nobody_knows(server: Reader) -> None:
    now = system_clock() // 1000 * 1000
    load(server, Reference((center(day(server, -1)),), (factory("known", day(server, -1)), factory("to come", day(server, 30)))))
    fact(server, "order_facts", now - 1, "c1", "known")
    assert unknown(server, 10) == ([], 0)
    fact(server, "order_facts", now - 5_000, "c1", "strange")
    fact(server, "inspection_facts", now - 4_000, "c9", "strange")
    fact(server, "logistics_facts", now - 3_000, "c1", "to come")
    fact(server, "order_facts", now - 9 * DAY, "c1", "old")
    # Declared erroneous later, and a repeat: the first is no more, the second is one event.
    fact(server, "order_facts", now - 2_000, "c1", "misspelt")
    fact(server, "order_facts", now - 2_000, "c1", "misspelt", counts=0, rev=2)
    fact(server, "order_facts", now - 5_000, "c1", "strange")
    everybody = [
        Unknown("center", "c9", "co", 1, now - 4_000),
        Unknown("factory", "strange", "co", 2, now - 4_000),
        Unknown("factory", "old", "co", 1, now - 9 * DAY),
        Unknown("factory", "to come", "co", 1, now - 3_000),
    ]
    assert unknown(server, 10) == (everybody, 4)
    assert unknown(server, 2) == (everybody[:2], 4)
    assert [party.id for party in unknown(server, 10, days=8).parties] == ["c9", "strange", "to come"]
    load(server, Reference(factories=(factory("strange", day(server, -1)),)))
    assert [party.id for party in unknown(server, 10).parties] == ["c9", "old", "to come"]


def test_an_alias_is_known_to_its_source_and_reads_are_enriched_by_the_day_of_the_event(server: Reader) -> None:
    now = system_clock() // 1000 * 1000
    entries = Reference(
        (center(day(server, -40), "old", capacity={"sewing": 2.5, "printer": 9.0}), center(day(server, -5), "new")),
        (factory("f-1", day(server, -40), "haimen"), factory("f-1", day(server, -5))),
        aliases=(Alias(kind="factory", used_by="s", alias="YQ", valid_from=day(server, -20), id="f-1", source="s"),),
    )
    assert load(server, entries) == Loaded(5, 0, 0, 0)
    assert load(server, entries) == Loaded(0, 0, 5, 0)
    for days in (30, 10, 1):
        fact(server, "order_facts", now - days * DAY, "c1", "YQ")
    fact(server, "cooperative_facts", now - 2 * DAY, "c1", "co")  # what is the cooperative's own is no member's
    assert unknown(server, 10) == ([], 0)
    asked = "SELECT factory_id, factory, factory_zh, member_of, center_zh FROM named_events ORDER BY event_time"
    assert server.rows(asked) == [
        ("YQ", "YQ", "", "", "old"),  # it was not called so yet
        ("YQ", "f-1", "厂", "haimen", "old"),
        ("co", "co", "", "", "new"),
        ("YQ", "f-1", "厂", "", "new"),  # and had left the cooperative
    ]
    found = likely(
        server, [Unknown("factory", "f_1", "", 1, 0), Unknown("factory", "Works", "", 1, 0), Unknown("center", "x", "", 1, 0)]
    )
    assert [party.likely for party in found] == [("f-1",), ("f-1",), ()]
    load(server, Reference(aliases=(replace(entries.aliases[0], valid_from=day(server, -1), id=""),)))
    assert [party.id for party in unknown(server, 10).parties] == ["YQ"]


def test_the_demonstration_has_a_name_for_everybody(settings: Settings, server: Reader) -> None:
    config, _ = demo_config(system_clock(), 15)
    introduce(settings, reference_of(config))
    introduce(settings, reference_of(config))
    centers, factories = known_centers(server, 1_000), known_factories(server, 1_000)
    events = [event for _, step in Simulation(_short(config)).undisturbed() for event in step]
    assert {event.center_id for event in events} == {party.id for party in centers.parties}
    # A budget is the cooperative's own, which is no factory.
    about = {event.factory_id for event in events if event.factory_id != event.cooperative_id}
    assert about <= {party.id for party in factories.parties}
    assert (centers.total, factories.total) == (4, 686)
    assert all(party.name_zh and party.name_en for party in (*centers.parties, *factories.parties))
    assert all(party.rounds_per_day and party.rounds_per_day > 0 for party in centers.parties)


def _short(config: SimulationConfig) -> SimulationConfig:
    return replace(config, events=1_000)


def test_the_command(settings: Settings, server: Reader, tmp_path: Path) -> None:
    more = {"WEFTLINE_CLICKHOUSE": settings.clickhouse, "WEFTLINE_CLICKHOUSE_DATABASE": settings.clickhouse_database}
    example = str(schemas_root() / "examples" / "reference.yaml")
    loaded = weftline("reference", "apply", example, folder=tmp_path, **more)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.startswith("15 new, 0 changed, 0 as before; ")
    assert weftline("reference", "apply", "-", folder=tmp_path, stdin=Path(example).read_text("utf-8"), **more).stdout.startswith(
        "0 new, 0 changed, 15 as before; "
    )
    at = system_clock()
    fact(server, "order_facts", at, "dieshiqiao", "haimen-0240")
    shown = weftline("reference", "show", "--limit", "3", folder=tmp_path, **more)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "centers: 4"
    called = "川姜共享打样中心, Chuanjiang Shared Sampling Center, 22 rounds a day, live from 2024-08-31T16:00:00.000Z"
    assert lines[1] == f"  chuanjiang           tongzhou     {called}"
    assert lines[4] == "  and 1 more (--limit)"
    assert lines[5] == "factories: 2"
    assert "  haimen-0204 ST-9" not in lines
    assert "  factory_id haimen-0204, contact first, reached_by f-204-group, called 质量主管" in lines
    receivers = tmp_path / "receivers.yaml"
    receivers.write_text(
        "contacts_after_minutes: 60\nreceivers:\n"
        "- {id: f-204-group, kind: webhook, url: 'https://e.example/', secret: {env: S}, factory_id: haimen-0204}\n"
        "- {id: f-204-chief, kind: webhook, url: 'https://e.example/', secret: {env: S}, factory_id: haimen-0301}\n",
        "utf-8",
    )
    told = {**more, "WEFTLINE_RECEIVERS": str(receivers), "S": SECRET}
    called = weftline("notify", "check", "--contacts", folder=tmp_path, **told)
    unreached = [
        "cooperative haimen, first contact, haimen-office: the file of receivers has no receiver of this id",
        "factory haimen-0204, second contact, f-204-chief: that receiver is for factory haimen-0301 alone",
    ]
    assert called.returncode == 1, "somebody cannot be called"
    assert called.stdout.splitlines() == [
        f"CANNOT BE CALLED  {unreached[0]}",
        "factory haimen-0204, first contact, f-204-group",
        f"CANNOT BE CALLED  {unreached[1]}",
    ]
    assert "WEFTLINE_RECEIVERS does not name" in weftline("reference", "check", folder=tmp_path, **more).stdout
    checked = weftline("reference", "check", folder=tmp_path, **told)
    assert checked.returncode == 0, checked.stderr
    second = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    assert checked.stdout.splitlines() == [
        "named by events of the last 90 days, and not known: 2",
        f"  cooperative co                   co           events: 1, the newest {second}",
        f"  factory     haimen-0240          co           events: 1, the newest {second}; did you mean haimen-0204?",
        "contacts that cannot be called: 2",
        *(f"  {line}" for line in unreached),
    ]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("source: s\nfactories:\n- {id: new, valid_from: 2026-01-01, name_zh: 新, name_en: New}\n- id: a\n", "utf-8")
    refused = weftline("reference", "apply", "wrong.yaml", folder=tmp_path, **more)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[:2] == [
        "weftline: wrong.yaml is wrong (schemas/examples/reference.yaml shows how it is written):",
        "  line 4: factories[1] (a): name_en is missing; where there is none, repeat name_zh",
    ]
    assert "new" not in [party.id for party in known_factories(server, 99).parties]
