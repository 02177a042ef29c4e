"""Rules of laboratory reports: the life of a report, and what it counts for.

One report comes several times (content, verified, published, amended, withdrawn); it is counted once, by these signed amounts:

* +1 at whichever of content and first verification is later; only a verified report judges anybody;
* -old +new at an amendment of a verified report; -counted at its withdrawal;
* 0 at anything else. PUBLISHED without a verification counts nothing and is marked.

The verdict itself follows from the content of one event alone and stands at that event's own address.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from weftline.domain.events import InspectionEvent
from weftline.domain.laboratory import Flags, Verdict, VerdictKind, verdict_as_json
from weftline.domain.vocabulary import ReportStatus

APPLIED = "applied"
AMENDED = "amended"
STALE_AMENDMENT = "stale_amendment"
REPEATED = "repeated"
AFTER_WITHDRAWAL = "after_withdrawal"
PUBLISHED_UNVERIFIED = "published_unverified"
UNKNOWN_STATUS = "unknown_status"

#: (laboratory, report number)
ReportKey = tuple[str, str]

_TESTED, _PASSED, _FAILED = int(Flags.TESTED), int(Flags.PASSED), int(Flags.FAILED)
_INCOMPLETE, _NOT_DETECTED = int(Flags.INCOMPLETE), int(Flags.NOT_DETECTED)


class Content:
    """The content of a report, with its verdict. Compared by identity: each event with content is one of its own."""

    __slots__ = ("_json", "event", "verdict")

    def __init__(self, event: InspectionEvent, verdict: Verdict) -> None:
        self.event = event
        self.verdict = verdict
        self._json: str | None = None

    @property
    def verdict_json(self) -> str:
        """The verdict as JSON, rendered once: a report's row is written again at every step of its life."""
        if self._json is None:
            self._json = json.dumps(verdict_as_json(self.verdict), ensure_ascii=False, separators=(",", ":"))
        return self._json


class Counts(NamedTuple):
    """Signed amounts: of reports, and per (product category, indicator) tested, passed, failed, incomplete, not detected."""

    reports: int = 0
    passed: int = 0
    failed: int = 0
    incomplete: int = 0
    items: tuple[tuple[str, str, int, int, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """State of a report after the events that stand; times are event times in ms."""

    content: Content | None = None
    status: ReportStatus | None = None
    verified_at: int | None = None
    published_at: int | None = None
    withdrawn_at: int | None = None
    events: int = 0

    @property
    def counted(self) -> Content | None:
        """What the report counts for now."""
        return self.content if self.verified_at is not None and self.withdrawn_at is None else None

    @property
    def counted_at(self) -> int:
        """Since when it judges its factory: the later of content and first verification; 0 if it does not."""
        if self.content is None or self.verified_at is None:
            return 0
        return max(self.content.event.event_time, self.verified_at)


def counts_of(content: Content, sign: int) -> Counts:
    """What a report counts for, with a sign."""
    kind = content.verdict.verdict
    category = content.event.product_category
    items = tuple(
        (
            category,
            indicator,
            sign * bool(flags & _TESTED),
            sign * bool(flags & _PASSED),
            sign * bool(flags & _FAILED),
            sign * bool(flags & _INCOMPLETE),
            sign * bool(flags & _NOT_DETECTED),
        )
        for indicator, flags in content.verdict.indicators
    )
    return Counts(
        sign, sign * (kind is VerdictKind.PASS), sign * (kind is VerdictKind.FAIL), sign * (kind is VerdictKind.INCOMPLETE), items
    )


def difference(before: Content | None, after: Content | None) -> Counts:
    """The signed amounts that turn what was counted into what is."""
    if before is after:
        return Counts()
    parts = [counts_of(before, -1)] if before else []
    if after:
        parts.append(counts_of(after, 1))
    if len(parts) == 1:
        return parts[0]
    sums: dict[tuple[str, str], list[int]] = {}
    for part in parts:
        for item in part.items:
            category, indicator, amounts = item[0], item[1], item[2:]
            total = sums.setdefault((category, indicator), [0, 0, 0, 0, 0])
            for index, amount in enumerate(amounts):
                total[index] += amount
    items = tuple((*key, t[0], t[1], t[2], t[3], t[4]) for key, t in sums.items() if any(t))
    return Counts(
        sum(part.reports for part in parts),
        sum(part.passed for part in parts),
        sum(part.failed for part in parts),
        sum(part.incomplete for part in parts),
        items,
    )


def with_content(report: Report, content: Content) -> tuple[Report, str]:
    """A report after an event with content: the mark says whether it applies."""
    body = content.event.laboratory_report
    noted = replace(report, events=report.events + 1)
    if report.withdrawn_at is not None:
        return noted, AFTER_WITHDRAWAL
    present = report.content.event.laboratory_report if report.content else None
    if present is not None and body is not None and body.amendment < present.amendment:
        return noted, STALE_AMENDMENT
    return replace(noted, content=content, status=report.status or ReportStatus.SUBMITTED), AMENDED if present else APPLIED


def with_status(report: Report, event: InspectionEvent) -> tuple[Report, str]:
    """A report after a step in its life: the mark says whether it applies."""
    change = event.report_status
    noted = replace(report, events=report.events + 1)
    if change is None or change.status is ReportStatus.UNKNOWN:
        return noted, UNKNOWN_STATUS
    if report.withdrawn_at is not None:
        return noted, AFTER_WITHDRAWAL
    time = event.event_time
    if change.status is ReportStatus.WITHDRAWN:
        return replace(noted, withdrawn_at=time, status=ReportStatus.WITHDRAWN), APPLIED
    if change.status is ReportStatus.VERIFIED:
        if report.verified_at is not None:
            return noted, REPEATED
        status = report.status if report.status is ReportStatus.PUBLISHED else ReportStatus.VERIFIED
        return replace(noted, verified_at=time, status=status), APPLIED
    if change.status is ReportStatus.PUBLISHED:
        if report.published_at is not None:
            return noted, REPEATED
        mark = APPLIED if report.verified_at is not None else PUBLISHED_UNVERIFIED
        return replace(noted, published_at=time, status=ReportStatus.PUBLISHED), mark
    return replace(noted, status=report.status or ReportStatus.SUBMITTED), APPLIED


class Result(NamedTuple):
    """A counted result of one indicator, as runs of failures see it."""

    position: tuple[int, str, str]  # test time, laboratory, report number
    failed: bool
    content: Content
    counted_at: int

    @property
    def key(self) -> ReportKey:
        """The report."""
        return self.position[1], self.position[2]


def results_of(state: Report) -> Iterable[tuple[str, Result]]:
    """Per indicator that passed or failed, the counted result; what was not judged breaks no run and makes none."""
    content = state.counted
    if content is None or (report := content.event.laboratory_report) is None:
        return
    position = (content.verdict.judged_at, report.laboratory_id, report.report_number)
    for indicator, flags in content.verdict.indicators:
        if flags & (_PASSED | _FAILED):
            yield indicator, Result(position, bool(flags & _FAILED), content, state.counted_at)


def runs(results: Iterable[Result]) -> list[list[Result]]:
    """Maximal runs of failures, in order of test time, of any length."""
    found: list[list[Result]] = []
    current: list[Result] = []
    for result in results:
        if result.failed:
            current.append(result)
        elif current:
            found.append(current)
            current = []
    if current:
        found.append(current)
    return found
