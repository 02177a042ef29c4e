"""What each story of :mod:`tests.support.stories` becomes, column by column; and that no two columns could change places unseen.

A change of a rule that changes a row shows here as a difference in review. To accept it: ``WEFTLINE_ACCEPT=1 make test``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import same_as_golden
from tests.support.stories import told
from tests.support.tables import kinds

from weftline.domain.alert_rules import RULES
from weftline.domain.fold import EDITION, Outcome
from weftline.domain.revisions import content_of
from weftline.domain.rows.columns import columns_of
from weftline.processors.kinds import Kind

KINDS = kinds()
GOLDEN = Path(__file__).parent / "rows" / "stories"


def rows_of(kind: Kind) -> dict[str, Any]:
    """By owner: of which records (Σ of their ranks) its rows are, and the rows of facts and state by table, with their columns' names."""
    return {outcome.owner: {"records": f"{outcome.version:x}", "rows": _rows_of(kind, outcome)} for outcome in told(kind)}


def _rows_of(kind: Kind, outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fact in outcome.facts:
        address = {name: getattr(fact, name) for name in fact._fields if name != "amounts"}
        found[kind.facts].append({"owner": outcome.owner, **address, **fact.amounts._asdict()})  # type: ignore[attr-defined]
    for row in outcome.rows:
        state = kind.states[row.table]
        key = dict(zip(state.key_columns, row.key, strict=True))
        alerts = [json.loads(content_of(alert)) for alert in row.alerts]
        values = row.values._asdict()  # type: ignore[attr-defined]
        found[row.table].append({"owner": outcome.owner, **key, **values, "next_deadline": row.next_deadline, "alerts": alerts})
    return found


def _golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    return found


def _rows(name: str) -> dict[str, list[dict[str, Any]]]:
    """The golden rows of all owners, by table."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for owner in _golden(name)["owners"].values():
        for table, rows in owner["rows"].items():
            found[table] += rows
    return found


@pytest.mark.parametrize("name", KINDS)
def test_rows_of_a_story(name: str) -> None:
    found = json.loads(json.dumps({"edition": EDITION, "owners": rows_of(KINDS[name])}))
    path = GOLDEN / f"{name}.json"
    if path.is_file() and (known := _golden(name))["edition"] == EDITION:
        changed = [*_judged_otherwise(known["owners"], found["owners"])]
        assert not changed, f"raise EDITION in domain/fold.py: the same records are judged differently: {changed}"
    same_as_golden(path, found)


def _judged_otherwise(known: Any, found: Any) -> Iterator[str]:
    """Values that stood there already and are others now, of owners with the very same records."""
    for owner, before in known.items():
        after = found.get(owner, {"records": None})
        if before["records"] == after["records"]:
            for table, rows in before["rows"].items():
                for old, new in zip(rows, after["rows"][table], strict=True):
                    yield from (f"{owner} {table}.{name}" for name in old.keys() & new.keys() if old[name] != new[name])


def test_the_stories_raise_an_alert_of_every_rule() -> None:
    raised = {alert["rule"] for name in KINDS for rows in _rows(name).values() for row in rows for alert in row.get("alerts", ())}
    assert raised == {rule.value for rule in RULES}


@pytest.mark.parametrize("name", KINDS)
def test_no_two_columns_of_one_type_can_change_places_unseen(name: str) -> None:
    """The names of columns are fields, so what can be swapped is what stands in them; then these rows would differ."""
    kind, golden = KINDS[name], _rows(name)
    described = {kind.facts: [columns_of(kind.amounts)]}
    described |= {
        state.name: [columns_of(state.row), *([columns_of(state.key)] if state.key else [])] for state in kind.states.values()
    }
    assert golden.keys() == described.keys(), "the story makes a row of every table"
    alike = [
        (table, one.name, other.name)
        for table, groups in described.items()
        for columns in groups
        for one, other in combinations(columns, 2)
        if one[1:2] + one[3:5] == other[1:2] + other[3:5] and all(row[one.name] == row[other.name] for row in golden[table])
    ]
    assert alike == [], "let the story tell them apart"
