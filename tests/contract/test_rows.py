"""What each golden example becomes: the rows of facts, state and alerts, as a reader would see them.

A change of a rule that changes a row shows here as a difference in review. To accept it: ``WEFTLINE_ACCEPT=1 make test``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.golden import same_as_golden
from tests.support.tables import kinds

from weftline.contracts.codec import FRAMING, Codec, rank_of
from weftline.contracts.kinds import kind_of
from weftline.contracts.mapping import from_json
from weftline.contracts.paths import schemas_root
from weftline.contracts.registry import FileRegistry
from weftline.domain.fold import History, Record
from weftline.domain.revisions import content_of

SNAPSHOTS = Path(__file__).parent / "rows"
AS_OF = 1_798_761_600_000  # 2027-01-01, after every deadline in the examples
EXAMPLES = sorted(
    path for path in (schemas_root() / "examples").glob("*/*/*.json") if not path.parts[-3].startswith("quality.alerts")
)


def rows_of(example: dict[str, Any]) -> dict[str, Any]:
    event: Any = from_json(example)
    rank = rank_of(Codec(FileRegistry()).encode(event)[FRAMING:], event.error_declaration is not None)
    kind = next(kind for kind in kinds().values() if kind.topic == kind_of(event).topic)
    outcome = History(event.owner, kind.start).add([Record(event, rank)], AS_OF)
    assert not outcome.failures
    (fact,) = outcome.facts
    found: dict[str, Any] = {
        kind.facts: {
            "owner": outcome.owner,
            **{name: getattr(fact, name) for name in fact._fields if name != "amounts"},
            **fact.amounts._asdict(),
        }
    }
    for row in outcome.rows:
        found["/".join((row.table, *row.key))] = {
            **row.values._asdict(),
            "next_deadline": row.next_deadline,
            "alerts": [json.loads(content_of(alert)) for alert in row.alerts],
        }
    return found


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: "/".join(path.parts[-3:]))
def test_rows_of_a_golden_example(path: Path) -> None:
    rows = rows_of(json.loads(path.read_text("utf-8")))
    same_as_golden(SNAPSHOTS / path.parts[-3] / path.parts[-2] / path.name, rows)


def test_every_schema_version_has_an_example_with_rows() -> None:
    versions = {path.parts[-2:] for path in (schemas_root() / "avro").glob("*/*.avsc")}
    wanted = {(subject, name.removesuffix(".avsc")) for subject, name in versions if not subject.startswith("quality.alerts")}
    assert {(path.parts[-3], path.parts[-2]) for path in EXAMPLES} == wanted
