"""A table is published as often as one likes: nothing twice, an edited row takes back what it said, whoever is killed in between."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.spreadsheets import HEADER, NOW, ORDERS, ROWS, Broker, publish, write_csv, write_ods, write_xlsx

from weftline.domain.events import OrderEvent
from weftline.domain.vocabulary import ErrorReason, OrderStatus, Precision
from weftline.errors import UserError
from weftline.files.ledger import Ledger


def edited(rows: Sequence[Sequence[Any]], row: int, column: str, value: Any) -> list[list[Any]]:
    changed = [list(one) for one in rows]
    changed[row][HEADER.index(column)] = value
    return changed


def test_rows_are_events(tmp_path: Path) -> None:
    outcome, broker, warned = publish(write_xlsx(tmp_path / "o.xlsx", [HEADER, *ROWS]), ORDERS, tmp_path / "l")
    assert (outcome.new, outcome.edited, outcome.unchanged, outcome.exit_status) == (3, 0, 0, 0)
    confirmed, dispatched, requested = broker.events
    assert isinstance(confirmed, OrderEvent)
    assert (confirmed.factory_id, confirmed.order_id, confirmed.status, confirmed.product_category) == (
        "f-204",
        "A-30",
        OrderStatus.CONFIRMED,
        "sheet",
    )
    assert confirmed.event_time == 1_795_761_000_000  # 14:30 at +08:00
    assert confirmed.promised_at == 1_795_881_600_000 - 1, "a promise by date ends with that day"
    assert confirmed.precision is Precision.UNKNOWN
    assert (dispatched.order_id, dispatched.promised_at) == ("A-30", None)
    assert (requested.order_id, requested.style_number) == ("0031", None)
    assert requested.precision is Precision.DAY, "a date alone is a date"
    assert [one.reason for one in warned] == []


TEXTS = st.text("单据ABCxyz0123456789", min_size=1, max_size=8).filter(lambda text: not text.isdigit())
TIMES = st.datetimes(datetime(2026, 1, 1, 0, 1), datetime(2026, 11, 1), timezones=st.none()).map(
    # To the minute; and never midnight, which a workbook cannot tell from the date alone.
    lambda when: when.replace(hour=max(when.hour, 1), second=0, microsecond=0)
)
ROW = st.tuples(
    st.one_of(TIMES, st.dates(date(2026, 1, 1), date(2026, 11, 1))),
    st.sampled_from(["海门叠石桥家纺厂", "通州二厂"]),
    TEXTS,
    st.none() | TEXTS,
    st.sampled_from(["床单", "被套"]),
    st.sampled_from(["已确认", "已寄出", "RECEIVED", "打样中"]),
    st.integers(1, 9),
    st.none() | st.dates(date(2026, 1, 1), date(2027, 1, 1)),
    st.integers(0, 999),
).map(list)
TABLE = st.lists(ROW, min_size=1, max_size=5, unique_by=lambda row: (row[2], row[5], row[6]))
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030")
SORTS: list[tuple[str, dict[str, str]]] = [
    *(("csv", {"encoding": encoding, "separator": separator}) for encoding in ENCODINGS for separator in ",;	"),
    ("ods", {}),
]


@settings(max_examples=10, deadline=None)
@given(TABLE)
def test_one_table_is_the_same_events_from_any_sort_of_file(rows: list[list[Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        _, broker, _ = publish(write_xlsx(where / "t.xlsx", [HEADER, *rows]), ORDERS, where / "l")
        assert len(broker.events) == len(rows)
        for number, (sort, more) in enumerate(SORTS):
            path = where / f"t{number}.{sort}"
            file = write_csv(path, [HEADER, *rows], **more) if sort == "csv" else write_ods(path, [HEADER, *rows])
            _, other, _ = publish(file, ORDERS, where / f"l{number}")
            assert other.events == broker.events, (sort, more)


@settings(max_examples=25, deadline=None)
@given(TABLE, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_changes_nothing(rows: list[list[Any]], chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        publish(write_csv(where / "a.csv", [HEADER, *rows]), ORDERS, where / "l")
        chance.shuffle(rows)
        places = list(range(len(HEADER)))
        chance.shuffle(places)
        turned = [[row[at] for at in places] for row in [HEADER, *rows]]
        outcome, broker, _ = publish(write_csv(where / "b.csv", turned), ORDERS, where / "l")
        assert (outcome.new, outcome.edited, outcome.unchanged) == (0, 0, len(rows))
        assert broker.got == []


EDITS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(0, 3)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(EDITS)
def test_however_a_table_is_edited_and_whoever_is_killed_what_it_says_last_stands(edits: list[tuple[int, int, int]]) -> None:
    """Edits there and back; each publish may be killed after so many events, or find no broker."""
    with tempfile.TemporaryDirectory() as folder:
        where, rows, arrived = Path(folder), [list(row) for row in ROWS], Broker()
        for row, quantity, fault in edits:
            rows = edited(rows, row, "数量", quantity)
            arrived.killed_after = len(arrived.got) + fault - 1 if fault in (1, 2) else None
            arrived.refuse = fault == 3
            with suppress(KeyboardInterrupt):
                publish(write_csv(where / "t.csv", [HEADER, *rows]), ORDERS, where / "l", arrived)
        arrived.killed_after, arrived.refuse = None, False
        publish(write_csv(where / "t.csv", [HEADER, *rows]), ORDERS, where / "l", arrived)
        stands = {event.event_id: event for event in arrived.events if event.event_id in arrived.stands}
        assert sorted(event.quantity for event in stands.values()) == sorted(row[-1] for row in rows)  # type: ignore[attr-defined]
        said = {}
        for event in arrived.got:  # one identity says one thing, as often as it is sent
            assert said.setdefault((event.event_id, event.error_declaration is None), event) == event
        outcome, again, _ = publish(where / "t.csv", ORDERS, where / "l")
        assert (outcome.new, outcome.edited, outcome.unchanged, again.got) == (0, 0, 3, [])


def test_an_edited_row_is_one_declaration_and_one_event(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "t.xlsx", [HEADER, *ROWS])
    _, first, _ = publish(file, ORDERS, tmp_path / "l")
    write_xlsx(file, [HEADER, *edited(ROWS, 1, "数量", 30)])
    outcome, broker, _ = publish(file, ORDERS, tmp_path / "l")
    assert (outcome.new, outcome.edited, outcome.unchanged) == (0, 1, 2)
    (declared,), (event,) = broker.declared, broker.events
    old = first.events[1]
    assert declared.error_declaration is not None
    assert (declared.event_id, declared.event_time, declared.owner) == (old.event_id, old.event_time, old.owner)
    assert declared.error_declaration.reason is ErrorReason.INCORRECT_DATA
    assert declared.error_declaration.corrective_event_ids == (event.event_id,)
    assert declared.error_declaration.declaration_time == NOW


def test_what_is_typed_back_gets_an_identity_of_its_own(tmp_path: Path) -> None:
    """The first one was given up: sent again it would count nothing."""
    broker = Broker()
    for quantity in (3, 4, 3, 4):
        publish(write_csv(tmp_path / "t.csv", [HEADER, *edited(ROWS[:1], 0, "数量", quantity)]), ORDERS, tmp_path / "l", broker)
    assert len({event.event_id for event in broker.events}) == 4
    assert [event.quantity for event in broker.events if event.event_id in broker.stands] == [4]  # type: ignore[attr-defined]


def test_an_edited_time_or_factory_is_taken_back_where_it_stood(tmp_path: Path) -> None:
    broker = Broker()
    for when, factory in ((ROWS[0][0], "通州二厂"), (ROWS[0][0] + timedelta(days=1), "海门叠石桥家纺厂")):
        rows = edited(edited(ROWS[:1], 0, "日期", when), 0, "厂家", factory)
        publish(write_csv(tmp_path / "t.csv", [HEADER, *rows]), ORDERS, tmp_path / "l", broker)
    assert (broker.declared[0].event_time, broker.declared[0].factory_id) == (broker.events[0].event_time, "f-205")


def test_nothing_is_sent_while_a_row_is_at_fault(tmp_path: Path) -> None:
    rows = [*ROWS, *edited(edited(ROWS[:1], 0, "单号", "A-31"), 0, "状态", "已飞走"), *edited(ROWS[:1], 0, "日期", "2026/13/40")]
    file, broker = write_csv(tmp_path / "t.csv", [HEADER, *rows]), Broker()
    with pytest.raises(UserError) as told:
        publish(file, ORDERS, tmp_path / "l", broker)
    assert broker.got == []
    head, *faults = str(told.value).splitlines()
    assert head.startswith(f"{file}: 2 faults in 2 rows; nothing was sent")
    assert faults[0].strip().startswith("F5 (状态): '已飞走' stands for no status")
    assert faults[1].strip() == "A6 (日期): '2026/13/40' is no date: month must be in 1..12"
    outcome, broker, _ = publish(file, ORDERS, tmp_path / "l", broker, skip_faulty=True)
    assert (len(broker.events), outcome.new, outcome.exit_status, len(outcome.faults.kept)) == (3, 3, 1, 2)


def test_faults_are_bounded_and_counted(tmp_path: Path) -> None:
    rows = [["?", *ROWS[0][1:2], f"A-{n}", *ROWS[0][3:]] for n in range(300)]
    with pytest.raises(UserError) as told:
        publish(write_csv(tmp_path / "t.csv", [HEADER, *rows]), ORDERS, tmp_path / "l")
    lines = str(told.value).splitlines()
    assert (len(lines), lines[-1].strip()) == (52, "and 250 more")
    assert "300 faults in 300 rows" in lines[0]


def test_two_rows_of_one_key(tmp_path: Path) -> None:
    outcome, broker, _ = publish(write_csv(tmp_path / "t.csv", [HEADER, *ROWS, ROWS[0]]), ORDERS, tmp_path / "l")
    assert (outcome.new, outcome.repeated, len(broker.got)) == (3, 1, 3)
    other = write_csv(tmp_path / "u.csv", [HEADER, *ROWS, *edited(ROWS[:1], 0, "数量", 9)])
    with pytest.raises(UserError, match=r"row 5: has the key of row 2 \(单号, 状态, 轮次\) and says something else"):
        publish(other, ORDERS, tmp_path / "l")


def test_a_dry_run_sends_and_notes_nothing_and_warns_of_all(tmp_path: Path) -> None:
    rows = [*ROWS, *edited(edited(ROWS[:1], 0, "品类", "shet"), 0, "单号", "A-9")]
    file = write_csv(tmp_path / "t.csv", [HEADER, *rows])
    dry, broker, warned = publish(file, ORDERS, tmp_path / "l", dry_run=True)
    assert (dry.new, dry.sent, broker.got, (tmp_path / "l").exists()) == (4, False, [], False)
    outcome, _, same = publish(file, ORDERS, tmp_path / "l")
    assert (outcome.new, outcome.warned) == (4, 1)
    assert warned == same
    assert "did you mean sheet?" in warned[0].reason
    assert publish(file, ORDERS, tmp_path / "l", dry_run=True)[0].unchanged == 4


def test_strict_refuses_what_else_is_warned_of(tmp_path: Path) -> None:
    rows = [*ROWS, *edited(edited(ROWS[:1], 0, "品类", "shet"), 0, "单号", "A-9")]
    file, broker = write_csv(tmp_path / "t.csv", [HEADER, *rows]), Broker()
    with pytest.raises(UserError, match="row 5: product_category: 'shet'"):
        publish(file, ORDERS, tmp_path / "l", broker, strict=True)
    assert broker.got == []
    outcome, _, _ = publish(file, ORDERS, tmp_path / "l", broker, strict=True, skip_faulty=True)
    assert (outcome.new, len(broker.got)) == (3, 3)


def test_a_ledger_has_one_writer_and_is_one(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "t.csv", [HEADER, *ROWS])
    with Ledger(tmp_path / "l"), pytest.raises(UserError, match="another `weftline publish` is at work"):
        publish(file, ORDERS, tmp_path / "l")
    (tmp_path / "m").write_text("no ledger, but somebody's text " * 99)
    with pytest.raises(UserError, match="is no ledger"):
        publish(file, ORDERS, tmp_path / "m")


def test_a_key_that_changes_would_send_every_row_a_second_time(tmp_path: Path) -> None:
    file, broker = write_csv(tmp_path / "t.csv", [HEADER, *ROWS]), Broker()
    publish(file, ORDERS, tmp_path / "l", broker)
    other = ORDERS.replace("key: [单号, 状态, 轮次]", "key: [单号, 状态, 轮次, 日期]")
    with pytest.raises(UserError, match="rows were known by order, order_id, status, round until now, and the mapping's key is"):
        publish(file, other, tmp_path / "l", broker)
    assert len(broker.got) == 3
    renamed = write_csv(tmp_path / "u.csv", [[name.replace("单号", "编号") for name in HEADER], *ROWS])
    outcome, _, _ = publish(renamed, ORDERS.replace("单号", "编号"), tmp_path / "l", broker)
    assert outcome.unchanged == 3
