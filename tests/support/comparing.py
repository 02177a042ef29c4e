"""What a takeover has to compare, by the domain's own words: :func:`weftline.domain.revisions.agrees` of each subject."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from weftline.domain.revisions import Judged, StateSubject, agrees, judged_in
from weftline.processors.rows import AlertRow


def disagreeing(
    partitions: Collection[int], live: Mapping[str, int], states: Iterable[Judged], alerts: Iterable[AlertRow]
) -> tuple[tuple[StateSubject, int], ...]:
    """Subjects of which something may have to be said, and of which a row bears one of the partitions, with their greatest version."""
    judged = {state.subject: state for state in states}
    rows: dict[StateSubject, list[AlertRow]] = {subject: [] for subject, state in judged.items() if state.alerts}
    for row in alerts:
        rows.setdefault((row.owner, row.subject_table, row.subject_key), []).append(row)
    found = []
    for subject, own in rows.items():
        owner, table, key = subject
        state = judged.get(subject, Judged(owner, table, key, 0, 0, -1, ()))
        if {state.partition, *(row.partition for row in own)}.isdisjoint(partitions):
            continue
        if not agrees(state, [row.alert for row in own], live):
            found.append((subject, max([state.version, *(judged_in(row.alert.version) for row in own)])))
    return tuple(sorted(found))
