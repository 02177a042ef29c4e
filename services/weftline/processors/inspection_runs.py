"""Runs of failures as ClickHouse makes them of what each report says: the same as :class:`weftline.domain.runs.Runs`, of all reports of a
factory, without reading any of them."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from weftline.domain.fold import StateRow, Subject
from weftline.domain.inspection_alerts import run_alert
from weftline.domain.laboratory import Standards
from weftline.domain.report_rules import run_state
from weftline.domain.rows.inspections import RunRow
from weftline.domain.runs import ALARMING, Failed
from weftline.processors.kinds import Across

# Only of indicators that ever failed are the results put in order: most never did.
_RESULTS: Final = (
    "SELECT owner, assumeNotNull(tested_at) AS at, laboratory_id, report_number, indicator, fails, tells FROM strand_state FINAL "
    "ARRAY JOIN indicators AS indicator, failed AS fails, told AS tells WHERE owner IN {owners:Array(String)}"
)
_QUERY: Final = f"""
SELECT
    owner,
    indicator,
    results,
    failures,
    if(notEmpty(pieces) AND pieces[-1][1].4 = 1, length(pieces[-1]), 0) AS current_run,
    arrayMax(arrayPushBack(arrayMap(run -> length(run), failing), 0)) AS longest_run,
    toUnixTimestamp64Milli(last_at),
    arrayMap(run -> arrayMap(result -> result.5, arraySlice(run, 1, {ALARMING})), arrayFilter(run -> length(run) >= {ALARMING}, failing))
FROM
(
    SELECT
        owner,
        indicator,
        count() AS results,
        sum(fails) AS failures,
        max(at) AS last_at,
        arraySort(if(failures > 0, groupArray((at, laboratory_id, report_number, fails, tells)), [])) AS ordered,
        arraySplit((result, begins) -> begins, ordered, arrayMap(place -> place > 1 AND ordered[place].4 != ordered[place - 1].4,
            arrayEnumerate(ordered))) AS pieces,
        arrayFilter(run -> run[1].4 = 1, pieces) AS failing
    FROM ({_RESULTS})
    WHERE (owner, indicator) IN {{subjects:Array(Tuple(String, String))}}
    GROUP BY owner, indicator
)
"""


def runs_across(standards: Standards) -> Across:
    """How the runs of a factory are made."""
    return Across("strand_state", "run_state", _QUERY, partial(_row, standards))


def _row(standards: Standards, owner: str, key: Subject, found: tuple[Any, ...] | None) -> StateRow:
    (indicator,) = key
    if found is None:
        return run_state(indicator, RunRow(0, 0, 0, 0, None), ())
    *said, alarming = found
    runs = [[Failed.from_json(text) for text in run] for run in alarming]
    return run_state(indicator, RunRow(*said), (run_alert(owner, indicator, run, standards) for run in runs))
