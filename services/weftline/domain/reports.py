"""Rules of laboratory reports: the life of a report, and what it counts for.

One report comes several times: its content once per amendment, and each amendment's verification, publication and withdrawal. **Each
amendment is verified for itself.** The greatest that is verified is in force, and judges its factory until a greater one is. If the
amendment in force is withdrawn, the report counts nowhere (no lower one rises again) until a greater one is verified; withdrawing
another changes nothing. A step about an amendment that has not come waits for its content. A content that comes under the number of an
amendment which is verified already, and says something else, has to be verified in turn.

The report is counted once, by signed amounts: +1 where an amendment comes into force first, -old +new where a greater one does, -counted
where the one in force is withdrawn, 0 at anything else. The verdict itself follows from the content of one event alone and stands at that
event's own address.
"""

from __future__ import annotations

import pickle
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson

from weftline.domain.events import InspectionEvent
from weftline.domain.laboratory import Coverage, Flags, Verdict, VerdictKind, verdict_as_json
from weftline.domain.rows.inspections import ReportKey
from weftline.domain.vocabulary import ReportStatus

APPLIED = "applied"
AMENDED = "amended"
STALE_AMENDMENT = "stale_amendment"
REPEATED = "repeated"
ISSUED_AGAIN = "issued_again"  # other content under the number of an amendment that is verified already
WAITS = "waits"  # a step about an amendment whose content has not come
AFTER_WITHDRAWAL = "after_withdrawal"
PUBLISHED_UNVERIFIED = "published_unverified"
UNKNOWN_STATUS = "unknown_status"

#: Characters of a rendered verdict that is kept: those of a report of some 25 measurements.
KEPT_JSON = 16_000

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
        """The verdict as JSON. Rendered once, for a report's row is written again at every step of its life, unless it is so long that
        keeping it would cost more than the rest of the report does."""
        if self._json is not None:
            return self._json
        rendered = _rendered(self.verdict)
        if len(rendered) <= KEPT_JSON:
            self._json = rendered
        return rendered


def _rendered(verdict: Verdict) -> str:
    return orjson.dumps(verdict_as_json(verdict)).decode()


class PackedContent(Content):
    """A content that is kept as compressed bytes, and judged anew when it is looked at."""

    __slots__ = ("_bytes", "_shelf")

    def __init__(self, packed: bytes, shelf: Shelf) -> None:
        self._bytes = packed
        self._shelf = shelf
        self._json = None

    @property
    def event(self) -> InspectionEvent:  # type: ignore[override]
        return self._shelf.open(self, self._bytes)[0]

    @property
    def verdict(self) -> Verdict:  # type: ignore[override]
        return self._shelf.open(self, self._bytes)[1]

    @property
    def verdict_json(self) -> str:
        return _rendered(self.verdict)


class Shelf:
    """Keeps contents as compressed bytes, the few last used besides as they are.

    A report of 300 measurements takes 350 kB as objects and 6 as bytes, and is there again within 6 ms.
    """

    def __init__(self, judge: Callable[[InspectionEvent], Verdict], open_ones: int = 32) -> None:
        self._judge = judge
        self._most = open_ones
        self._open: OrderedDict[PackedContent, tuple[InspectionEvent, Verdict]] = OrderedDict()

    def put(self, event: InspectionEvent, verdict: Verdict) -> PackedContent:
        """A content to be kept."""
        content = PackedContent(zlib.compress(pickle.dumps(event, pickle.HIGHEST_PROTOCOL), 1), self)
        self._keep(content, (event, verdict))
        return content

    def open(self, content: PackedContent, packed: bytes) -> tuple[InspectionEvent, Verdict]:
        """Event and verdict of a content."""
        found = self._open.get(content)
        if found is not None:
            self._open.move_to_end(content)
            return found
        event: InspectionEvent = pickle.loads(zlib.decompress(packed))
        return self._keep(content, (event, self._judge(event)))

    def _keep(self, content: PackedContent, both: tuple[InspectionEvent, Verdict]) -> tuple[InspectionEvent, Verdict]:
        self._open[content] = both
        if len(self._open) > self._most:
            self._open.popitem(last=False)
        return both


class Item(NamedTuple):
    """Signed amounts of one indicator of one product category."""

    category: str
    indicator: str
    tested: int
    passed: int
    failed: int
    incomplete: int
    not_detected: int


class Counts(NamedTuple):
    """Signed amounts: of reports, and of each indicator.

    ``full``, ``full_passed``, ``full_failed``: of the reports, those whose verdict is of all that the standards require.
    """

    reports: int = 0
    passed: int = 0
    failed: int = 0
    incomplete: int = 0
    not_applicable: int = 0
    full: int = 0
    full_passed: int = 0
    full_failed: int = 0
    items: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Amendment:
    """One amendment of a report. ``content``: the newest; ``verified``: the content that was verified. Times are event times in ms."""

    content: Content | None = None
    verified: Content | None = None
    verified_at: int | None = None
    published_at: int | None = None
    withdrawn_at: int | None = None

    @property
    def status(self) -> ReportStatus:
        """How far it has come; VERIFIED after PUBLISHED stays PUBLISHED."""
        if self.withdrawn_at is not None:
            return ReportStatus.WITHDRAWN
        if self.published_at is not None:
            return ReportStatus.PUBLISHED
        return ReportStatus.SUBMITTED if self.verified_at is None else ReportStatus.VERIFIED


@dataclass(frozen=True, slots=True)
class Report:
    """State of a report after the events that stand: its amendments by number, ascending."""

    amendments: tuple[tuple[int, Amendment], ...] = ()
    events: int = 0

    def of(self, number: int) -> Amendment:
        """The amendment of that number; an empty one if nothing was heard of it."""
        return next((one for known, one in self.amendments if known == number), _UNHEARD)

    def put(self, number: int, amendment: Amendment) -> Report:
        """The report with one amendment as it is now."""
        others = (pair for pair in self.amendments if pair[0] != number)
        return Report(tuple(sorted((*others, (number, amendment)), key=_number)), self.events)

    @property
    def in_force(self) -> tuple[int, Amendment] | None:
        """The greatest amendment that is verified, withdrawn or not."""
        return next((pair for pair in reversed(self.amendments) if pair[1].verified is not None), None)

    @property
    def latest(self) -> int:
        """The greatest amendment whose content is there, verified or not; -1 without any."""
        return max((number for number, one in self.amendments if one.content is not None), default=-1)

    @property
    def shown(self) -> tuple[int, Amendment] | None:
        """The amendment in force; without one, the greatest that has come; without any, the greatest that was spoken of."""
        if self.in_force is not None:
            return self.in_force
        known = [pair for pair in self.amendments if pair[1].content is not None] or self.amendments
        return known[-1] if known else None

    @property
    def content(self) -> Content | None:
        """What is shown of it."""
        shown = self.shown
        return None if shown is None else shown[1].verified or shown[1].content

    @property
    def counted(self) -> Content | None:
        """What the report counts for now."""
        found = self.in_force
        return found[1].verified if found is not None and found[1].withdrawn_at is None else None

    @property
    def counted_at(self) -> int:
        """Since when what is in force judges its factory: the later of its content and its verification; 0 if nothing does."""
        found = self.in_force
        if found is None or found[1].verified is None or found[1].verified_at is None:
            return 0
        return max(found[1].verified.event.event_time, found[1].verified_at)


_UNHEARD = Amendment()


def _number(pair: tuple[int, Amendment]) -> int:
    return pair[0]


def counts_of(content: Content, sign: int) -> Counts:
    """What a report counts for, with a sign."""
    kind = content.verdict.verdict
    category = content.event.product_category
    items = tuple(
        Item(
            category=category,
            indicator=indicator,
            tested=sign * bool(flags & _TESTED),
            passed=sign * bool(flags & _PASSED),
            failed=sign * bool(flags & _FAILED),
            incomplete=sign * bool(flags & _INCOMPLETE),
            not_detected=sign * bool(flags & _NOT_DETECTED),
        )
        for indicator, flags in content.verdict.indicators
    )
    full = sign * (content.verdict.coverage is Coverage.FULL and kind is not VerdictKind.NOT_APPLICABLE)
    return Counts(
        reports=sign,
        passed=sign * (kind is VerdictKind.PASS),
        failed=sign * (kind is VerdictKind.FAIL),
        incomplete=sign * (kind is VerdictKind.INCOMPLETE),
        not_applicable=sign * (kind is VerdictKind.NOT_APPLICABLE),
        full=full,
        full_passed=full * (kind is VerdictKind.PASS),
        full_failed=full * (kind is VerdictKind.FAIL),
        items=items,
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
    items = tuple(Item(*key, *total) for key, total in sums.items() if any(total))
    # Every field but the last is a sum.
    summed = map(sum, zip(*(part[:-1] for part in parts), strict=True))
    return Counts(**dict(zip(Counts._fields[:-1], summed, strict=True)), items=items)


def with_content(report: Report, content: Content) -> tuple[Report, str]:
    """A report after an event with content: the mark says whether it applies."""
    noted = replace(report, events=report.events + 1)
    body = content.event.laboratory_report
    if body is None:
        raise ValueError("a laboratory report without content")
    number = body.amendment
    known, found = report.of(number), report.in_force
    if known.content is None:
        # What was said of it before it came holds for it now.
        verified = content if known.verified_at is not None else None
        mark = STALE_AMENDMENT if number < report.latest else AMENDED if report.latest >= 0 else APPLIED
        return noted.put(number, replace(known, content=content, verified=verified)), mark
    if known.withdrawn_at is not None:
        return noted, AFTER_WITHDRAWAL
    if _said(content) in (_said(known.content), _said(known.verified)):
        return noted, REPEATED
    mark = ISSUED_AGAIN if known.verified is not None else STALE_AMENDMENT if found and number < found[0] else AMENDED
    return noted.put(number, replace(known, content=content)), mark


def _said(content: Content | None) -> object:
    """What a content says, whenever and by whichever event."""
    if content is None:
        return None
    event = content.event
    return (
        *(event.laboratory_report, event.product_category, event.style_number, event.order_id, event.lot_ids),
        *(event.center_id, event.cooperative_id),
    )


def with_status(report: Report, event: InspectionEvent) -> tuple[Report, str]:
    """A report after a step in the life of one of its amendments: the mark says whether it applies."""
    change = event.report_status
    noted = replace(report, events=report.events + 1)
    if change is None or change.status is ReportStatus.UNKNOWN:
        return noted, UNKNOWN_STATUS
    known = report.of(change.amendment)
    if known.withdrawn_at is not None:
        return noted, AFTER_WITHDRAWAL
    mark = APPLIED if known.content is not None else WAITS
    time = event.event_time
    if change.status is ReportStatus.WITHDRAWN:
        return noted.put(change.amendment, replace(known, withdrawn_at=time)), mark
    if change.status is ReportStatus.VERIFIED:
        if known.verified_at is not None and known.verified is known.content:
            return noted, REPEATED
        return noted.put(change.amendment, replace(known, verified=known.content, verified_at=time)), mark
    if change.status is ReportStatus.PUBLISHED:
        if known.published_at is not None:
            return noted, REPEATED
        if mark is APPLIED and known.verified is None:
            mark = PUBLISHED_UNVERIFIED
        return noted.put(change.amendment, replace(known, published_at=time)), mark
    return noted.put(change.amendment, known), mark


class Result(NamedTuple):
    """A counted result of one indicator, as runs of failures see it."""

    position: tuple[int, str, str]  # test time, laboratory, report number
    failed: bool
    content: Content
    counted_at: int

    @property
    def key(self) -> ReportKey:
        """The report."""
        return ReportKey(self.position[1], self.position[2])


def results_of(state: Report) -> Iterable[tuple[str, Result]]:
    """Per indicator that passed or failed, the counted result; what was not judged breaks no run and makes none."""
    content = state.counted
    if content is None or (report := content.event.laboratory_report) is None:
        return
    position = (content.verdict.judged_at, report.laboratory_id, report.report_number)
    for indicator, flags in content.verdict.indicators:
        if flags & (_PASSED | _FAILED):
            yield indicator, Result(position, bool(flags & _FAILED), content, state.counted_at)
