"""Of a member that is tested often more deadlines pass than eight bits can count, and its rows follow each of them."""

from __future__ import annotations

import datetime
from itertools import pairwise

from tests.support.cooperative import event, inspection, midnight, rulebook

from weftline.domain.cooperative.events import CooperativeEvent
from weftline.domain.cooperative.history import Inspection
from weftline.domain.cooperative.members import DESKS, MEMBERS, MemberRules
from weftline.domain.days import DAY
from weftline.domain.fold import Drawn, History, Known, Record, StateRow
from weftline.domain.revisions import state_version

TESTS = 150
FIRST = datetime.date(2024, 1, 1)


def member() -> History[CooperativeEvent]:
    """Five years a member, with a test every twelve days."""
    joined = event({"id": "joined", "at": FIRST, "membership": {"step": "JOINED"}})
    tests: list[Inspection] = []
    for number in range(TESTS):
        day = FIRST + datetime.timedelta(days=12 * number + 1)
        said = {"verdict": "FAIL" if number % 9 == 0 else "PASS", "purpose": "COMMISSIONED", "payer": "FACTORY"}
        tests.append(inspection({"report": f"a/{number}", "tested": day, "verified": day, **said}))
    found = History(joined.owner, lambda: MemberRules(rulebook()))
    found.draw(Drawn(Known(2 * TESTS, 7), tuple(tests)))
    found.add([Record(joined, 1 << 61)], 0)
    return found


def test_rows_follow_deadlines_beyond_the_first_255() -> None:
    found = member()
    begin = midnight(FIRST) + (12 * TESTS + 2) * DAY
    seen: dict[str, list[tuple[int, StateRow]]] = {DESKS: [], MEMBERS: []}
    for days in range(0, 800, 20):
        outcome = found.rows(begin + days * DAY)
        for row in outcome.rows:
            if row.table in seen:
                seen[row.table].append((state_version(outcome.known.version, row.passed), row))
    for table, rows in seen.items():
        assert max(row.passed for _, row in rows) > 255, "else this proves nothing"
        beyond = [(version, row) for version, row in rows if row.passed > 255]
        changed = 0
        for (earlier, before), (later, after) in pairwise(beyond):
            changed += before.values != after.values
            assert later > earlier if before.values != after.values else later >= earlier, table
        assert changed > 1, table
